"""Structures to learn suggestions from: of training scans and generators, cropped, some thinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.profiles import Annotated, Profiles, profiles
from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis
from fewslice.engines import Scan
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.io import read_image, read_labels
from fewslice.pretraining.generators.oct_layers import random_oct
from fewslice.pretraining.generators.random_shapes import random_shapes
from fewslice.segmentation.assemble import assemble_labels
from fewslice.typing import BoolArray
from fewslice.volumes import Geometry
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region, bounding_region
from fewslice.workflow.suggest import default_sampler

Rng = np.random.Generator

FOLDERS = {
    "Dataset004_Hippocampus": 0.25,
    "Dataset101_HeadNeckCT": 0.35,
    "Dataset108_TorsoCT": 0.2,
    "Dataset106_MacaqueMRI": 0.05,
    "Dataset105_BrainAtlasMRI": 0.1,
    "Dataset109_SpinalCordMRI": 0.05,
}
GENERATED = 0.2
THICK = 0.4
MOST_VOXELS = 240_000
STRUCTURES_A_VOLUME = 4
_TRIES = 12

Volume = tuple[str, Scan, npt.NDArray[Any], list[int]]
"""Where it is from, the scan, its labels, and those that were outlined in it."""


@dataclass(frozen=True, eq=False)
class Look:
    """What is seen of an answer. answer: that of the samples, on the whole scan."""

    found: Profiles
    region: Region
    answer: BoolArray


@dataclass(frozen=True, eq=False)
class Task:
    """One structure to finish. axis: across which its slices are drawn."""

    source: str
    scan: Scan
    mask: BoolArray
    axis: int

    def occupied(self, axis: int) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self.mask.any(axis=others_of(axis)))

    def annotation(self, places: list[SliceIndex]) -> Annotation:
        labels = np.zeros(self.mask.shape, dtype=np.uint8)
        for place in places:
            labels[on_slice(*place)] = self.mask[on_slice(*place)]
        return find_annotation(
            labels, Geometry.from_spacing(self.mask.shape, self.scan.spacing), places
        )

    def answer(self, annotation: Annotation) -> BoolArray:
        prediction = RandomWalker().prepare(self.scan).predict(annotation)
        return np.asarray(assemble_labels(prediction, annotation) == 1)

    def look(self, annotation: Annotation) -> Look:
        samples = default_sampler().samples(self.scan, annotation)
        annotated = Annotated(annotation.labels, annotation.slices, (), annotation.axis)
        found = profiles(
            samples.by_axes,
            samples.values,
            samples.region.start,
            annotated,
            self.scan.spacing,
            samples.grid,
        )
        answer = np.zeros(self.mask.shape, dtype=bool)
        answer[samples.region.slices] = samples.native(annotation).by_axes[0, 1] > 0.5
        return Look(found, samples.region, answer)


def others_of(axis: int) -> tuple[int, ...]:
    return inplane_axes(axis)


def sample_volume(data: Path, rng: Rng) -> Volume:
    """Return a random volume of a training part or of a generator."""
    chance = rng.random()
    if chance < GENERATED:
        made = random_shapes(rng) if chance < GENERATED / 2 else random_oct(rng)
        scan, labels, known = made.scan, made.labels, None
        source = "shapes" if chance < GENERATED / 2 else "layers"
    else:
        name = rng.choice(list(FOLDERS), p=list(FOLDERS.values()))
        files = sorted((data / name / "labelsTr").glob("*.nii.gz"))
        file = files[rng.integers(len(files))]
        case = file.name.removesuffix(".nii.gz")
        described = json.loads((data / name / "dataset.json").read_text())
        outlined = described.get("annotated", {}).get(case)
        known = None if outlined is None else [described["labels"][each] for each in outlined]
        image = read_image(data / name / "imagesTr" / f"{case}_0000.nii.gz")
        scan, labels = Scan.of(image), read_labels(file).array
        source = str(name)[7:10]
    values = [int(value) for value in np.unique(labels) if value]
    return source, scan, labels, [v for v in values if known is None or v in known]


def sample_task(data: Path, rng: Rng, volume: Volume | None = None) -> Task:
    """Return a random structure with its surroundings; of some only every few slices are kept.

    volume: where to look first, since reading one takes longer than anything else.
    """
    for attempt in count():
        if volume is None or not volume[3] or attempt >= _TRIES:
            source, scan, labels, values = sample_volume(data, rng)
        else:
            source, scan, labels, values = volume
        if not values:
            continue
        mask = labels == rng.choice(values)
        if np.count_nonzero(mask) < 60:
            continue
        box = bounding_region(mask)
        box = box.grown([max(side, 8) for side in box.shape], mask.shape)
        mask, channels = mask[box.slices], scan.channels[(slice(0, 1), *box.slices)]
        spacing = np.array(scan.spacing)
        while mask.size > MOST_VOXELS / 2 and max(mask.shape) >= 64:
            mask, channels, spacing = _thinned(
                mask, channels, spacing, int(np.argmax(mask.shape)), (0, 2)
            )
        if rng.random() < THICK:
            axis = int(rng.integers(3))
            occupied = np.flatnonzero(mask.any(axis=others_of(axis)))
            step = min((int(np.ptp(occupied)) + 1) // 6, 6) if len(occupied) else 1
            if step >= 2:
                start = int(rng.integers(step))
                mask, channels, spacing = _thinned(mask, channels, spacing, axis, (start, step))
        if mask.size > MOST_VOXELS or min(mask.shape) < 4:
            continue
        steps = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
        axis = annotation_axis(Geometry.from_spacing(mask.shape, steps))
        if rng.random() < 0.15:
            axis = int(rng.integers(3))
        task = Task(
            source,
            Scan.from_spacing(np.ascontiguousarray(channels), steps),
            np.ascontiguousarray(mask),
            axis,
        )
        if len(task.occupied(axis)) >= 4:
            return task
    raise AssertionError("count() never ends")


def tasks(data: Path, seed: int) -> Iterator[tuple[Task, Rng]]:
    """Yield structures without end, a few of each volume, with random numbers for each."""
    for number in count():
        rng = np.random.default_rng([seed, number])
        if number % STRUCTURES_A_VOLUME == 0:
            volume = sample_volume(data, np.random.default_rng([seed, number, 1]))
        yield sample_task(data, rng, volume), rng


def _thinned(
    mask: BoolArray,
    channels: npt.NDArray[Any],
    spacing: npt.NDArray[np.float64],
    axis: int,
    every: tuple[int, int],
) -> tuple[BoolArray, npt.NDArray[Any], npt.NDArray[np.float64]]:
    start, step = every
    place = [slice(None)] * 3
    place[axis] = slice(start, None, step)
    wider = spacing.copy()
    wider[axis] *= step
    return mask[tuple(place)], channels[(slice(None), *place)], wider
