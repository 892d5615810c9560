"""From the slices of a DICOM series to one even grid, judged in voxels.

Headers round: positions to a tenth of a millimetre, cosines to two digits. So a grid is fitted to
what they say, and it counts how far a slice lies off it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, Remark
from fewslice.io.dicom.series import Slice, named
from fewslice.io.itk import Grid
from fewslice.typing import Float64Array, Int64Array
from fewslice.volumes.geometry import Geometry

# Voxels by which a slice may be off the grid, along the stack and within its plane. Along the stack
# it may be more where the header names the step that was fitted and rounding explains the rest.
OFF_ALONG = 0.15
OFF_ALONG_ROUNDED = 0.45
OFF_WITHIN = 0.5

GAP = 0.2  # a gap may differ from the step by that part of it
_SAID = 0.05  # so near is a fitted step to the one the header names
_WHOLE = 0.15  # so near is a gap to a whole number of steps
_WORTH_SAYING = 0.01  # voxels
_EXACT = 1e-6  # voxels
_ROUNDED = 0.03  # of a direction cosine: two digits, or nearly
_ROUNDED_WORTH_SAYING = 1e-3
_FARTHEST_TURN = 0.5  # voxels by which planes may differ at the corners of slices


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices on an even grid, in LPS+ and mm.

    origin: of the first slice. step: to the next. places: the number of each slice on the grid;
    numbers left out are missing slices.
    """

    slices: list[Slice]
    directions: Float64Array
    origin: Float64Array
    step: Float64Array
    places: Int64Array
    remarks: tuple[Remark, ...] = ()

    @property
    def count(self) -> int:
        """How many slices the grid has, with those that are missing."""
        return int(self.places[-1]) + 1

    @property
    def geometry(self) -> Geometry:
        """The grid: i along the rows, j along the columns, k the slices.

        The step along k is taken from the positions, so a tilted gantry gives a sheared affine.
        """
        between_rows, between_columns = self.slices[0].spacing
        across, down = self.directions.T
        steps = np.column_stack([across * between_columns, down * between_rows, self.step])
        rows, columns = self.slices[0].matrix
        affine = Grid.from_steps(self.origin, steps).affine
        return Geometry((columns, rows, self.count), affine)


def plane_of(path: Path, slices: list[Slice]) -> tuple[Float64Array, tuple[Remark, ...]]:
    """Return the directions of rows and of columns, (3, 2) unit vectors at right angles.

    Raises GeometryError if they are no such vectors even when rounding is allowed for, or if the
    slices lie in different planes.
    """
    first = slices[0]
    told = np.array([part.orientation for part in slices])
    spread = np.abs(told - first.orientation).max(axis=0)
    rows, columns = first.matrix
    farthest = max(spread[:3].max() * columns, spread[3:].max() * rows)
    if farthest > _FARTHEST_TURN:
        other = slices[int(np.argmax(np.abs(told - first.orientation).max(axis=1)))]
        found = f"{_text(first.orientation)} and {_text(other.orientation)}"
        raise GeometryError(
            f"{path} mixes slices of different orientations ({found}, in "
            f"{named(first, other)}); expected one volume: move those of one orientation elsewhere."
        )
    mean = told.mean(axis=0) if spread.any() else first.orientation
    axes = mean.reshape(2, 3)
    skew = float(np.abs(axes @ axes.T - np.eye(2)).max())
    if skew > _ROUNDED:
        raise GeometryError(
            f"{first.file} has an ImageOrientationPatient that is not two unit vectors at right "
            f"angles ({_text(first.orientation)}); repair its header or export it again."
        )
    if skew < _EXACT:
        return axes.T, ()
    across, _, down = np.linalg.svd(axes.T, full_matrices=False)
    remarks: tuple[Remark, ...] = ()
    if skew > _ROUNDED_WORTH_SAYING:
        remarks = (
            Remark(
                "directions-rounded",
                f"{path} gives the directions of its rows and columns with few digits "
                f"({_text(first.orientation)}); the nearest ones at right angles are taken.",
            ),
        )
    return across @ down, remarks


def fit(path: Path, slices: list[Slice], directions: Float64Array, fill_gaps: bool) -> Stack:
    """Return slices in order on an even grid.

    fill_gaps: whether slices may be missing. Raises GeometryError if they may not and are, or if
    the slices do not form an even stack.
    """
    first = slices[0]
    normal = np.cross(directions[:, 0], directions[:, 1])
    if len(slices) == 1:
        step = normal * first.thickness
        return Stack(slices, directions, first.position, step, np.zeros(1, np.int64))
    positions = np.array([part.position for part in slices])
    places = np.arange(len(slices))
    stack = _on_line(slices, directions, positions, places)
    along, within = _off(stack, positions)
    if not (_is_even(stack, positions, along) or _is_rounded(stack, positions, along)):
        places = _with_missing(path, slices, positions, normal, fill_gaps)
        stack = _on_line(slices, directions, positions, places)
        along, within = _off(stack, positions)
    if within.max() > OFF_WITHIN:
        at = int(np.argmax(within))
        raise GeometryError(
            f"{path} has a slice {within[at]:.2g} pixels off the line through the others, at "
            f"{_text(positions[at])} mm ({slices[at].file.name}); expected a straight stack: "
            "resample the volume."
        )
    remarks = [*_uneven(path, max(along.max(), within.max()), stack.step)]
    missing = stack.count - len(slices)
    if missing:
        remarks.append(_filled(path, missing))
    return replace(stack, remarks=tuple(remarks))


