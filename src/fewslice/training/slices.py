"""From scans to the slices a task's model sees, and those of them it can learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.training.grid import (
    TaskGrid,
    Turned,
    beside,
    on_pixels,
    slices_apart,
    turned,
)
from fewslice.training.intensity import Intensity, rescaled
from fewslice.training.network import NEIGHBOURS
from fewslice.training.scan import TaskScan
from fewslice.typing import Float32Array


@dataclass(frozen=True, eq=False)
class Stack:
    """All slices of a scan on a model's grid.

    turned: how the scan was turned. images: float32 (slice, channel, rows, columns). apart: the
    model's step in slices. spacing: from slice to slice, per row and per column of this stack, as
    parts of half the model's extent. pixel: mm per row and per column.
    """

    turned: Turned
    images: Float32Array
    apart: float
    spacing: tuple[float, float, float]
    pixel: tuple[float, float]

    def seen(self, at: npt.NDArray[np.intp]) -> Float32Array:
        """Return slices with their neighbours: float32 (slice, channel * 3, rows, columns)."""
        near = np.stack([beside(self.images, at, n * self.apart) for n in NEIGHBOURS], axis=2)
        return np.ascontiguousarray(near.reshape(len(at), -1, *self.images.shape[2:]))

    def places(self, at: npt.NDArray[np.intp]) -> Float32Array:
        """Return where pixels lie, float32 (slice, 3, rows, columns), see `places_of`."""
        slices, _, rows, columns = self.images.shape
        return np.stack(
            [
                places_of(
                    (int(index) - (slices - 1) / 2) * self.spacing[0],
                    (np.arange(rows) - (rows - 1) / 2)[:, None] * self.spacing[1],
                    (np.arange(columns) - (columns - 1) / 2)[None] * self.spacing[2],
                )
                for index in at
            ]
        )


def places_of(across: float, rows: Any, columns: Any) -> Float32Array:
    """Return channels that say where pixels lie: row, column, slice, float32 (3, h, w).

    across, rows, columns: from the scan's middle, in halves of the model's extent, so that they are
    about -1 to 1; rows and columns are arrays that broadcast to (h, w).
    """
    down, right = np.broadcast_arrays(rows, columns)
    return np.stack([down, right, np.full(down.shape, across)]).astype(np.float32)


def stack_of(scan: Scan, grid: TaskGrid, intensity: Sequence[Intensity]) -> Stack:
    """Bring a scan to a model's grid."""
    channels = scan.channels
    how = turned(scan.geometry)
    size = grid.size(how.geometry)
    images = np.empty((how.geometry.shape[grid.plane], len(channels), *size), dtype=np.float32)
    for number, (channel, scale) in enumerate(zip(channels, intensity, strict=True)):
        curve = scale.curve(channel)
        slices = np.moveaxis(how.turn.array(channel), grid.plane, 0)
        for index, one in enumerate(slices):  # one by one: a whole CT as float64 is large
            images[index, number] = on_pixels(rescaled(one, curve), size)
    spacing = how.geometry.spacing
    steps = [
        spacing[axis] * how.geometry.shape[axis] / length
        for axis, length in zip(grid.inplane, size, strict=True)
    ]
    across, down, right = grid.extent
    return Stack(
        how,
        images,
        slices_apart(grid, how.geometry),
        (2 * spacing[grid.plane] / across, 2 * steps[0] / down, 2 * steps[1] / right),
        (steps[0], steps[1]),
    )


@dataclass(frozen=True, eq=False)
class TrainingSlice:
    """A slice to learn from.

    images: float32 (channel * 3, rows, columns). truth: int16 (rows, columns), class numbers, -1
    where unknown. across: where the slice lies, see `places_of`. spacing: of rows and columns, in
    the same unit. pixel: mm per row and column. not_looked_for: bool (class,), see
    `TaskScan.looked_for`.
    """

    images: Float32Array
    truth: npt.NDArray[np.int16]
    across: float
    spacing: tuple[float, float]
    pixel: tuple[float, float]
    not_looked_for: npt.NDArray[np.bool_]


def training_slices_of(
    scan: TaskScan, grid: TaskGrid, intensity: Sequence[Intensity], values: Sequence[int]
) -> list[TrainingSlice]:
    """Return the slices of a scan across the model's plane on which anything is known.

    Where people drew in other planes, these cross every slice in a line of known pixels.
    """
    if not scan.annotation.slices:
        return []
    stack = stack_of(scan.scan, grid, intensity)
    turn = stack.turned.turn
    labels = np.moveaxis(turn.array(scan.annotation.labels), grid.plane, 0)
    known = np.moveaxis(turn.array(scan.annotation.known()), grid.plane, 0)
    at = np.flatnonzero(known.any(axis=(1, 2)))
    images = stack.seen(at)
    size = (images.shape[2], images.shape[3])
    middle = (len(labels) - 1) / 2
    hidden = _not_looked_for(scan, values)
    return [
        TrainingSlice(
            images=images[number],
            truth=class_numbers(labels[index], known[index], values, size),
            across=float((index - middle) * stack.spacing[0]),
            spacing=(stack.spacing[1], stack.spacing[2]),
            pixel=stack.pixel,
            not_looked_for=hidden,
        )
        for number, index in enumerate(at)
    ]


def _not_looked_for(scan: TaskScan, values: Sequence[int]) -> npt.NDArray[np.bool_]:
    hidden = np.zeros(len(values) + 1, dtype=bool)
    if scan.looked_for is not None:
        hidden[1:] = [value not in scan.looked_for for value in values]
    return hidden


def class_numbers(
    labels: npt.NDArray[Any],
    known: npt.NDArray[np.bool_],
    values: Sequence[int],
    size: tuple[int, int],
) -> npt.NDArray[np.int16]:
    """Return the class of each pixel of a slice at another size, int16, -1 where unknown.

    labels, known: (rows, columns). values: the label of each class but the background. The class
    with the largest share of a pixel wins; a pixel counts as known if half of it is.
    """
    classes = np.zeros(labels.shape, dtype=np.int16)
    for number, value in enumerate(values, start=1):
        classes[labels == value] = number
    if labels.shape != size:
        shares = np.stack(
            [on_pixels((classes == number) & known, size) for number in range(len(values) + 1)]
        )
        known = on_pixels(known, size) >= 0.5
        classes = shares.argmax(axis=0).astype(np.int16)
    return np.where(known, classes, np.int16(-1))
