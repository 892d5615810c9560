"""Slices at the same positions: time points, echoes and kinds become channels, copies go."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, Remark
from fewslice.io.dicom.series import CHANNEL_TAGS, Slice, named
from fewslice.io.dicom.stacks import SAME_POSITION
from fewslice.typing import Float64Array

Same = Callable[[Slice, Slice], bool]
"""Whether two slices have the same pixels and values."""


def split(
    path: Path, slices: list[Slice], normal: Float64Array, same: Same
) -> tuple[list[list[Slice]], tuple[Remark, ...]]:
    """Return the slices of each channel in ascending order along the normal, and what was dropped.

    Raises GeometryError if slices lie at the same position and nothing tells which is meant.
    """
    slices, copies = _without_copies(path, slices, same)
    stacks = _stacks(slices, normal)
    if len({len(stack) for stack in stacks}) == 1 and len(stacks[0]) == 1:
        return [[stack[0] for stack in stacks]], _copy_remarks(path, copies)
    channels = _by_tags(stacks) or _by_kind(stacks)
    if channels is None:
        before = len(slices)
        stacks = [_different(stack, same) for stack in stacks]
        copies += before - sum(map(len, stacks))
        channels = _by_tags(stacks) or _by_kind(stacks)
    if channels is None:
        raise _crowded(path, stacks)
    return channels, (*_copy_remarks(path, copies), *_kind_remarks(path, channels))


def _stacks(slices: list[Slice], normal: Float64Array) -> list[list[Slice]]:
    """Return the slices at each position, positions ascending."""
    heights = np.array([float(normal @ part.position) for part in slices])
    order = np.argsort(heights, kind="stable")
    starts = [0, *(np.flatnonzero(np.diff(heights[order]) > SAME_POSITION) + 1), len(slices)]
    return [[slices[index] for index in order[begin:end]] for begin, end in pairwise(starts)]


def _without_copies(path: Path, slices: list[Slice], same: Same) -> tuple[list[Slice], int]:
    """Leave out files that are there twice: with the UID of another one, and its pixels."""
    first: dict[tuple[str, int], Slice] = {}
    kept: list[Slice] = []
    for part in slices:
        key = (part.instance, part.frame)
        before = first.setdefault(key, part) if part.instance else part
        if before is part:
            kept.append(part)
        elif not same(before, part):
            raise GeometryError(
                f"{path} holds two files that say they are the same image but differ "
                f"({before.file.name} and {part.file.name}); remove the one that is wrong."
            )
    return kept, len(slices) - len(kept)


def _different(stack: list[Slice], same: Same) -> list[Slice]:
    kept: list[Slice] = []
    for part in stack:
        if not any(same(each, part) for each in kept):
            kept.append(part)
    return kept


def _copy_remarks(path: Path, copies: int) -> tuple[Remark, ...]:
    if not copies:
        return ()
    what = "1 slice twice" if copies == 1 else f"{copies} slices more than once"
    return (
        Remark("duplicates-dropped", f"{path} holds {what}, with the same pixels; one is used."),
    )


def _by_tags(stacks: list[list[Slice]]) -> list[list[Slice]] | None:
    """Split slices at the same positions by the tags that tell them apart; None if none does."""
    if len({len(stack) for stack in stacks}) != 1:
        return None
    if len(stacks[0]) == 1:
        return [[stack[0] for stack in stacks]]
    splits = [[_sorted_by(tag, stack) for stack in stacks] for tag in _telling(stacks)]
    if not splits or not all(_same_split(each, splits[0]) for each in splits):
        return None
    return [list(channel) for channel in zip(*splits[0], strict=True)]


def _by_kind(stacks: list[list[Slice]]) -> list[list[Slice]] | None:
    """Split slices at the same positions by the kind of image, such as the water and the fat of one
    echo; None if that does not tell them apart.
    """
    kinds = [sorted(part.kind for part in stack) for stack in stacks]
    if any(found != kinds[0] for found in kinds) or len(set(kinds[0])) < len(kinds[0]):
        return None
    ordered = [sorted(stack, key=lambda part: part.kind) for stack in stacks]
    return [list(channel) for channel in zip(*ordered, strict=True)]


def _kind_remarks(path: Path, channels: list[list[Slice]]) -> tuple[Remark, ...]:
    """Say in which order kinds of image are channels, if they are."""
    kinds = [channel[0].kind for channel in channels]
    if len(kinds) == 1 or len(set(kinds)) < len(kinds):
        return ()
    return (
        Remark(
            "channels-by-kind",
            f"{path} holds {len(kinds)} kinds of image at each position, which become channels in "
            f"this order: {', '.join(kinds)}.",
        ),
    )


def _telling(stacks: list[list[Slice]]) -> list[str]:
    if len({len(stack) for stack in stacks}) != 1:
        return []
    return [tag for tag in CHANNEL_TAGS if _tells_apart(tag, stacks)]


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


def _crowded(path: Path, stacks: list[list[Slice]]) -> GeometryError:
    crowded, fewest = max(stacks, key=len), min(stacks, key=len)
    tags = _telling(stacks)
    if len(fewest) < len(crowded):
        why = f"only {len(fewest)} at {_place(fewest)} mm"
    elif tags:
        why = f"{' and '.join(tags)} order them differently"
    else:
        why = "no tag tells them apart"
    return GeometryError(
        f"{path} holds {len(crowded)} slices at the position {_place(crowded)} mm (such as "
        f"{named(crowded[0], crowded[1])}) with different pixels, and {why}; expected one slice "
        "per position, or the same number of time points or echoes at each: keep those you mean."
    )


def _place(stack: list[Slice]) -> str:
    return ", ".join(f"{value:.6g}" for value in stack[0].position)
