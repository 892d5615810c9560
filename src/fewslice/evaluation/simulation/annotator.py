"""A simulated person: draws slices from the truth, perfectly or not, and takes time for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.profiles import contour_length
from fewslice.annotation.annotation import on_slice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

_MISSED_MM2 = 12.0
_JITTER_MM = 1.0
_SMOOTH_MM = 6.0
_NOTICED_VOXELS = 3


@dataclass(frozen=True, eq=False)
class SimulatedAnnotator:
    """Somebody who knows the truth of one structure.

    truth: bool (i, j, k). spacing: mm per array axis. imperfect: outlines are off by about 1 mm
    (smooth random displacement) and pieces below 12 mm² are missed. seed: of that.
    """

    truth: BoolArray
    spacing: tuple[float, float, float]
    imperfect: bool = False
    seed: int = 0
    cost: CostModel = CostModel()  # noqa: RUF009 - frozen

    def holds(self, axis: int, index: int) -> bool:
        """Return the answer to "is the structure on this slice?"."""
        return bool(self.truth[on_slice(axis, index)].any())

    def draws(self, axis: int, index: int) -> BoolArray:
        """Return what the person draws on a slice, bool (rows, columns)."""
        true: BoolArray = self.truth[on_slice(axis, index)]
        if not self.imperfect or not true.any():
            return true
        rng = np.random.default_rng([self.seed, axis, index])
        return jittered(_without_small(true, self._steps(axis)), self._steps(axis), rng)

    def seconds(self, axis: int, drawn: BoolArray, shown: BoolArray) -> float:
        """Return the modelled time for a slice: drawn anew, or the answer shown put right.

        drawn, shown: bool (rows, columns), what the person draws and what the program answered.
        Whichever takes less time.
        """
        steps = self._steps(axis)
        anew = self.cost.drawing(contour_length(drawn, steps))
        if not shown.any():
            return anew
        wrong = _noticed(drawn != shown)
        places = _pieces(wrong)
        return min(anew, self.cost.correcting(contour_length(wrong, steps) / 2, places))

    def _steps(self, axis: int) -> tuple[float, float]:
        down, right = (self.spacing[other] for other in inplane_axes(axis))
        return down, right


def jittered(mask: BoolArray, steps: tuple[float, float], rng: np.random.Generator) -> BoolArray:
    """Return a mask (rows, columns) whose outline is off by about 1 mm, smoothly along it."""
    from scipy import ndimage

    # Distances are to the middle of the nearest pixel beyond; the outline is half a pixel nearer.
    half = sum(steps) / 4
    inside = np.maximum(ndimage.distance_transform_edt(mask, sampling=steps) - half, 0)
    outside = np.maximum(ndimage.distance_transform_edt(~mask, sampling=steps) - half, 0)
    noise = ndimage.gaussian_filter(
        rng.standard_normal(mask.shape), [_SMOOTH_MM / step for step in steps]
    )
    noise *= _JITTER_MM / max(float(noise.std()), 1e-9)
    moved: BoolArray = (inside - outside + noise) > 0
    return moved if moved.any() else mask


def _without_small(mask: BoolArray, steps: tuple[float, float]) -> BoolArray:
    from scipy import ndimage

    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    area = np.bincount(pieces.ravel()) * steps[0] * steps[1]
    area[0] = 0.0
    keep = (area >= _MISSED_MM2) | (area == area.max())
    keep[0] = False
    kept: BoolArray = keep[pieces]
    return kept


def _noticed(wrong: BoolArray) -> BoolArray:
    """Return the wrong places a person would put right: those of more than a few voxels."""
    from scipy import ndimage

    pieces, _ = ndimage.label(wrong)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    found: BoolArray = (sizes >= _NOTICED_VOXELS)[pieces]
    return found


def _pieces(mask: BoolArray) -> int:
    from scipy import ndimage

    return int(ndimage.label(mask)[1])
