"""What the structures of a label map are called, and how they are shown."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

_GOLDEN = 0.618034  # of the circle of hues: neighbours differ as much as can be


@dataclass(frozen=True)
class Segment:
    """One structure of a label map, as 3D Slicer calls it.

    value: its label. name: for people. colour: red, green and blue, 0 to 1. tags: what else its
    file says of it, such as its terminology, as written there.
    """

    value: int
    name: str
    colour: tuple[float, float, float]
    tags: str = ""


def default_colour(value: int) -> tuple[float, float, float]:
    """Return a colour for a label, clearly another one for the next label."""
    return colorsys.hsv_to_rgb(value * _GOLDEN % 1, 0.6, 0.9)


def named_segments(names: Mapping[int, str]) -> tuple[Segment, ...]:
    """Return segments with these names, by label, and a colour each."""
    return tuple(Segment(value, name, default_colour(value)) for value, name in names.items())
