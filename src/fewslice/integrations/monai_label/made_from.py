"""Which of the engine's answers a label was made from, and what was drawn on the scan by then.

A client keeps an answer for as long as somebody edits it. Meanwhile others go on drawing, and the
engine answers again: what is sent back then differs from the latest answer where nobody edited it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.planes import annotation_axis
from fewslice.project.answers import kept_answers
from fewslice.project.database import Project
from fewslice.project.revisions import Revision, heads_at
from fewslice.project.scans import ScanRow
from fewslice.volumes import LabelMap
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import LabelArray

_MOST = 0.8  # of the slices of an answer that a label shows which is that answer, edited
_ANSWERS = 50  # that are looked at, newest first: of a large scan each takes a quarter of a second
_ALIKE = 0.5  # of the slices on which either shows something that are equal: no other is meant


@dataclass(frozen=True, eq=False)
class Origin:
    """The answer that a label was made from.

    heads: what held on the slices of the scan when it was made. None of them are known if the label
    is unlike every answer that is kept, and is taken for the latest.
    """

    labels: LabelArray
    heads: Mapping[SliceIndex, Revision]


@dataclass(frozen=True, order=True)
class _Likeness:
    """How like an answer a label is; the greater, the more. alike: so much that no other is meant.

    equal: slices. differing: voxels, negative.
    """

    alike: bool
    equal: int
    differing: int


def origin_of(project: Project, row: ScanRow, labels: LabelMap, by: int) -> Origin | None:
    """Return the answer that a label was made from; None if it is none that was edited.

    The label shows most slices of it, and of those that are kept it is most like that one. by: who
    sent it.
    """
    best, found = None, None
    for number, answer in enumerate(islice(kept_answers(project, row.id), _ANSWERS)):
        likeness = _likeness(labels, answer.labels)
        if likeness is None or not (likeness.alike or number == 0):
            continue
        if best is None or likeness > best:
            best, found = likeness, answer
        if not likeness.differing:
            break
    if best is None or found is None:
        return None
    heads = heads_at(project, row.id, found.revision, by) if best.alike else {}
    return Origin(found.labels, heads)


def _likeness(labels: LabelMap, answered: LabelArray) -> _Likeness | None:
    """Return how like an answer a label is; None if it does not show most slices of it."""
    if labels.array.shape != answered.shape:
        return None
    others = inplane_axes(annotation_axis(labels.geometry))
    there, shown = (np.asarray(each.any(axis=others)) for each in (answered, labels.array))
    if not there.any() or (shown & there).sum() < _MOST * there.sum():
        return None
    differing = np.count_nonzero(labels.array != answered, axis=others)
    either = shown | there
    alike = ((differing == 0) & either).sum() >= _ALIKE * either.sum()
    return _Likeness(bool(alike), int((differing == 0).sum()), -int(differing.sum()))
