"""What is expected of a scan, slice by slice along each axis: a few numbers a slice.

Strategies that finish one volume look at these *profiles* in place of voxels: how much of a
structure an answer puts on each slice, how doubtful it is there, and which slices a person has
spoken of. They are small, so ranking takes no time once samples are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float64Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.layers import is_layer
from fewslice.volumes.working_grid import WorkingGrid


@dataclass(frozen=True, eq=False)
class AxisProfile:
    """One array axis of a scan with n slices; arrays are float64 (structure, n), in voxels.

    step: mm between slices. pixel_area: mm² of a voxel within the slice. expected: Σ over the
    slice's voxels of the answer's probability p. doubt: Σ min(p, 1 - p), the voxels expected to be
    wrong. spread: Σ of the mean absolute difference of the other samples from the answer. present:
    in [0, 1], probability that the structure is on the slice.
    drawn: (structure, n) bool, slices on which a person drew it. empty: slices on which a person
    said that it is not. asked: bool (n,), slices a person has spoken of; all, in every plane, where
    nothing of the scan is left to speak of. confirmed: slices said to hold a structure that nobody
    drew.
    """

    step: float
    pixel_area: float
    expected: Float64Array
    doubt: Float64Array
    spread: Float64Array
    present: Float64Array
    drawn: npt.NDArray[np.bool_]
    empty: npt.NDArray[np.bool_]
    asked: npt.NDArray[np.bool_]
    confirmed: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.asked)


@dataclass(frozen=True, eq=False)
class Profiles:
    """The profiles of a scan along its three array axes. main: the axis most was drawn across.

    contour: float64 (structure,), mean length in mm of what was drawn of a structure on a slice of
    the main axis that holds it. area: the same of its area, mm². Of a structure that is drawn
    nowhere: of discs of the areas expected. layers: whether all that was drawn across the main axis
    are layers, which are likely to go on through the whole scan (`is_layer`). spacing_known: False
    where mm are assumed ones, which nobody may be told.
    """

    axes: tuple[AxisProfile, AxisProfile, AxisProfile]
    main: int
    contour: Float64Array
    area: Float64Array
    layers: bool = False
    spacing_known: bool = True

    @property
    def radius(self) -> Float64Array:
        """Radius in mm of the circle of each structure's mean drawn area, float64 (structure,)."""
        result: Float64Array = np.sqrt(np.maximum(self.area, 1e-6) / np.pi)
        return result

    @property
    def compactness(self) -> Float64Array:
        """4π · area / contour² of each structure, at most 1: 1 for a disc, less for thin shapes."""
        result: Float64Array = np.minimum(
            4 * np.pi * self.area / np.maximum(self.contour, 1e-6) ** 2, 1.0
        )
        return result

    @property
    def slices(self) -> int:
        """How many slices hold something drawn, over all axes."""
        return int(sum(axis.drawn.any(axis=0).sum() for axis in self.axes))


@dataclass(frozen=True, eq=False)
class Annotated:
    """What a person said of a scan, as arrays.

    labels: (i, j, k), the sparse label map. slices: (array axis, index) of the annotated ones.
    present: slices known to hold a structure, though nobody drew them. main: the main axis.
    """

    labels: npt.NDArray[np.unsignedinteger]
    slices: tuple[tuple[int, int], ...]
    present: tuple[tuple[int, int], ...]
    main: int


def profiles(  # noqa: PLR0913, PLR0917 - samples, where they lie, and what was said
    probability: npt.NDArray[np.float16],
    values: Sequence[int],
    start: tuple[int, int, int],
    annotated: Annotated,
    spacing: tuple[float, float, float],
    grid: WorkingGrid | None = None,
) -> Profiles:
    """Reduce posterior samples to profiles.

    probability: float16 (sample, label, i, j, k) over a box of the scan that begins at the voxel
    `start`, background first; the first sample is the answer. values: the labels, 0 first.
    spacing: mm per array axis. grid: of which the box's voxels are; None if they are the scan's.
    """
    sums = _sums(probability, start, annotated.labels.shape, grid)
    first, second, third = (
        _axis_profile(axis, sums[axis], values, annotated, spacing) for axis in range(3)
    )
    none = np.zeros(len(values) - 1)
    found = Profiles((first, second, third), annotated.main, none, none)
    return measured_across(found, values, annotated, spacing)


def measured_across(
    found: Profiles,
    values: Sequence[int],
    annotated: Annotated,
    spacing: tuple[float, float, float],
) -> Profiles:
    """Return profiles with the main axis of `annotated`, and what was drawn measured across it."""
    main = found.axes[annotated.main]
    contour, area = _drawn_sizes(annotated, values, spacing)
    for number in np.flatnonzero(area == 0):
        expected = main.expected[number]
        if (expected > 0.5).any():
            area[number] = expected[expected > 0.5].mean() * main.pixel_area
            contour[number] = 2 * np.sqrt(np.pi * area[number])
    layers = _only_layers(annotated, values, spacing)
    return replace(found, main=annotated.main, contour=contour, area=area, layers=layers)


