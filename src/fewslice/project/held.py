"""What labels that come back from elsewhere change: what came as it holds says nothing new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.volumes.image import UNKNOWN, LabelArray


@dataclass(frozen=True, eq=False)
class Held:
    """What holds on a scan.

    slices: as they were drawn. together: (i, j, k), in which the later slice counts where planes
    cross; so it comes back where one was downloaded.
    """

    slices: Mapping[SliceIndex, LabelArray]
    together: LabelArray

    def with_brought(
        self, place: SliceIndex, came: LabelArray, known: LabelArray, *, tells_unknown: bool = True
    ) -> LabelArray | None:
        """Return a slice with what somebody brings; None if that changes nothing.

        came: its voxels as they came. known: these, 255 where it is in doubt whether a 0 was looked
        at; what holds there stays where it came as it holds. tells_unknown: whether a program sent
        them that knows 255; where nobody looked, a 0 of others says nothing.
        """
        own = self.slices.get(place)
        if own is None:
            return known
        kept = came == own
        if not tells_unknown:
            kept |= (came == 0) & (own == UNKNOWN)
        if (kept | (came == self.together[on_slice(*place)]) | (known == own)).all():
            return None
        return np.where(kept, own, known)


def held_on(project: Project, scan_id: int, annotator: int | None = None) -> Held:
    """Return what holds on a scan.

    annotator: whose slices, where people annotate independently; None for everybody's.
    """
    found = drawing(project, scan_id, annotator).drawing
    return Held({each.place: each.labels for each in found.slices}, found.labels())
