"""Structures to finish slice by slice: where they are found, and what is seen of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice import segment
from fewslice.active_learning.next_slice.profiles import Annotated, Profiles, profiles
from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis
from fewslice.engines import Scan
from fewslice.evaluation.simulation.volume import widest_gap_first
from fewslice.io import read_image, read_labels
from fewslice.metrics.overlap import dice
from fewslice.pretraining.generators.oct_layers import FLUID, random_oct
from fewslice.pretraining.generators.random_shapes import random_shapes
from fewslice.segmentation.posterior import Samples
from fewslice.segmentation.posterior.aligned import AlignedSampler
from fewslice.segmentation.posterior.answered import answer_on_samples
from fewslice.segmentation.posterior.understood import ByStructureSampler, InPlanesSampler
from fewslice.segmentation.result import Segmentation
from fewslice.typing import BoolArray, Float64Array
from fewslice.volumes import Geometry
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.region import bounding_region
from fewslice.workflow.sampled import told_of
from fewslice.workflow.suggest import default_sampler, main_axis

MOST_VOXELS = 110_000
FEWEST_SLICES = 6
_ALIKE = 1.3  # spacings within this factor are thinned together, so that cubes stay cubes
_MARGIN = 0.5  # of the longest side, in mm, around a structure; what a reader crops to, roughly


@dataclass(frozen=True)
class Recipe:
    """Where a structure is found.

    kind: what it is, for tables; whole kinds are left out of fits. of: number of a data set, or a
    generator. case: which file of its training part, or the generator's seed. labels: joined to one
    structure; in generators' volumes the running number. thick: only every so many slices of the
    axis are kept, as (axis, step). largest: only the largest connected piece.
    """

    kind: str
    of: str
    case: int
    labels: tuple[int, ...]
    thick: tuple[int, int] | None = None
    largest: bool = False

    @property
    def name(self) -> str:
        """Names the structure among all."""
        thick = "" if self.thick is None else f" every {self.thick[1]}. of {self.thick[0]}"
        return f"{self.of}-{self.case} {'+'.join(map(str, self.labels))}{thick}"

    @classmethod
    def named(cls, kind: str, name: str) -> Recipe:
        """Return the recipe of a kind that has this name."""
        where, labels, *thick = name.split(" ")
        of, _, case = where.partition("-")
        kept = (int(thick[-1]), int(float(thick[1]))) if thick else None
        numbers = tuple(int(one) for one in labels.split("+"))
        return cls(kind, of, int(case), numbers, kept, of == "116")


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of a state. profiles, told: what suggestions are made from.

    told: (1, feature), what the answer says of itself. answer: that answer, on the whole scan.
    """

    profiles: Profiles
    told: Float64Array
    answer: BoolArray


@dataclass(frozen=True, eq=False)
class Task:
    """One structure to finish. axis: across which its first slice is drawn."""

    recipe: Recipe
    scan: Scan
    mask: BoolArray
    axis: int

    @cached_property
    def image(self) -> Image:
        """Return the scan as `segment` takes it."""
        return Image(self.scan.channels, Geometry.from_spacing(self.mask.shape, self.scan.spacing))

    def occupied(self, axis: int) -> npt.NDArray[np.intp]:
        """Return the slices that hold the structure, ascending."""
        return np.flatnonzero(self.mask.any(axis=inplane_axes(axis)))

    def first(self) -> SliceIndex:
        """Return the middle of the slices that hold the structure, where everybody begins."""
        return self.axis, widest_gap_first([int(at) for at in self.occupied(self.axis)])[0]

    def labels(self, places: Sequence[SliceIndex]) -> LabelMap:
        """Return what is drawn once these slices are, as a sparse label map."""
        labels = np.zeros(self.mask.shape, dtype=np.uint8)
        for place in places:
            labels[on_slice(*place)] = self.mask[on_slice(*place)]
        return LabelMap(labels, self.image.geometry)

    def segmented(self, places: Sequence[SliceIndex]) -> Segmentation:
        """Return what people get once these slices are drawn; one has to show the structure."""
        return segment(self.image, self.labels(places), annotated=places)

    def answer(self, places: Sequence[SliceIndex]) -> BoolArray:
        """Return the same as a mask of the whole scan."""
        if not self.labels(places).values:  # all of them lie in a gap of the structure
            return np.zeros(self.mask.shape, dtype=bool)
        return np.asarray(self.segmented(places).labels.array == 1)

    def dice(self, places: Sequence[SliceIndex]) -> float:
        """Return the Dice of that over the whole volume."""
        return dice(self.answer(places), self.mask)

    def seen(self, places: Sequence[SliceIndex]) -> Seen:
        """Return what suggestions are made from, and the answer; one slice has to show it."""
        found = self.segmented(places)
        annotation, samples = self._sampled(places)
        answer = answer_on_samples(found.prediction, samples, annotation, self.scan.spacing)
        profile = self._profiles(annotation, samples)
        return Seen(profile, told_of(answer, samples), np.asarray(found.labels.array == 1))

    def look(self, places: Sequence[SliceIndex]) -> Profiles:
        """Return what suggestions are made from."""
        return self._profiles(*self._sampled(places))

    def _sampled(self, places: Sequence[SliceIndex]) -> tuple[Annotation, Samples]:
        drawn = self.labels(places)
        annotation = find_annotation(drawn.array, drawn.geometry, places)
        sampler = InPlanesSampler(ByStructureSampler(AlignedSampler(default_sampler())))
        return annotation, sampler.samples(self.scan, annotation, 0)

    def _profiles(self, annotation: Annotation, samples: Samples) -> Profiles:
        main = main_axis(annotation, self.image.geometry)
        annotated = Annotated(annotation.labels, annotation.slices, (), main)
        return profiles(
            samples.by_axes,
            samples.values,
            samples.region.start,
            annotated,
            self.scan.spacing,
            samples.grid,
        )


