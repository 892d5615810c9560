"""Samples beside the answer that a person gets, on one grid, so that both can be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Scan, as_half
from fewslice.engines.ensemble.engine import Auto
from fewslice.engines.kept import resampled, resampled_slices
from fewslice.engines.network.engine import Network
from fewslice.engines.network.features import FeatureSettings
from fewslice.engines.seeds import UNSEEDED, seeds_on_grid
from fewslice.segmentation.posterior.samples import Samples
from fewslice.typing import Float32Array
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    from fewslice.segmentation.posterior import Sampler

_MOST_VOXELS = 160_000  # as many as are walked at most
_COARSE = Auto(Network(features=replace(FeatureSettings(), most_voxels=_MOST_VOXELS)))


@dataclass(frozen=True)
class WithAnswer:
    """A sampler, and after its samples one more: what `auto` answers, on a coarse grid.

    engine: its grid is a coarse one. Boundaries are not placed at the scan's voxels.
    """

    sampler: Sampler
    engine: Auto = _COARSE

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return the samples, and the answer as the last of them."""
        found = self.sampler.samples(scan, annotation, seed)
        kept = self.engine.prepare(scan).unrefined(annotation)
        grid = found.grid or WorkingGrid(found.region, found.region.shape, scan.spacing)
        told = dict(zip(kept.values, resampled(kept.share, kept.grid, grid), strict=True))
        answer = _told(told, found.values[1:], annotation, grid)
        background = np.clip(1 - answer.sum(axis=0, keepdims=True), 0, 1)
        whole = np.moveaxis(as_half(np.concatenate([background, answer])), 1 + found.axis, 1)
        return replace(found, probability=np.concatenate([found.probability, whole[None]]))


def answer_on_samples(
    prediction: Prediction,
    samples: Samples,
    annotation: Annotation,
    spacing: tuple[float, float, float],
) -> Float32Array:
    """Return an answer's probability of each structure on the samples' grid, (structure, i, j, k).

    Of a structure that the prediction does not know there is nothing. What a person said of a voxel
    is 1 and 0. spacing: of the scan, mm.
    """
    grid = samples.grid or WorkingGrid(samples.region, samples.region.shape, spacing)
    own = WorkingGrid(prediction.region, prediction.region.shape, spacing)
    told = {
        value: resampled_slices(one, own, grid, samples.axis)
        for value, one in zip(prediction.values, prediction.probability, strict=True)
        if value in samples.values[1:]
    }
    return _told(told, samples.values[1:], annotation, grid)


def _told(
    told: dict[int, Float32Array],
    values: tuple[int, ...],
    annotation: Annotation,
    grid: WorkingGrid,
) -> Float32Array:
    """Return (structure, i, j, k) of what was told by label, with what a person said put in."""
    found = np.zeros((len(values), *grid.shape), dtype=np.float32)
    seeds = seeds_on_grid(annotation, grid)
    known = seeds != UNSEEDED
    for one, value in zip(found, values, strict=True):
        if value in told:
            one[...] = told[value]
        one[known] = seeds[known] == 1 + annotation.values.index(value)
    return found
