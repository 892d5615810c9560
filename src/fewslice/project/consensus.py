"""What several people drew on one scan, taken together.

A slice that one person drew is that person's. Where several drew it, either the majority decides
each pixel, or STAPLE (Warfield, Zou & Wells 2004, "Simultaneous Truth and Performance Level
Estimation", IEEE TMI 23(7)), which weighs people by how well each agrees with the common truth, as
far as that can be estimated from all slices that the same people drew. What stays undecided is 255,
not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError
from fewslice.project.database import Project, reading
from fewslice.project.drawings import drawing
from fewslice.project.scans import get_scan
from fewslice.project.tables import HeadTable, PersonTable
from fewslice.typing import BoolArray, Float64Array
from fewslice.volumes.image import UNKNOWN, Array, LabelArray

MAJORITY, STAPLE = "majority", "staple"
METHODS = (MAJORITY, STAPLE)

_MORE_THAN_NOT = 0.5 + 1e-6


def annotators(project: Project, scan_id: int) -> dict[int, str]:
    """Return who annotates a scan independently, number and name; nobody if people share it."""
    if not get_scan(project, scan_id).independent:
        return {}
    with reading(project) as session:
        query = (
            select(PersonTable.id, PersonTable.name)
            .where(PersonTable.id.in_(select(HeadTable.lane).where(HeadTable.scan_id == scan_id)))
            .order_by(PersonTable.id)
        )
        return {row.id: row.name for row in session.execute(query)}


def consensus(project: Project, scan_id: int, method: str = MAJORITY) -> Drawing:
    """Return what all annotators of a scan drew, taken together.

    method: "majority" or "staple". Of a scan that people share it is what they drew.
    """
    if method not in METHODS:
        raise InputError(f"There is no consensus '{method}'; expected {' or '.join(METHODS)}.")
    people = annotators(project, scan_id)
    drawings = [drawing(project, scan_id, person).drawing for person in people]
    if len(drawings) < 2:
        return drawing(project, scan_id).drawing
    return joined(drawings, method)


def joined(drawings: Sequence[Drawing], method: str) -> Drawing:
    """Return several people's drawings of one scan as one."""
    groups: dict[tuple[int, ...], list[SliceIndex]] = defaultdict(list)
    slices = [{each.place: each.labels for each in drawn.slices} for drawn in drawings]
    for place in sorted(set().union(*slices)):
        groups[tuple(n for n, own in enumerate(slices) if place in own)].append(place)
    whole = Drawing(drawings[0].shape)
    for people, places in groups.items():
        votes = [[slices[person][place] for person in people] for place in places]
        for place, labels in zip(places, _decided(votes, method), strict=True):
            whole = whole.drawn(place, labels)
    for drawn in drawings:
        for place in drawn.present:
            whole = whole if place in whole.places else whole.said_present(place)
    return whole


def majority(votes: Sequence[LabelArray]) -> LabelArray:
    """Return the label of most votes for each pixel; 255 does not vote, and stands for a draw."""
    stacked: LabelArray = np.stack(votes)
    values = np.setdiff1d(np.unique(stacked), [UNKNOWN])
    if len(values) == 0:
        return np.full(stacked.shape[1:], UNKNOWN, stacked.dtype)
    counts = np.stack([(stacked == value).sum(axis=0) for value in values])
    most = counts.max(axis=0)
    clear = (counts == most).sum(axis=0) == 1
    winners: LabelArray = values[counts.argmax(axis=0)]
    chosen: LabelArray = np.where(clear & (most > 0), winners, UNKNOWN).astype(stacked.dtype)
    return chosen


def staple(votes: Sequence[LabelArray]) -> LabelArray:
    """Return the most probable label of each pixel, weighing voters by their estimated accuracy.

    votes: arrays of one shape. Each structure is estimated by itself; 255 where none is more
    probable than not. Pixels that somebody did not look at are decided by majority.
    """
    stacked: LabelArray = np.stack(votes)
    decided = majority(votes)
    seen = (stacked != UNKNOWN).all(axis=0)
    rows = stacked[:, seen]
    values = np.setdiff1d(np.unique(rows), [0])
    if len(values) == 0:
        return decided  # all background: nothing to weigh people by
    probable = np.stack([_probability(rows == value) for value in values])
    probable = np.concatenate([1 - probable.sum(axis=0, keepdims=True), probable])
    winners = np.concatenate([[0], values])[probable.argmax(axis=0)]
    clear = probable.max(axis=0) > _MORE_THAN_NOT
    decided[seen] = np.where(clear, winners, UNKNOWN)
    return decided


def _probability(masks: BoolArray) -> Float64Array:
    """Return how probable a structure is on each pixel. masks: (people, pixels)."""
    import SimpleITK

    everywhere = masks.all()  # leaves nothing to estimate, and SimpleITK with a division by 0
    if everywhere:
        return np.ones(masks.shape[1])
    estimate = SimpleITK.STAPLEImageFilter()
    estimate.SetForegroundValue(1)
    images = [SimpleITK.GetImageFromArray(mask[np.newaxis].astype(np.uint8)) for mask in masks]
    probability: Float64Array = SimpleITK.GetArrayFromImage(estimate.Execute(images))[0]
    return probability


def _decided(votes: Sequence[Sequence[LabelArray]], method: str) -> list[LabelArray]:
    """Return each slice's labels. votes: of every slice, one array for each person."""
    if len(votes[0]) == 1:
        return [each[0] for each in votes]
    if method == MAJORITY:
        return [majority(each) for each in votes]
    flat = [np.concatenate([each[n].ravel() for each in votes]) for n in range(len(votes[0]))]
    sizes = np.cumsum([each[0].size for each in votes])[:-1]
    parts: list[Array] = np.split(staple(flat), sizes)
    return [part.reshape(each[0].shape) for part, each in zip(parts, votes, strict=True)]
