"""The kinds of jobs, which worker does which, and the words that server and workers exchange."""

from __future__ import annotations

from dataclasses import dataclass

SEGMENT, SUGGEST, TRAIN, RANK = "segment", "suggest", "train", "rank"

WAKE, CANCEL = "wake", "cancel"
"""From the server: there may be work; (CANCEL, job)."""

CHANGED, SLICES = "changed", "slices"
"""From a worker: something was written; (SLICES, job, (scan, annotator), axis, first, labels) come
early.
"""

RUNNERS_UP = 2
"""Slices that are ranked beyond those asked for: the next answers while a ranking is under way."""


@dataclass(frozen=True)
class Post:
    """A kind of worker.

    kinds: its jobs, which take turns. nice: how much it gives way. helps: jobs of another one that
    it does when it has none of its own and they have waited for a while: who works alone is served
    by the worker that has the scan in memory. tidies: whether it does the housekeeping.
    """

    name: str
    kinds: tuple[str, ...]
    nice: int
    helps: tuple[str, ...] = ()
    tidies: bool = False


INTERACTIVE = Post("interactive", (SEGMENT, SUGGEST), 5)
BACKGROUND = Post("background", (TRAIN, RANK), 15, helps=(SUGGEST,), tidies=True)
POSTS = (INTERACTIVE, BACKGROUND)