def _on_line(
    slices: list[Slice], directions: Float64Array, positions: Float64Array, places: Int64Array
) -> Stack:
    """Return slices on an even grid: through both ends if all fit, else by least squares."""
    step = (positions[-1] - positions[0]) / (places[-1] - places[0])
    away = np.linalg.norm(positions - positions[0] - np.outer(places, step), axis=1)
    if away.max() <= _EXACT * np.linalg.norm(step):
        return Stack(slices, directions, positions[0], step, places)
    design = np.column_stack([np.ones(len(places)), places])
    (origin, step), *_ = np.linalg.lstsq(design, positions, rcond=None)
    return Stack(slices, directions, origin, step, places)


def _off(stack: Stack, positions: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return by how many voxels each slice is off the grid: along the stack, within its plane."""
    away = positions - stack.origin - np.outer(stack.places, stack.step)
    normal = np.cross(stack.directions[:, 0], stack.directions[:, 1])
    along = np.abs(away @ normal) / abs(stack.step @ normal)
    between_rows, between_columns = stack.slices[0].spacing
    within = np.abs(away @ stack.directions) / [between_columns, between_rows]
    return along, within.max(axis=1)


def _is_even(stack: Stack, positions: Float64Array, along: Float64Array) -> bool:
    """Whether gaps are so much alike that no slice can be missing. along: see `_off`."""
    gaps, step = _gaps(stack, positions)
    return bool(np.abs(gaps - step).max() <= GAP * step and along.max() <= OFF_ALONG)


def _is_rounded(stack: Stack, positions: Float64Array, along: Float64Array) -> bool:
    """Whether the header names the step, and rounding explains why gaps differ from it."""
    gaps, step = _gaps(stack, positions)
    normal = np.cross(stack.directions[:, 0], stack.directions[:, 1])
    most = _last_digit(positions) * float(np.abs(normal).sum())  # of the distance of two slices
    as_said = abs(step - stack.slices[0].nominal) <= _SAID * step
    explained = np.abs(gaps - step).max() <= 1.05 * most and along.max() * step <= 0.65 * most
    return bool(as_said and explained and along.max() <= OFF_ALONG_ROUNDED)


def _gaps(stack: Stack, positions: Float64Array) -> tuple[Float64Array, float]:
    normal = np.cross(stack.directions[:, 0], stack.directions[:, 1])
    return np.diff(positions @ normal), float(stack.step @ normal)


def _last_digit(positions: Float64Array) -> float:
    """Return what the last digit of positions counts, in mm: 1, 0.1 and so on."""
    for digits in range(6):
        scaled = positions * 10.0**digits
        if np.abs(scaled - np.rint(scaled)).max() < 1e-4:
            break
    return float(10.0**-digits)


def _with_missing(
    path: Path,
    slices: list[Slice],
    positions: Float64Array,
    normal: Float64Array,
    fill_gaps: bool,
) -> Int64Array:
    """Return the places of slices if some are missing. Raises GeometryError unless they may be."""
    gaps = np.diff(positions @ normal)
    usual = _usual_gap(gaps)
    counts = np.rint(gaps / usual)
    whole = bool((np.abs(gaps / usual - counts) <= _WHOLE * counts).all() and counts.min() >= 1)
    if whole and fill_gaps:
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = int(np.argmax(np.abs(gaps - usual)))
    missing = int(counts.sum()) - len(gaps)
    todo = (
        f"add the {missing} missing, or interpolate the image there with --fill-gaps"
        if whole
        else "resample the volume"
    )
    raise GeometryError(
        f"{path} has a gap of {gaps[at]:.4g} mm between the slices at {_text(positions[at])} and "
        f"{_text(positions[at + 1])} mm ({named(slices[at], slices[at + 1])}) "
        f"where {usual:.4g} mm is usual; expected equal gaps: {todo}."
    )


def _usual_gap(gaps: Float64Array) -> float:
    """Return the gap of neighbours: the smallest if all are multiples of it, else the median."""
    smallest = float(gaps.min())
    ratio = gaps / smallest
    multiples = np.abs(ratio - np.rint(ratio)) <= _WHOLE
    return smallest if multiples.all() else float(np.median(gaps))


def _uneven(path: Path, off: float, step: Float64Array) -> tuple[Remark, ...]:
    if off <= _WORTH_SAYING:
        return ()
    return (
        Remark(
            "positions-rounded",
            f"The slices of {path} lie up to {off:.2g} voxels off an even grid, as rounded numbers "
            f"in headers do; even steps of {np.linalg.norm(step):.4g} mm are taken.",
        ),
    )


def _filled(path: Path, missing: int) -> Remark:
    slices = "1 slice is" if missing == 1 else f"{missing} slices are"
    return Remark(
        "gaps-filled",
        f"{slices} missing in {path}; the image is interpolated there from the slices around.",
    )


def _text(values: Float64Array) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
