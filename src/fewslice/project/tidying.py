"""Removing what nobody can ask for any more: answers that were replaced, and leftover files.

What people drew is never removed.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, func, select

from fewslice.project.database import Project, writing
from fewslice.project.events import forget_events
from fewslice.project.references import voxels_needed
from fewslice.project.tables import AnswerTable
from fewslice.project.voxels import FOLDER

_YOUNG = timedelta(days=1)  # a file this new may belong to a change that is being saved


def tidy(project: Project) -> int:
    """Remove all answers but each scan's latest, files that nothing names, and old events.

    Returns how many files were removed. Nothing calls this by itself. One answer a scan is left, so
    where people annotate a scan independently, those of all others have to be asked for again.
    """
    forget_events(project)
    with writing(project) as session:
        latest = select(func.max(AnswerTable.id)).group_by(AnswerTable.scan_id)
        session.execute(delete(AnswerTable).where(AnswerTable.id.not_in(latest)))
        needed = voxels_needed(session)
    removed = [path for path in _files(project) if _is_old(path) and path.stem not in needed]
    for path in removed:
        path.unlink(missing_ok=True)
    return len(removed)


def _files(project: Project) -> list[Path]:
    return [path for path in (project.directory / FOLDER).glob("*/*") if path.is_file()]


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _YOUNG.total_seconds()
