"""Segmenting a scan of a project: from what is drawn on it, or from the scans before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.engines import Progress, silent
from fewslice.errors import InputError, without
from fewslice.project.answers import save_answer
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.segmentation.result import Segmentation
from fewslice.training.store import load_model
from fewslice.workflow.project_sessions import OpenScan, SessionPool
from fewslice.workflow.project_support import (
    has_model,
    model_folder,
    nothing_to_go_by,
    support_of,
)
from fewslice.workflow.segment import segment

TRAINED = "trained"
"""Asks for the project's trained model, where the name of an engine is due."""


@dataclass(frozen=True)
class ScanAnswer:
    """An answer that is stored. answer: its number. revision: the newest that it knew.

    engine: its name. remarks: sentences a person should read.
    """

    answer: int
    revision: int | None
    engine: str
    remarks: tuple[str, ...]


def segment_scan(  # noqa: PLR0913 - as `Session.segment`, on a scan of somebody
    pool: SessionPool,
    scan_id: int,
    *,
    annotator: int | None = None,
    near: SliceIndex | None = None,
    engine: str | None = None,
    progress: Progress = silent,
    on_slices: Callable[[AnsweredSlices], None] | None = None,
) -> ScanAnswer:
    """Segment a scan and store the answer.

    Parameters
    ----------
    pool
        The sessions of the project.
    scan_id
        The scan.
    annotator
        Of a scan that people annotate independently, whose slices are meant.
    near
        (array axis, index) of the slice in hand, whose neighbours are shown first.
    engine
        Name of an engine, or `TRAINED`, that answers whatever is drawn; by default what is drawn
        decides.
    progress
        Called with the fraction done; what it raises ends the work, and the answer before stays.
    on_slices
        Called with the slices around the one in hand before the engine has answered, see
        `Session.segment`.

    Raises
    ------
    InputError
        If nothing is drawn on this scan and there is neither a model nor another scan to go by;
        if there is no such engine, or no trained model.
    ReadError
        If the scan cannot be read.
    """
    scan = pool.open(scan_id, annotator)
    if engine is not None:
        found = _answer_of(pool, scan_id, scan, engine, progress)
    elif scan.blank:
        found = _first_answer(pool, scan_id, scan, progress)
    else:
        found = scan.session.segment(
            progress, near=_along_main_axis(scan, near), on_slices=on_slices
        )
    number = save_answer(
        pool.project,
        scan_id,
        labels=found.labels.array,
        uncertainty=np.rint(found.uncertainty * 255).astype(np.uint8),
        confidence={"axis": found.axis, "dice": found.confidence.round(4).tolist()},
        engine=found.engine,
        revision=scan.revision,
        annotator=annotator,
    )
    # It speaks of mm; a project says of the scan itself that its spacing is not known.
    remarks = without(found.remarks, "spacing-missing")
    return ScanAnswer(number, scan.revision, found.engine, tuple(map(str, remarks)))


def _first_answer(
    pool: SessionPool, scan_id: int, scan: OpenScan, progress: Progress
) -> Segmentation:
    """Answer a scan on which nothing is drawn: with the project's model, or from other scans."""
    drawing, image = scan.session.drawing, scan.session.image
    labels = scan.session.labels
    if has_model(pool.project):
        model = load_model(model_folder(pool.project))
        if len(model.intensity) == len(image.channels):
            return segment(
                image, labels, annotated=drawing.sure_places, engine=model, progress=progress
            )
    support = support_of(pool, scan_id)
    if not support:
        raise nothing_to_go_by()
    return segment(image, labels, annotated=drawing.sure_places, support=support, progress=progress)


def _answer_of(
    pool: SessionPool, scan_id: int, scan: OpenScan, engine: str, progress: Progress
) -> Segmentation:
    """Answer a scan with the engine that was asked for."""
    session, places = scan.session, scan.session.drawing.sure_places
    if engine == TRAINED:
        if not has_model(pool.project):
            raise InputError("The project has no trained model yet; draw on scans and train one.")
        model = load_model(model_folder(pool.project))
        return segment(
            session.image, session.labels, annotated=places, engine=model, progress=progress
        )
    support = support_of(pool, scan_id) if scan.blank else ()
    if scan.blank and not support:
        raise nothing_to_go_by()
    return segment(
        session.image,
        session.labels,
        annotated=places,
        support=support,
        engine=engine,
        progress=progress,
    )


def _along_main_axis(scan: OpenScan, near: SliceIndex | None) -> int | None:
    """Return the number of the slice in hand if it lies across the axis most slices lie across."""
    places = scan.session.annotated
    axes = [axis for axis, _ in places]
    main = max(sorted(set(axes)), key=axes.count)
    return near[1] if near is not None and near[0] == main else None
