"""What the structures of a label map are called, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass


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
