"""Tasks: a structure of a volume, a few annotated slices of it, and what follows from those."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.engines.base import Scan
from fewslice.engines.network.features import FeatureSettings, SliceFeatures, find_features
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.generators.partial_labels import partly_known
from fewslice.pretraining.generators.shear import sheared
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.working_grid import WorkingGrid

_SLANTED = 0.15  # share of tasks on slices shifted along each other
_PARTLY = 0.2  # share of tasks of whose slices only a part is known
_FEWEST_VOXELS = 40
_FEWEST_SLICES = 4
_COUNTS = (1, 2, 3, 4, 5, 6, 8)
_SHARES = (0.36, 0.12, 0.18, 0.08, 0.12, 0.05, 0.09)
_CROSSED = 0.22  # share of tasks of which slices of other planes are drawn as well
_MISJUDGED = 0.12  # share of tasks of whose scan a wrong spacing is told
_AS_PEOPLE_DRAW = 0.6  # share of tasks whose slices lie across the axis people draw across


@dataclass(frozen=True, eq=False)
class Task:
    """What an episode is drawn from.

    features: what follows from the annotated slices. truth: int8 (slice, rows, columns) on the
    features' grid, class numbers, -1 where unknown. kind: which source it comes from. group: tasks
    with the same group show the same structure across the same axis; empty if there are no others.
    scan: which scan it is.
    """

    features: SliceFeatures
    truth: npt.NDArray[np.int8]
    kind: str
    group: str
    scan: str


def sample_task(
    volume: LabelledVolume, allowed: npt.NDArray[np.integer], kind: str, rng: np.random.Generator
) -> Task | None:
    """Choose structures, a plane and annotated slices in a volume, and gather their features.

    allowed: labels that may be asked for. Returns None if the choice cannot be a task (too small,
    nothing left to answer): choose again.
    """
    axis = _axis(volume, rng)
    classes = _structures(volume.labels, allowed, rng)
    if classes is None:
        return None
    truth, names = classes
    slant = rng.random() < _SLANTED
    if slant:
        volume, truth = sheared(volume, truth, axis, rng)
    annotation = reveal(truth, axis, rng)
    if annotation is None:
        return None
    if rng.random() < _CROSSED:
        annotation = crossed(annotation, truth, rng)
    scan = misjudged(volume.scan, rng) if rng.random() < _MISJUDGED else volume.scan
    grid, features = find_features(scan, annotation, _feature_settings(rng))
    picked = _on_grid(truth, grid)
    answered = np.isin(picked, (0, *annotation.values))
    number = np.zeros(256, dtype=np.int8)
    for at, value in enumerate(annotation.values, start=1):
        number[value] = at
    target = np.where(answered, number[picked], np.int8(-1))
    target = np.ascontiguousarray(np.moveaxis(target, axis, 0))
    group = "" if slant else _group_name(kind, axis, names, annotation)
    return Task(features, target, kind, group, volume.name)


def _group_name(kind: str, axis: int, names: tuple[str, ...], annotation: Annotation) -> str:
    """Return what tasks that show the same structures in the same order have in common.

    names: of all structures chosen; those that no annotated slice happens to hold are not asked.
    """
    return f"{kind}/{axis}/{','.join(names[value - 1] for value in annotation.values)}"


def _axis(volume: LabelledVolume, rng: np.random.Generator) -> int:
    """Return across which axis slices are drawn: mostly as people draw, or any."""
    if rng.random() < _AS_PEOPLE_DRAW:
        return annotation_axis(Geometry.from_spacing(volume.scan.shape, volume.scan.spacing))
    return int(rng.integers(3))


def _structures(
    labels: npt.NDArray[np.uint16], allowed: npt.NDArray[np.integer], rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]] | None:
    """Return a map with 1, 2, ... for the structures chosen, and their names; None if too small."""
    sizes = np.bincount(labels.ravel(), minlength=int(np.max(allowed, initial=0)) + 1)
    usable = allowed[sizes[allowed] >= _FEWEST_VOXELS]
    if not len(usable):
        return None
    first = int(rng.choice(usable))
    how = rng.random()
    if how < 0.7 or len(usable) == 1:
        return (labels == first).astype(np.uint8), (str(first),)
    others = _neighbours(labels, first, usable)
    chosen = [first, *rng.permutation(others)[: int(rng.integers(1, 4))].tolist()]
    truth = np.zeros(labels.shape, dtype=np.uint8)
    if how < 0.86:
        truth[np.isin(labels, chosen)] = 1
        return truth, ("+".join(map(str, sorted(chosen))),)
    several = sorted(chosen[:3])
    for number, value in enumerate(several, start=1):
        truth[labels == value] = number
    return truth, tuple(map(str, several))


def _neighbours(
    labels: npt.NDArray[np.uint16], first: int, usable: npt.NDArray[np.integer]
) -> npt.NDArray[np.integer]:
    """Return the labels in the box around a structure that may be asked for too."""
    where = np.argwhere(labels == first)
    low, high = np.maximum(where.min(axis=0) - 2, 0), where.max(axis=0) + 3
    box = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    near = np.intersect1d(np.unique(box), usable)
    return np.setdiff1d(near, [first])


def reveal(truth: npt.NDArray[np.uint8], axis: int, rng: np.random.Generator) -> Annotation | None:
    """Annotate a few slices as a person would: spread or anywhere, ends marked or not.

    Some annotations know only parts of their slices (255 elsewhere). None if too few slices hold
    a structure.
    """
    others = inplane_axes(axis)
    occupied = np.flatnonzero(truth.any(axis=others))
    if len(occupied) < _FEWEST_SLICES:
        return None
    count = min(int(rng.choice(_COUNTS, p=_SHARES)), len(occupied) // 2)
    chosen = _spread(occupied, count, rng)
    slices = set(chosen.tolist())
    if rng.random() < 0.3:
        ends = [int(occupied[0]) - 1, int(occupied[-1]) + 1]
        kept = ends if rng.random() < 0.7 else [ends[int(rng.integers(2))]]
        slices |= {end for end in kept if 0 <= end < truth.shape[axis]}
    labels = np.zeros_like(truth)
    for index in slices:
        labels[on_slice(axis, index)] = truth[on_slice(axis, index)]
    if rng.random() < _PARTLY:
        places = [on_slice(axis, index) for index in sorted(slices)]
        for place, known in zip(
            places, partly_known([labels[place] for place in places], rng), strict=True
        ):
            labels[place] = known
    annotation = Annotation(labels, tuple((axis, index) for index in sorted(slices)))
    return annotation if annotation.values else None


def crossed(
    annotation: Annotation, truth: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Annotation:
    """Annotate one to three slices of other planes as well, anywhere within the structures.

    The main axis stays what it was. Only structures that were drawn before are drawn on them.
    """
    axis = annotation.axis
    shown = np.where(np.isin(truth, annotation.values), truth, np.uint8(0))
    labels, slices = annotation.labels.copy(), set(annotation.slices)
    for _ in range(int(rng.integers(1, 4))):
        other = int(rng.choice(inplane_axes(axis)))
        occupied = np.flatnonzero(shown.any(axis=inplane_axes(other)))
        inner = len(occupied) * float(np.clip(rng.normal(0.5, 0.18), 0.02, 0.98))
        place = (other, int(occupied[int(inner)]))
        labels[on_slice(*place)] = shown[on_slice(*place)]
        slices.add(place)
    return replace(annotation, labels=labels, slices=tuple(sorted(slices)), main_axis=axis)


def misjudged(scan: Scan, rng: np.random.Generator) -> Scan:
    """Return a scan that says it has cubic voxels, or an axis up to three times too long or short.

    People's files say so, and the answer has to stand it.
    """
    factors = np.ones(3)
    factors[int(rng.integers(3))] = np.exp(rng.uniform(-1.1, 1.1))
    spacing = [1.0, 1.0, 1.0] if rng.random() < 0.4 else (factors * scan.spacing).tolist()
    return Scan.from_spacing(scan.channels, spacing)


def _spread(
    occupied: npt.NDArray[np.intp], count: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    if rng.random() < 0.15:
        return rng.choice(occupied, count, replace=False)
    jitter = rng.uniform(-0.3, 0.3, count) if rng.random() < 0.5 else np.zeros(count)
    middles = (np.arange(count) + 0.5 + jitter) * len(occupied) / count
    chosen: npt.NDArray[np.intp] = occupied[np.clip(middles.astype(int), 0, len(occupied) - 1)]
    return chosen


def _feature_settings(rng: np.random.Generator) -> FeatureSettings:
    """Return how much of the scan is seen, and how finely: mostly close, sometimes wide."""
    usual = FeatureSettings()
    sketch = replace(usual.sketch, most_voxels=int(rng.uniform(40_000, 120_000)))
    if rng.random() < 0.2:
        return FeatureSettings(
            margin=float(rng.uniform(0.6, 2.0)),
            reach=float(rng.uniform(1.0, 3.0)),
            radius_in_voxels=float(rng.uniform(6.0, 10.0)),
            most_voxels=200_000,
            finer_sketch=1,
            sketch=sketch,
        )
    return FeatureSettings(
        margin=usual.margin * float(rng.uniform(0.7, 1.4)),
        reach=float(rng.uniform(0.8, 1.2)),
        radius_in_voxels=float(rng.uniform(8.0, 16.0)),
        most_voxels=int(rng.uniform(80_000, 300_000)),
        finer_sketch=1,
        sketch=sketch,
    )


def _on_grid(truth: npt.NDArray[np.uint8], grid: WorkingGrid) -> npt.NDArray[np.uint8]:
    picked = [np.clip(grid.pick(axis), 0, truth.shape[axis] - 1) for axis in range(3)]
    return truth[np.ix_(*picked)]
