"""Engines' answers for whole scans, so that they are there again when a scan is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from fewslice.errors import InputError
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.scans import get_scan, locked_scan
from fewslice.project.tables import AnswerTable
from fewslice.project.voxels import Stored, load_array, store_array
from fewslice.volumes.image import Array, LabelArray, as_label_array


@dataclass(frozen=True, eq=False)
class Answer:
    """An engine's answer.

    labels: (i, j, k), uint8 or uint16. uncertainty: (i, j, k), or None. confidence: what JSON can
    say, such as the confidence of each slice. revision: the newest of the scan that it knew.
    """

    id: int
    scan_id: int
    engine: str
    revision: int | None
    labels: LabelArray
    uncertainty: Array | None
    confidence: Any
    time: datetime


def save_answer(  # noqa: PLR0913 - what an answer consists of
    project: Project,
    scan_id: int,
    *,
    labels: LabelArray,
    uncertainty: Array | None = None,
    confidence: Any = None,
    engine: str,
    revision: int | None,
    annotator: int | None = None,
) -> int:
    """Keep an answer and return its number.

    labels: (i, j, k). uncertainty: of that shape, 0 to 1 in any float type, or 0 to 255 in uint8.
    annotator: of a scan that people annotate independently, from whose slices it was made.
    Raises InputError if a shape is not the scan's, and WriteError if it cannot be written.
    """
    shape = get_scan(project, scan_id).shape
    for array, what in ((labels, "The answer"), (uncertainty, "The uncertainty")):
        if array is not None and array.shape != shape:
            raise InputError(f"{what} has shape {array.shape}; expected {shape}, as the scan has.")
    stored = store_array(project, as_label_array(labels, "the answer")).as_json()
    doubt = None if uncertainty is None else store_array(project, _narrow(uncertainty)).as_json()
    with writing(project) as session:
        locked_scan(session, scan_id)
        row = AnswerTable(
            scan_id=scan_id,
            revision_id=revision,
            engine=engine,
            labels=stored,
            uncertainty=doubt,
            confidence=confidence,
            time=project.now(),
            lane=annotator or 0,
        )
        session.add(row)
        session.flush()
        data = {"answer": row.id, "revision": revision, "annotator": annotator}
        add_event(project, session, "answer", scan_id=scan_id, data=data)
        return row.id


def latest_answer(project: Project, scan_id: int, annotator: int | None = None) -> Answer | None:
    """Return the answer of a scan that was saved last, or None.

    annotator: of a scan that people annotate independently, from whose slices it was made; None for
    any.
    """
    with reading(project) as session:
        row = session.scalar(_newest_first(scan_id, annotator).limit(1))
    return None if row is None else _answer(project, row, row.uncertainty)


def kept_answers(project: Project, scan_id: int) -> Iterator[Answer]:
    """Yield the answers of a scan that are kept, newest first, without their uncertainty.

    Clients may have one that was replaced since, which is kept for a day (`tidying`). Those of the
    same labels come once.
    """
    with reading(project) as session:
        rows = session.scalars(_newest_first(scan_id, None)).all()
    seen = set[str]()
    for row in rows:
        if row.labels["hash"] not in seen:
            seen.add(row.labels["hash"])
            yield _answer(project, row, None)


def latest_confidence(project: Project, scan_id: int, annotator: int | None = None) -> Any:
    """Return what is known of each slice of the last answer, without reading its voxels."""
    with reading(project) as session:
        row = session.scalar(_newest_first(scan_id, annotator).limit(1))
        return None if row is None else row.confidence


def _newest_first(scan_id: int, annotator: int | None) -> Select[AnswerTable]:
    query = select(AnswerTable).where(AnswerTable.scan_id == scan_id)
    if annotator is not None:
        query = query.where(AnswerTable.lane == annotator)
    return query.order_by(AnswerTable.id.desc())


def _answer(project: Project, row: AnswerTable, doubt: Any) -> Answer:
    return Answer(
        row.id,
        row.scan_id,
        row.engine,
        row.revision_id,
        load_array(project, Stored.of_json(row.labels)),
        None if doubt is None else load_array(project, Stored.of_json(doubt)),
        row.confidence,
        row.time,
    )


def _narrow(array: Array) -> Array:
    """Return values in at most half precision, which is more than anybody sees."""
    return array if array.dtype.name in ("uint8", "float16") else array.astype("float16")
