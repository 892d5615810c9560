"""Drawn slices as interactions of nnInteractive, one structure at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.engines.predictions import moved
from fewslice.typing import BoolArray
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import bounding_region


@dataclass(frozen=True, eq=False)
class Interaction:
    """Something said on one slice.

    kind: a lasso is all that lies within an outline, a scribble some voxels. include: whether they
    belong to the structure. place: the slice. mask: bool (rows, columns), something of it True.
    """

    kind: Literal["lasso", "scribble"]
    include: bool
    place: SliceIndex
    mask: BoolArray

    def boxed(self) -> tuple[BoolArray, list[list[int]]]:
        """Return the mask (i, j, k) in the smallest box around it, and first and stop of that."""
        axis, index = self.place
        volume = np.expand_dims(self.mask, axis)
        inside = bounding_region(volume)
        box = moved(inside, axis, index)
        return volume[inside.slices], [list(ends) for ends in zip(box.start, box.stop, strict=True)]


def interactions(annotation: Annotation, value: int) -> list[Interaction]:
    """Return what to say of a structure: first where it is not, and its largest outline last.

    A slice known in full that shows it is a lasso. One that does not is a lasso of where it is not:
    within its outlines on all other slices across that axis. On slices known in part, what is known
    is scribbles.
    """
    found: list[Interaction] = []
    shadows = {axis: (annotation.labels == value).any(axis=axis) for axis in annotation.axes}
    for place in annotation.slices:
        labels = annotation.labels[on_slice(*place)]
        known, own = labels != UNKNOWN, labels == value
        if not known.all():
            found += [
                Interaction("scribble", include, place, mask)
                for include, mask in ((False, known & ~own), (True, own))
                if mask.any()
            ]
        elif own.any():
            found.append(Interaction("lasso", True, place, own))
        else:
            found.append(Interaction("lasso", False, place, shadows[place[0]]))
    return sorted(found, key=lambda each: (each.include, each.kind == "lasso", each.mask.sum()))
