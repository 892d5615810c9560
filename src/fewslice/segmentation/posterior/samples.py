"""Samples of what a scan may hold: one array, whatever they were drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Prediction, as_half
from fewslice.engines.predictions import around, within
from fewslice.errors import InputError
from fewslice.typing import Float16Array
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid


@dataclass(frozen=True, eq=False)
class Samples:
    """Several answers for the voxels of a region; outside of it all are sure of background.

    region: the box answered. axis: array axis across which the slices lie. values: the label of
    each class, background (0) first, ascending. probability: float16 (sample, label, slice, row,
    column), in [0, 1], summing to 1 over labels; rows and columns are the other two array axes in
    their order. The first sample is the answer from all that is known. What a person drew is 1 and
    0 in every sample. grid: over the region, whose voxels these are; None if they are the scan's.
    features: (slice, F), what a network sees on each slice of the whole scan across `axis`, if a
    network was asked.
    """

    region: Region
    axis: int
    values: tuple[int, ...]
    probability: Float16Array
    grid: WorkingGrid | None = None
    features: npt.NDArray[np.floating[Any]] | None = None

    @classmethod
    def of_scan(
        cls,
        probability: npt.NDArray[np.floating[Any]],
        axis: int,
        features: npt.NDArray[np.floating[Any]] | None = None,
    ) -> Samples:
        """Return samples (sample, class, slice, row, column) of all of a scan.

        Classes are labelled 0, 1, 2 and so on. Raises InputError unless the array has five axes.
        """
        if probability.ndim != 5:
            raise InputError(
                f"Samples of a scan have shape {probability.shape}; expected five axes: (samples, "
                "classes, slices, rows, columns)."
            )
        shape = list(probability.shape[3:])
        shape.insert(axis, probability.shape[2])
        whole = Region((0, 0, 0), (shape[0], shape[1], shape[2]))
        values = tuple(range(probability.shape[1]))
        half = probability.astype(np.float16, copy=False)
        return cls(whole, axis, values, half, features=features)

    @property
    def by_axes(self) -> Float16Array:
        """The probabilities as (sample, label, i, j, k), in the order of the scan's array axes."""
        return np.moveaxis(self.probability, 2, 2 + self.axis)

    def across(self, axis: int) -> Samples:
        """Return the same samples in slices across an array axis (a view).

        Features are of one axis only.
        """
        if axis == self.axis:
            return self
        by_slice = np.moveaxis(self.by_axes, 2 + axis, 2)
        return replace(self, axis=axis, probability=by_slice, features=None)

    def native(self, annotation: Annotation) -> Samples:
        """Return the samples at the scan's own voxels, with what the person said in each."""
        if self.grid is None:
            return self
        full = np.empty((*self.probability.shape[:2], *self.region.shape), dtype=np.float16)
        for sample, coarse in zip(full, self.by_axes, strict=True):
            sample[...] = as_half(self.grid.up(coarse))
        _put_drawing(full, self.values, annotation, self.region)
        return Samples(self.region, self.axis, self.values, np.moveaxis(full, 2 + self.axis, 2))


def as_samples(predictions: Sequence[Prediction], annotation: Annotation) -> Samples:
    """Put predictions of the same classes together, with what the person said in each of them.

    The region covers all of theirs; outside of its own each is sure of background.
    """
    values, axis = predictions[0].values, annotation.axis
    region = around([prediction.region for prediction in predictions])
    full = np.zeros((len(predictions), len(values), *region.shape), dtype=np.float16)
    full[:, 0] = 1
    for sample, prediction in zip(full, predictions, strict=True):
        sample[(slice(None), *within(prediction.region, region))] = prediction.probability
    _put_drawing(full, values, annotation, region)
    return Samples(region, axis, values, np.moveaxis(full, 2 + axis, 2))


def _put_drawing(
    full: Float16Array, values: tuple[int, ...], annotation: Annotation, region: Region
) -> None:
    """Set what a person said of a voxel to 1 and 0, slice by slice (a mask of all is slow)."""
    for axis, index in annotation.slices:
        at = index - region.start[axis]
        if not 0 <= at < region.shape[axis]:
            continue
        place = on_slice(axis, at)
        labels = annotation.labels[region.slices][place]
        known = annotation.known(region)[place]
        for number, value in enumerate(values):
            one = full[(slice(None), number, *place)]
            one[:, known] = labels[known] == value