def made(
    recipe: Recipe, data: Path, most: int = MOST_VOXELS, fewest: int = FEWEST_SLICES
) -> Task | None:
    """Return the structure of a recipe; None where it is on too few slices to save any.

    most: voxels; of larger scans every second slice is kept, as often as it takes. fewest: slices.
    """
    scan, labels = _volume(recipe, data)
    mask = _structure(recipe, labels)
    channels, spacing = scan.channels, np.array(scan.spacing)
    if recipe.thick is not None:
        mask, channels, spacing = _thinned(mask, channels, spacing, *recipe.thick)
    if not mask.any():
        return None
    box = bounding_region(mask)
    reach = _MARGIN * max(side * mm for side, mm in zip(box.shape, spacing, strict=True))
    box = box.grown([max(int(reach / mm), 4) for mm in spacing], mask.shape)
    mask, channels = mask[box.slices], channels[(slice(None), *box.slices)]
    while mask.size > most:
        for fine in np.flatnonzero(spacing <= _ALIKE * spacing.min()).tolist():
            mask, channels, spacing = _thinned(mask, channels, spacing, fine, 2)
    task = _task(recipe, mask, channels, spacing)
    return task if len(task.occupied(task.axis)) >= fewest else None


def on_few_slices(task: Task, most: int) -> Task:
    """Return the structure on at most so many slices of its main plane; others are left out."""
    step = -(-len(task.occupied(task.axis)) // most)
    spacing = np.array(task.scan.spacing)
    thinned = _thinned(task.mask, task.scan.channels, spacing, task.axis, step)
    return _task(task.recipe, *thinned, task.axis)


def _task(
    recipe: Recipe,
    mask: BoolArray,
    channels: npt.NDArray[Any],
    spacing: npt.NDArray[np.float64],
    axis: int | None = None,
) -> Task:
    steps = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    if axis is None:
        axis = annotation_axis(Geometry.from_spacing(mask.shape, steps))
    channels = np.ascontiguousarray(channels, dtype=np.float32)
    return Task(recipe, Scan.from_spacing(channels, steps), np.ascontiguousarray(mask), axis)


def _structure(recipe: Recipe, labels: npt.NDArray[Any]) -> BoolArray:
    if recipe.of == "shapes":
        sizes = np.bincount(labels.ravel())
        return np.asarray(labels == 1 + int(sizes[1:].argmax()))
    mask = labels >= FLUID if FLUID in recipe.labels else np.isin(labels, recipe.labels)
    if recipe.largest:
        from scipy import ndimage

        pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        mask = pieces == sizes.argmax()
    return np.asarray(mask)


def _volume(recipe: Recipe, data: Path) -> tuple[Scan, npt.NDArray[Any]]:
    rng = np.random.default_rng(recipe.case)
    if recipe.of in ("oct", "shapes"):
        made_up = random_oct(rng) if recipe.of == "oct" else random_shapes(rng)
        return made_up.scan, made_up.labels
    if recipe.of == "lesion":
        from fewslice.pretraining.generators.lesions import lesion_volume

        made_up = lesion_volume(_read(data, "110", 0)[0], rng, recipe.name)
        return made_up.scan, made_up.labels
    scan, labels = _read(data, recipe.of, recipe.case)
    if recipe.of == "117":
        from fewslice.pretraining.generators.synthesis import synthesise

        halves = tuple(slice(None, None, 2) for _ in range(3))
        labels = labels[halves]
        spacing = (scan.spacing[0] * 2, scan.spacing[1] * 2, scan.spacing[2] * 2)
        return Scan.from_spacing(synthesise(labels, spacing, rng)[None], spacing), labels
    return scan, labels


@cache
def _read(data: Path, number: str, case: int) -> tuple[Scan, npt.NDArray[Any]]:
    (folder,) = data.glob(f"Dataset{number}_*")
    files = sorted((folder / "labelsTr").glob("*.nii.gz"))
    labels = read_labels(files[case])
    stem = files[case].name.removesuffix(".nii.gz")
    images = [read_image(one) for one in sorted((folder / "imagesTr").glob(f"{stem}_*.nii.gz"))]
    if not images:
        blank = np.zeros((1, *labels.array.shape), dtype=np.float32)
        return Scan.from_spacing(blank, labels.geometry.spacing), labels.array
    channels = np.concatenate([image.channels for image in images])
    return Scan.from_spacing(channels, labels.geometry.spacing), labels.array


def _thinned(
    mask: BoolArray,
    channels: npt.NDArray[Any],
    spacing: npt.NDArray[np.float64],
    axis: int,
    step: int,
) -> tuple[BoolArray, npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Return every `step`-th slice across an axis."""
    place = [slice(None)] * 3
    place[axis] = slice(step // 2, None, step)
    wider = spacing.copy()
    wider[axis] *= step
    return mask[tuple(place)], channels[(slice(None), *place)], wider
