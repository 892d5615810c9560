"""What the structures of a label map are called, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fewslice.volumes.colours import Colour, structure_colour


@dataclass(frozen=True)
class Segment:
    """One structure of a label map, as 3D Slicer calls it.

    value: its label. name: for people. colour: red, green and blue, 0 to 1. tags: what else its
    file says of it, such as its terminology, as written there.
    """

    value: int
    name: str
    colour: Colour
    tags: str = ""


def named_segments(
    names: Mapping[int, str], colours: Mapping[int, Colour | None] | None = None
) -> tuple[Segment, ...]:
    """Return segments with these names, by label, and a colour each, of their own if not given."""
    given = colours or {}
    return tuple(
        Segment(value, name, given.get(value) or structure_colour(value - 1))
        for value, name in names.items()
    )


def names_of(segments: Iterable[Segment]) -> dict[int, str]:
    """Return the names of segments by label."""
    return {each.value: each.name for each in segments}


def merged(*groups: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the segments of several sources by label; of two for one label the first counts."""
    found: dict[int, Segment] = {}
    for each in (segment for group in groups for segment in group):
        found.setdefault(each.value, each)
    return tuple(found[value] for value in sorted(found))


def renamed(segments: Iterable[Segment], names: Mapping[int, str]) -> tuple[Segment, ...]:
    """Return segments with names given for some labels, which keep their colours."""
    before = {each.value: each for each in segments}
    given = [
        replace(before.get(value, fresh), name=fresh.name, tags="")
        for value, fresh in ((each.value, each) for each in named_segments(names))
    ]
    return merged(given, before.values())
