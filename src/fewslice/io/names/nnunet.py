"""The labels of nnU-Net's dataset.json: {"liver": 1}, as it is now, or {"1": "liver"}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fewslice.volumes.segments import Segment, named_segments


def parse_values(labels: object) -> dict[str, tuple[int, ...]]:
    """Return the label values of each name, several where it is a region.

    Raises ValueError or TypeError if the entry cannot be understood.
    """
    if not isinstance(labels, Mapping):
        raise TypeError("no mapping")
    pairs = list(labels.items())
    if all(isinstance(name, str) for name in labels.values()) and all(map(_is_number, labels)):
        pairs = [(name, value) for value, name in pairs]  # the older way
    return {str(name): _numbers(value) for name, value in pairs}


def segments_of(description: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Return the structures of a dataset.json; () if it names none that can be understood.

    Regions of several labels and the label that nnU-Net ignores are no structures.
    """
    try:
        named = parse_values(description.get("labels"))
    except (TypeError, ValueError):
        return ()
    return named_segments(
        {
            values[0]: name
            for name, values in named.items()
            if len(values) == 1 and values[0] > 0 and name != "ignore"
        }
    )


def ignored_label(description: Mapping[str, Any]) -> int | None:
    """Return the label that a dataset.json says to ignore; None if there is none."""
    try:
        values = parse_values(description.get("labels")).get("ignore", ())
    except (TypeError, ValueError):
        return None
    return values[0] if len(values) == 1 else None


def _is_number(text: object) -> bool:
    return str(text).strip().isdecimal()


def _numbers(value: object) -> tuple[int, ...]:
    several: list[Any] = value if isinstance(value, list) else [value]
    return tuple(int(each) for each in several)
