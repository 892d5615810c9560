"""The kinds of jobs, which worker does which, and the words that server and workers exchange."""

from __future__ import annotations

from dataclasses import dataclass

SEGMENT, SUGGEST, TRAIN, RANK = "segment", "suggest", "train", "rank"

WAKE, CANCEL = "wake", "cancel"
"""From the server: there may be work; (CANCEL, job)."""

CHANGED, SLICES = "changed", "slices"
"""From a worker: something was written; (SLICES, job, scan, axis, first, labels) come early."""


@dataclass(frozen=True)
class Post:
    """A kind of worker. kinds: its jobs, first things first. nice: how much it gives way."""

    name: str
    kinds: tuple[str, ...]
    nice: int


INTERACTIVE = Post("interactive", (SEGMENT, SUGGEST), 5)
BACKGROUND = Post("background", (TRAIN, RANK), 15)
POSTS = (INTERACTIVE, BACKGROUND)
