"""Which voxels the tables of a project name."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.project.tables import AnswerTable, RevisionTable


def voxels_needed(session: Session) -> set[str]:
    """Return the hashes of all voxels that revisions and answers name."""
    drawn = select(RevisionTable.hash).where(RevisionTable.hash.is_not(None)).distinct()
    needed = {str(name) for name in session.scalars(drawn)}
    for row in session.scalars(select(AnswerTable)):
        needed |= {stored["hash"] for stored in (row.labels, row.uncertainty) if stored}
    return needed
