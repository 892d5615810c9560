"""How far a project is, in numbers that the database adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from fewslice.project.database import Project, reading
from fewslice.project.revisions import KINDS
from fewslice.project.tables import HeadTable, RevisionTable, ScanTable

DRAWN = ("human", "accepted", "corrected", "absent")
"""Kinds of slices on which every structure was looked for."""


@dataclass(frozen=True)
class ProjectProgress:
    """How far a project is.

    statuses: how many scans have each. kinds: how many slices are of each kind. seconds: that
    people were active. predicted_dice: mean over the scans of which it is known; None if of none.
    """

    statuses: Mapping[str, int]
    kinds: Mapping[str, int]
    seconds: float
    predicted_dice: float | None


def project_progress(project: Project) -> ProjectProgress:
    """Return how far a project is."""
    kinds: Counter[str] = Counter()
    for found in slice_kinds(project).values():
        kinds.update(found)
    with reading(project) as session:
        counted = select(ScanTable.status, func.count()).group_by(ScanTable.status)
        return ProjectProgress(
            {status: count for status, count in session.execute(counted)},  # noqa: C416 - rows
            dict(kinds),
            float(session.scalar(select(func.sum(RevisionTable.active_seconds))) or 0.0),
            session.scalar(select(func.avg(ScanTable.predicted_dice))),
        )


def drawn_slices(project: Project) -> dict[int, int]:
    """Return how many slices of each scan were drawn, accepted or said to be empty, if any."""
    counts = {
        scan: sum(count for kind, count in kinds.items() if kind in DRAWN)
        for scan, kinds in slice_kinds(project).items()
    }
    return {scan: count for scan, count in counts.items() if count}


def slice_kinds(project: Project) -> dict[int, Counter[str]]:
    """Return how many slices of each scan are of each kind; scans without any are not in it."""
    shown = aliased(RevisionTable)
    head = aliased(RevisionTable)
    query = (
        select(HeadTable.scan_id, shown.action, func.count())
        .join(head, head.id == HeadTable.revision_id)
        .join(shown, shown.id == head.shows_id)
        .group_by(HeadTable.scan_id, shown.action)
    )
    found: dict[int, Counter[str]] = {}
    with reading(project) as session:
        for scan, action, count in session.execute(query):
            kind = KINDS.get(action)
            if kind is not None:
                found.setdefault(scan, Counter())[kind] += count
    return found
