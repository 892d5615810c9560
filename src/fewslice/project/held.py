"""What labels that come back from elsewhere change: what came as it holds says nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.typing import BoolArray
from fewslice.volumes.image import UNKNOWN, LabelArray


@dataclass(frozen=True, eq=False)
class Brought:
    """A slice that comes from elsewhere.

    came: its voxels as they came. known: these, 255 where it is in doubt whether a 0 was looked at.
    tells_unknown: whether a program sent them that knows 255; where nobody looked, a 0 of others
    says nothing.
    """

    place: SliceIndex
    came: LabelArray
    known: LabelArray
    tells_unknown: bool = True

    def repeats(self, own: LabelArray) -> BoolArray:
        """Return where it came as a slice is."""
        same: BoolArray = self.came == own
        if not self.tells_unknown:
            same |= (self.came == 0) & (own == UNKNOWN)
        return same

    def says_nothing_of(self, own: LabelArray) -> bool:
        """Whether a slice would be the same with it."""
        return bool((self.repeats(own) | (self.known == own)).all())


@dataclass(frozen=True, eq=False)
class Held:
    """What holds on a scan.

    slices: as they were drawn. together: (i, j, k), in which the later slice counts where planes
    cross; so it comes back where one was downloaded.
    """

    slices: Mapping[SliceIndex, LabelArray]
    together: LabelArray

    def with_brought(self, brought: Brought) -> LabelArray | None:
        """Return a slice with what comes; None if that changes nothing.

        Where it came as it holds, what holds stays, also if that could be in doubt.
        """
        own = self.slices.get(brought.place)
        if own is None:
            return brought.known
        kept = brought.repeats(own)
        as_shown = brought.came == self.together[on_slice(*brought.place)]
        if (kept | as_shown | (brought.known == own)).all():
            return None
        return np.where(kept, own, brought.known)


def held_on(project: Project, scan_id: int, annotator: int | None = None) -> Held:
    """Return what holds on a scan.

    annotator: whose slices, where people annotate independently; None for everybody's.
    """
    found = drawing(project, scan_id, annotator).drawing
    return Held({each.place: each.labels for each in found.slices}, found.labels())
