"""Tables of labels as text: ITK-SNAP's descriptions, FreeSurfer's and 3D Slicer's colour tables.

An ITK-SNAP label description has lines ``1 255 0 0 1 1 1 "Liver"`` (number, red, green, blue,
opacity, two switches, name). A colour table has lines ``17 Left-Hippocampus 220 216 20 0`` (number,
name, red, green, blue, and FreeSurfer's transparency or 3D Slicer's opacity). BIDS has tables with
a header, index, name and color (``#ff8800``), separated by tabs. Lines with ``#`` are comments.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from fewslice.volumes.colours import Colour, structure_colour
from fewslice.volumes.image import MAX_LABEL
from fewslice.volumes.segments import Segment

_SNAP = re.compile(
    r'(?P<value>\d+)(?:\s+(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+))(?:\s+[\d.eE+-]+){3}\s+"(?P<name>.*)"'
)
_COLOUR_TABLE = re.compile(
    r"(?P<value>\d+)\s+(?P<name>\S.*?)\s+(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)(?:\s+\d+)?"
)
_HEX = re.compile(r"#?(?P<r>[0-9a-fA-F]{2})(?P<g>[0-9a-fA-F]{2})(?P<b>[0-9a-fA-F]{2})")


def parse(text: str) -> tuple[Segment, ...] | None:
    """Return the structures of a table, without the background; None if it is none of these."""
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines()]
    rows = [line for line in lines if line and not line.startswith("#")]
    return _by_line(_SNAP, rows) or _by_line(_COLOUR_TABLE, rows) or _with_header(rows)


def _by_line(pattern: re.Pattern[str], rows: Iterable[str]) -> tuple[Segment, ...] | None:
    """Return the structures if every line has the form."""
    found = []
    for row in rows:
        match = pattern.fullmatch(row)
        if match is None:
            return None
        found.append(_segment(match["value"], match["name"], _colour(match, 10)))
    return _usable(found)


def _with_header(rows: list[str]) -> tuple[Segment, ...] | None:
    header = [name.strip().lower() for name in rows[0].split("\t")] if rows else []
    if not {"index", "name"} <= set(header):
        return None
    found = []
    for row in csv.DictReader(rows[1:], fieldnames=header, delimiter="\t"):
        value, name = row["index"] or "", row["name"] or ""
        if not value.isdecimal():
            return None
        match = _HEX.fullmatch(row.get("color") or "")
        found.append(_segment(value, name, _colour(match, 16) if match else None))
    return _usable(found)


def _segment(value: str, name: str, colour: Colour | None) -> Segment:
    number = int(value)
    return Segment(number, name.strip(), colour or structure_colour(number - 1))


def _colour(match: re.Match[str], base: int) -> Colour:
    red, green, blue = (min(int(match[part], base), 255) / 255 for part in "rgb")
    return red, green, blue


def _usable(found: Iterable[Segment]) -> tuple[Segment, ...] | None:
    """Return the structures among what a table lists; the first of a number counts."""
    kept: dict[int, Segment] = {}
    for each in found:
        if 0 < each.value <= MAX_LABEL and each.name:
            kept.setdefault(each.value, each)
    return tuple(kept[value] for value in sorted(kept)) or None
