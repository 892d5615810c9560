"""What the structures of a label map are called, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fewslice.volumes.colours import structure_colour


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


def named_segments(names: Mapping[int, str]) -> tuple[Segment, ...]:
    """Return segments with these names, by label, and a colour each."""
    return tuple(Segment(value, name, structure_colour(value - 1)) for value, name in names.items())
