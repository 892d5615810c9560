"""Removing what nobody can ask for any more: answers that were replaced, and leftover files.

Every segmentation keeps its answer, so a project grows by one with each. A client may still have
one that was replaced, with which is compared what it sends back. What people drew, and what they
can undo or redo, is never removed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import aliased

from fewslice.project.database import Project, writing
from fewslice.project.events import forget_events
from fewslice.project.references import voxels_needed
from fewslice.project.tables import AnswerTable
from fewslice.project.voxels import FOLDER

_YOUNG = timedelta(days=1)  # a file this new may belong to a change that is being saved
_HELD = timedelta(days=1)  # for so long after it was replaced a client may send an answer back


@dataclass(frozen=True)
class Tidied:
    """What was removed. answers: how many. files: of voxels. size: of these together, bytes."""

    answers: int
    files: int
    size: int


def tidy(project: Project) -> Tidied:
    """Remove answers that were replaced a day ago, files of voxels that nothing names, old events.

    Of each scan the latest answer stays, and where people annotate it independently, that of each
    of them. Others may work on the project meanwhile.
    """
    forget_events(project)
    newer = aliased(AnswerTable)
    replaced = select(newer.id).where(
        newer.scan_id == AnswerTable.scan_id,
        newer.lane == AnswerTable.lane,
        newer.id > AnswerTable.id,
        newer.time < project.now() - _HELD,
    )
    with writing(project) as session:
        old = replaced.correlate(AnswerTable).exists()
        gone = session.scalars(delete(AnswerTable).where(old).returning(AnswerTable.id)).all()
        needed = voxels_needed(session)
    sizes = [_remove(path) for path in _files(project) if path.stem not in needed]
    removed = [size for size in sizes if size is not None]
    return Tidied(len(gone), len(removed), sum(removed))


def _files(project: Project) -> list[Path]:
    return [path for path in (project.directory / FOLDER).glob("*/*") if path.is_file()]


def _remove(path: Path) -> int | None:
    """Remove a file and return its size; None if it is young, or gone already.

    The same voxels may be saved again at this moment, which makes the file young (`store_array`).
    So it is looked at once it lies aside, where nobody can do that any more.
    """
    aside = path.with_name(f".{path.name}")
    try:
        if _is_young(path):
            return None
        path.replace(aside)
        if _is_young(aside):
            aside.replace(path)
            return None
        size = aside.stat().st_size
        aside.unlink()
    except FileNotFoundError:
        return None
    return size


def _is_young(path: Path) -> bool:
    return time.time() - path.stat().st_mtime <= _YOUNG.total_seconds()
