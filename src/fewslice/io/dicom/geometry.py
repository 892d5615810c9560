"""From the slices of a DICOM series to one grid: order, checks, affine."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError
from fewslice.io.dicom.series import CHANNEL_TAGS, Slice
from fewslice.io.itk import Grid
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry

STEP_TOLERANCE = 0.01  # of a step between slices, or mm if that is more
ANGLE_TOLERANCE = 1e-3  # of a direction cosine
SAME_POSITION = 1e-3  # mm


def arrange(path: Path, slices: list[Slice]) -> list[list[Slice]]:
    """Return the slices of each channel in ascending order along the normal of their plane.

    Raises GeometryError if they do not form one regular stack per channel.
    """
    _require_alike(path, slices)
    heights = np.array([_height(part) for part in slices])
    order = np.argsort(heights, kind="stable")
    starts = [0, *(np.flatnonzero(np.diff(heights[order]) > SAME_POSITION) + 1), len(slices)]
    stacks = [[slices[index] for index in order[begin:end]] for begin, end in pairwise(starts)]
    channels = _channels(path, stacks)
    for channel in channels:
        _require_regular(path, channel)
    return channels


def geometry_of(channel: list[Slice]) -> Geometry:
    """Return the grid of slices in order: i along the rows, j along the columns, k the slices.

    The step along k is taken from the positions, so a tilted gantry gives a sheared affine.
    """
    first, last = channel[0], channel[-1]
    between_rows, between_columns = first.spacing
    if len(channel) > 1:
        step = (last.position - first.position) / (len(channel) - 1)
    else:
        step = _normal(first) * first.thickness
    steps = np.column_stack(
        [first.orientation[:3] * between_columns, first.orientation[3:] * between_rows, step]
    )
    rows, columns = first.matrix
    return Geometry((columns, rows, len(channel)), Grid.from_steps(first.position, steps).affine)


def _normal(part: Slice) -> Float64Array:
    return np.cross(part.orientation[:3], part.orientation[3:])


def _height(part: Slice) -> float:
    return float(_normal(part) @ part.position)


def _require_alike(path: Path, slices: list[Slice]) -> None:
    """Check that all slices have the plane, the spacing and the matrix of the first one."""
    first = slices[0]
    axes = first.orientation.reshape(2, 3)
    if np.abs(axes @ axes.T - np.eye(2)).max() > ANGLE_TOLERANCE:
        raise GeometryError(
            f"{first.file} has an ImageOrientationPatient that is not two unit vectors at right "
            f"angles ({_text(first.orientation)}); repair its header or export it again."
        )
    if min(first.spacing) <= 0:
        raise GeometryError(
            f"{first.file} has zero or negative spacing ({_text(np.array(first.spacing))} mm); "
            "expected two positive numbers in PixelSpacing: repair its header."
        )
    for part in slices:
        if part.matrix != first.matrix:
            _differs(path, first, part, "matrix sizes", f"{first.matrix} and {part.matrix}")
        if np.abs(part.orientation - first.orientation).max() > ANGLE_TOLERANCE:
            found = f"{_text(first.orientation)} and {_text(part.orientation)}"
            _differs(path, first, part, "orientations", found)
        if not np.allclose(part.spacing, first.spacing, rtol=1e-4, atol=0):
            _differs(path, first, part, "pixel spacings", f"{first.spacing} and {part.spacing} mm")


def _differs(path: Path, first: Slice, part: Slice, what: str, found: str) -> None:
    raise GeometryError(
        f"{path} mixes slices of different {what} ({found}, in {first.file.name} and "
        f"{part.file.name}); expected one volume: move scouts and other slices elsewhere."
    )


def _channels(path: Path, stacks: list[list[Slice]]) -> list[list[Slice]]:
    """Split slices at the same position into channels.

    stacks: the slices at each position, positions ascending.
    """
    counts = {len(stack) for stack in stacks}
    if counts == {1}:
        return [[stack[0] for stack in stacks]]
    tags = [tag for tag in CHANNEL_TAGS if _tells_apart(tag, stacks)] if len(counts) == 1 else []
    splits = [[_sorted_by(tag, stack) for stack in stacks] for tag in tags]
    if splits and all(_same_split(split, splits[0]) for split in splits):
        return [list(channel) for channel in zip(*splits[0], strict=True)]
    crowded = max(stacks, key=len)
    why = f"{' and '.join(tags)} order them differently" if tags else "no tag tells them apart"
    raise GeometryError(
        f"{path} holds {len(crowded)} slices at the position {_text(crowded[0].position)} mm (such "
        f"as {crowded[0].file.name} and {crowded[1].file.name}) and {why}; expected one slice per "
        "position, or the same number of time points or echoes at each: remove the duplicates."
    )


def _tells_apart(tag: str, stacks: list[list[Slice]]) -> bool:
    """Whether a tag has different values within each position, and the same at all positions."""
    values = [sorted(part.channel.get(tag, np.nan) for part in stack) for stack in stacks]
    different = len(set(values[0])) == len(values[0]) and not np.isnan(values[0]).any()
    return different and all(found == values[0] for found in values)


def _sorted_by(tag: str, stack: list[Slice]) -> list[Slice]:
    return sorted(stack, key=lambda part: part.channel[tag])


def _same_split(mine: list[list[Slice]], theirs: list[list[Slice]]) -> bool:
    """Whether two tags put every slice into the same channel."""
    pairs = zip(mine, theirs, strict=True)
    return all(a is b for stack, other in pairs for a, b in zip(stack, other, strict=True))


def _require_regular(path: Path, channel: list[Slice]) -> None:
    """Check that the slices are equally spaced along one line."""
    if len(channel) == 1:
        return
    positions = np.array([part.position for part in channel])
    gaps = np.diff([_height(part) for part in channel])
    usual = float(np.median(gaps))
    tolerance = max(STEP_TOLERANCE, STEP_TOLERANCE * usual)
    wrong = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if wrong.size:
        at = int(wrong[0])
        raise GeometryError(
            f"{path} has a gap of {gaps[at]:.4g} mm between the slices at {_text(positions[at])} "
            f"and {_text(positions[at + 1])} mm ({channel[at].file.name} and "
            f"{channel[at + 1].file.name}) where {usual:.4g} mm is usual; expected equal gaps: add "
            "the missing slices or resample."
        )
    line = np.linspace(positions[0], positions[-1], len(positions))
    away = np.linalg.norm(positions - line, axis=1)
    if away.max() > max(tolerance, STEP_TOLERANCE * len(positions)):
        at = int(np.argmax(away))
        raise GeometryError(
            f"{path} has a slice {away[at]:.4g} mm off the line through the others, at "
            f"{_text(positions[at])} mm ({channel[at].file.name}); expected a straight stack: "
            "resample the volume."
        )


def _text(values: Float64Array) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