def _sums(
    probability: npt.NDArray[np.float16],
    start: tuple[int, int, int],
    shape: tuple[int, ...],
    grid: WorkingGrid | None,
) -> list[dict[str, Float64Array]]:
    """Return, for each axis, sums over slices (structure, n) of the whole scan."""
    count, classes = probability.shape[:2]
    names = ("expected", "doubt", "spread", "present")
    sums = [{name: np.zeros((classes - 1, shape[axis])) for name in names} for axis in range(3)]
    for number in range(1, classes):
        answer = probability[0, number].astype(np.float32)
        doubt = np.minimum(answer, 1 - answer)
        spread = np.zeros_like(answer)
        for sample in range(1, count):
            spread += np.abs(probability[sample, number] - answer)
        spread /= max(count - 1, 1)
        for axis in range(3):
            others = inplane_axes(axis)
            highest = np.stack([one[number].max(axis=others) for one in probability])
            found = {"present": highest.astype(np.float64).mean(axis=0)}
            for name, volume in (("expected", answer), ("doubt", doubt), ("spread", spread)):
                found[name] = volume.sum(axis=others, dtype=np.float64) * _voxels(grid, others)
            for name, values in found.items():
                fine = values if grid is None else grid.up(values[None], (axis,))[0]
                sums[axis][name][number - 1, start[axis] : start[axis] + len(fine)] = fine
    return sums


def _voxels(grid: WorkingGrid | None, axes: tuple[int, ...]) -> float:
    """Return how many voxels of the scan a voxel of the grid spans, in the plane of these axes."""
    if grid is None:
        return 1.0
    return float(np.prod([grid.region.shape[axis] / grid.shape[axis] for axis in axes]))


def _axis_profile(
    axis: int,
    sums: dict[str, Float64Array],
    values: Sequence[int],
    annotated: Annotated,
    spacing: tuple[float, float, float],
) -> AxisProfile:
    length = annotated.labels.shape[axis]
    drawn = np.zeros((len(values) - 1, length), dtype=bool)
    empty = np.zeros_like(drawn)
    asked = np.full(length, _all_known(annotated))
    for other, index in annotated.slices:
        if other == axis:
            on_it = np.unique(_slice(annotated.labels, axis, index))
            drawn[:, index] = np.isin(values[1:], on_it)
            empty[:, index] = ~drawn[:, index]
            asked[index] = True
    present = sums["present"]
    for other, index in annotated.present:
        if other == axis:
            present[:, index] = np.maximum(present[:, index], 1.0)
    present[drawn], present[empty] = 1.0, 0.0
    others = list(inplane_axes(axis))
    return AxisProfile(
        step=spacing[axis],
        pixel_area=spacing[others[0]] * spacing[others[1]],
        expected=sums["expected"],
        doubt=sums["doubt"],
        spread=sums["spread"],
        present=present,
        drawn=drawn,
        empty=empty,
        asked=asked,
        confirmed=frozenset(index for other, index in annotated.present if other == axis),
    )


def _all_known(annotated: Annotated) -> bool:
    """Whether the slices across one axis leave nothing of the scan out."""
    given = set(annotated.slices)
    for axis, length in enumerate(annotated.labels.shape):
        if all((axis, index) in given for index in range(length)):
            return not (annotated.labels == UNKNOWN).any()
    return False


def _drawn_sizes(
    annotated: Annotated, values: Sequence[int], spacing: tuple[float, float, float]
) -> tuple[Float64Array, Float64Array]:
    """Return mean contour length (mm) and area (mm²) of each structure over slices that hold it.

    Of the main axis; of all axes for a structure that is drawn only across others.
    """
    contour, area = np.zeros(len(values) - 1), np.zeros(len(values) - 1)
    for number, value in enumerate(values[1:]):
        for slices in (
            [place for place in annotated.slices if place[0] == annotated.main],
            annotated.slices,
        ):
            sizes = [
                _size(_slice(annotated.labels, axis, index) == value, axis, spacing)
                for axis, index in slices
            ]
            held = [size for size in sizes if size[1] > 0]
            if held:
                contour[number], area[number] = np.mean(held, axis=0)
                break
    return contour, area


def _only_layers(
    annotated: Annotated, values: Sequence[int], spacing: tuple[float, float, float]
) -> bool:
    """Whether each structure that is drawn across the main axis is a layer on one of the slices."""
    down, right = (spacing[other] for other in inplane_axes(annotated.main))
    slices = [
        _slice(annotated.labels, axis, index)
        for axis, index in annotated.slices
        if axis == annotated.main
    ]
    drawn = [value for value in values[1:] if any((one == value).any() for one in slices)]
    return bool(drawn) and all(
        any(is_layer(one == value, (down, right)) for one in slices) for value in drawn
    )


def _size(
    mask: npt.NDArray[np.bool_], axis: int, spacing: tuple[float, float, float]
) -> tuple[float, float]:
    down, right = (spacing[other] for other in inplane_axes(axis))
    return contour_length(mask, (down, right)), float(mask.sum()) * down * right


def contour_length(mask: npt.NDArray[np.bool_], steps: tuple[float, float]) -> float:
    """Return the length in mm of the outlines of a mask (rows, columns).

    Cauchy-Crofton with four directions would be exact for any curve; here pixel edges are counted
    and multiplied by π/4, which is right for a circle and for edges of all directions on average.
    """
    padded = np.pad(mask, 1).astype(np.int8)
    across_rows = np.abs(np.diff(padded, axis=0)).sum() * steps[1]
    across_columns = np.abs(np.diff(padded, axis=1)).sum() * steps[0]
    return float((across_rows + across_columns) * np.pi / 4)


def _slice(labels: npt.NDArray[np.unsignedinteger], axis: int, index: int) -> npt.NDArray[Any]:
    """Return a view of a slice; `take` would copy the whole map if it lies otherwise in memory."""
    view: npt.NDArray[Any] = np.moveaxis(labels, axis, 0)[index]
    return view
