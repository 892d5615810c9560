"""What a client sends of a scan becomes revisions: an answer that was edited, or drawn slices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.errors import ConflictError
from fewslice.integrations.monai_label.label_maps import as_in_project, read_sent
from fewslice.io import write_labels
from fewslice.project.answers import latest_answer
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.importing import import_labels
from fewslice.project.reviews import OpenChoiceError, submit
from fewslice.project.revisions import ACCEPT, CORRECT
from fewslice.project.saving import save_revision
from fewslice.project.scans import ScanRow, read_scan
from fewslice.server.ras import RasView
from fewslice.volumes import LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import LabelArray

_MOST = 0.8  # of the slices of an answer that a label shows which is that answer, edited


def save_label(  # noqa: PLR0913 - what a person sent, and whose it is
    project: Project,
    row: ScanRow,
    path: Path,
    by: int,
    *,
    final: bool,
    names: Mapping[int, str] | None = None,
) -> str:
    """Keep what a person saved; return why the scan cannot be handed in yet, else "".

    A label that shows most slices of the project's answer is the answer, edited: what differs from
    it was a person's work, and a final one accepts the rest as well and hands the scan in. Any
    other label is sparse: the slices that hold something were drawn, and an empty one was not
    looked at, whether it is final or not. names: of the values, see `as_in_project`. Raises
    ReadError, InputError or GeometryError if it is no label map of this scan.
    """
    answer = latest_answer(project, row.id)
    image = read_scan(project, row.id)
    given = as_in_project(project, read_sent(path, image), names or {})
    scan, labels = on_one_grid(image, given, None)
    whole = answer is not None and scan is image and _follows(labels, answer.labels)
    if answer is None or not whole:
        numbered = path.with_name("numbered.nii.gz")
        write_labels(numbered, given)
        import_labels(project, row.id, numbered, by)
        return ""
    _save_changes(project, row, labels, answer.labels, by, final=final)
    return _handed_in(project, row, by) if final else ""


def _handed_in(project: Project, row: ScanRow, by: int) -> str:
    """Hand a scan in, unless that is done; return why it cannot be, else ""."""
    try:
        submit(project, row.id, by, called=RasView.of_affine(row.shape, row.affine).called)
    except OpenChoiceError as error:
        return f"The labels are kept. {error}"
    except ConflictError:
        pass  # it was handed in before, and nothing has changed since
    return ""


def _follows(labels: LabelMap, answered: LabelArray) -> bool:
    """Whether labels show most of the slices on which an answer shows something."""
    if labels.array.shape != answered.shape:
        return False
    others = inplane_axes(annotation_axis(labels.geometry))
    there = answered.any(axis=others)
    shown = (labels.array != 0).any(axis=others) & there
    return bool(there.any() and shown.sum() >= _MOST * there.sum())


def _save_changes(  # noqa: PLR0913 - what was answered, what is there now, and whose it is
    project: Project,
    row: ScanRow,
    labels: LabelMap,
    answered: LabelArray,
    by: int,
    *,
    final: bool,
) -> None:
    axis, before = annotation_axis(labels.geometry), _told(project, row)
    for index in range(labels.array.shape[axis]):
        place = (axis, index)
        now, engine = labels.array[on_slice(*place)], answered[on_slice(*place)]
        known = before.get(place)
        changed = not np.array_equal(now, engine)
        if (known is not None and np.array_equal(known, now)) or not (changed or final):
            continue
        save_revision(
            project,
            row.id,
            by,
            action=CORRECT if changed else ACCEPT,
            axis=axis,
            index=index,
            labels=now,
            tool="MONAI Label",
        )


def _told(project: Project, row: ScanRow) -> dict[tuple[int, int], Any]:
    """Return the slices that people spoke of."""
    drawn = drawing(project, row.id).drawing
    return {each.place: each.labels for each in drawn.slices}
