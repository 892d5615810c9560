"""What the network is given, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NOWHERE, SAME_SCAN, OTHER_SCAN, CROSSING = 0, 1, 2, 3
"""What the position of a remembered slice means: nothing, the same place in this scan, about the
same place in another scan, or the same place in this scan on a slice that crosses the targets."""


@dataclass(frozen=True, eq=False)
class Remembered:
    """Annotated slices, of this scan or of others, on a pixel grid as coarse as the target's.

    images: float (slice, channel, 3, h, w): the slice before, itself, the slice after; about 0 to
    1 at the structure. masks: float (slice, structure, 2, h, w): where the structure is known to
    be, and where it is known not to be; what nobody looked at is 0 in both. place: float
    (slice, 3): row and column of the first pixel and position of the slice, all in pixels of the
    target grid. frame: int (slice,), one of `NOWHERE`, `SAME_SCAN`, `OTHER_SCAN`, `CROSSING`.
    along: the directions of the target grid (0 down its rows, 1 along its columns, 2 across its
    slices) in which rows and columns of these slices are counted: (0, 1) unless they cross it.
    """

    images: Tensor
    masks: Tensor
    place: Tensor
    frame: Tensor
    along: tuple[int, int] = (0, 1)

    def to(self, device: torch.device | str) -> Remembered:
        """Return the same on another device."""
        return Remembered(
            images=self.images.to(device),
            masks=self.masks.to(device),
            place=self.place.to(device),
            frame=self.frame.to(device),
            along=self.along,
        )


@dataclass(frozen=True, eq=False)
class Inputs:
    """Target slices of one scan and all that is known about them.

    images: float (slice, channel, 3, h, w), as in `Remembered`. hints: float
    (slice, structure, hint, h, w), see `HINTS`. base: float (slice, structure, h, w), log-odds of
    each structure against the background from which the network corrects; 0 where nothing is
    known. place: float (slice, 3), as in `Remembered`. memory: the annotated slices, in groups of
    equal size in pixels; may be empty.
    """

    images: Tensor
    hints: Tensor
    base: Tensor
    place: Tensor
    memory: tuple[Remembered, ...]

    def to(self, device: torch.device | str) -> Inputs:
        """Return the same on another device."""
        return Inputs(
            images=self.images.to(device),
            hints=self.hints.to(device),
            base=self.base.to(device),
            place=self.place.to(device),
            memory=tuple(part.to(device) for part in self.memory),
        )


HINTS = (
    "walk before",
    "walk",
    "walk after",
    "outlines",
    "appearance before",
    "appearance",
    "appearance after",
    "rivals",
    "known inside",
    "known outside",
    "outline below",
    "outline above",
    "image below",
    "image above",
    "near below",
    "near above",
    "features present",
    "radius",
)
"""Channels of the hints, each within about -1 to 1.

Walk, outlines and appearance: log-odds of the structure by the random walk, by interpolation and by
local intensities. Rivals: probability of the other structures. Outline and image below, above: of
the nearest annotated slice on either side, moved as outlines are from slice to slice, and how near
it is (1 here, towards 0 far away).
Features present: 0 where the scan has no annotated slice. Radius: of the structure, in pixels, as
tanh(radius / 20).
"""
