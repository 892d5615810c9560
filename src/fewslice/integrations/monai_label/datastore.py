"""The project as a datastore in MONAI Label's words: images by name, labels by tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.errors import NotFoundError
from fewslice.integrations.monai_label.archive import Archive
from fewslice.integrations.monai_label.label_maps import as_in_project, read_sent
from fewslice.integrations.monai_label.reviewing import META, review_of
from fewslice.io import write_image, write_labels
from fewslice.project.answers import latest_answer
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.importing import import_labels
from fewslice.project.reviews import submit
from fewslice.project.revisions import ACCEPT, CORRECT
from fewslice.project.saving import save_revision
from fewslice.project.scans import ACCEPTED, SUBMITTED, ScanRow, list_scans, read_scan
from fewslice.project.structures import list_structures
from fewslice.volumes import LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import LabelArray

FINAL, ORIGINAL = "final", "original"
"""Tags: what people drew or accepted, and the engine's answer."""

_EXTENSION = ".nii.gz"
_MOST = 0.8  # of the slices of an answer that a label shows which is that answer, edited


def labels_by_value(project: Project) -> dict[str, int]:
    """Return names of structures and their labels."""
    return {each.name: each.value for each in list_structures(project)}


def statistics(project: Project) -> dict[str, Any]:
    """Return how many scans there are and how many are done."""
    rows = list_scans(project)
    done = sum(row.status in (SUBMITTED, ACCEPTED) for row in rows)
    return {
        "total": len(rows),
        "completed": done,
        "label_tags": {FINAL: done},
        "train": [],
    }


def listing(project: Project, archive: Archive) -> dict[str, Any]:
    """Return all scans and the tags of their labels, as MONAI Label's datastore file does."""
    objects = {}
    for row in list_scans(project):
        labels = {}
        if _is_drawn(project, row):
            labels[FINAL] = {"ext": _EXTENSION, "info": _final_info(project, row)}
        answer = latest_answer(project, row.id)
        if answer is not None:
            info = _answer_info(project, row, answer.labels)
            labels[ORIGINAL] = {"ext": _EXTENSION, "info": info}
        image = {"ext": _EXTENSION, "info": image_info(row, archive)}
        objects[row.name] = {"image": image, "labels": labels}
    return {"name": project.directory.name, "description": "", "objects": objects}


def _final_info(project: Project, row: ScanRow) -> dict[str, Any]:
    """Return what is known of what people drew; 3D Slicer's reviewer asks for all of it."""
    labels = labels_by_value(project)
    review = review_of(project, row)
    return {
        "name": f"{row.name}{_EXTENSION}",
        "label_info": [{"name": name, "idx": value} for name, value in labels.items()],
        **({META: review} if review else {}),
    }


def _answer_info(project: Project, row: ScanRow, labels: LabelArray) -> dict[str, Any]:
    """Return what is known of an answer.

    3D Slicer shows it with the next scan, and names the labels that are there one after the other.
    """
    there = np.flatnonzero(np.bincount(labels.ravel(order="K")))
    names = labels_by_value(project).items()
    shown = {name: value for name, value in names if value in there}
    return {"name": f"{row.name}{_EXTENSION}", "params": {"label_names": shown}}


def image_info(row: ScanRow, archive: Archive) -> dict[str, Any]:
    """Return what is known of a scan; of DICOM, the UIDs by which OHIF opens it."""
    series = archive.series(row)
    dicom = {}
    if series is not None:
        dicom = {
            "SeriesInstanceUID": series.uid,
            "StudyInstanceUID": series.study,
            "Modality": series.modality,
        }
    return dicom | {
        "name": f"{row.name}{_EXTENSION}",
        "shape": list(row.shape),
        "spacing": [float(each) for each in row.spacing],
        "modality": row.modality,
        "status": row.status,
    }


def checksum(path: Path) -> str:
    """Return the checksum of a file in the protocol's words."""
    return f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def write_scan(project: Project, row: ScanRow, folder: Path) -> Path:
    """Write a scan as one file that every client reads."""
    path = folder / f"{file_name(row.name)}{_EXTENSION}"
    write_image(path, read_scan(project, row.id))
    return path


def write_tagged(project: Project, row: ScanRow, tag: str, folder: Path, suffix: str) -> Path:
    """Write the labels of a scan. Raises NotFoundError if there are none with this tag."""
    image = read_scan(project, row.id)
    if tag == FINAL and _is_drawn(project, row):
        array = drawing(project, row.id).drawing.labels()
    else:
        answer = latest_answer(project, row.id)
        if tag == FINAL or answer is None:
            raise NotFoundError(f"The scan {row.name!r} has no labels tagged {tag!r}.")
        array = answer.labels
    path = folder / f"{file_name(row.name)}{suffix}"
    write_labels(path, LabelMap(np.asarray(array), image.geometry, image.stored))
    return path


def save_label(  # noqa: PLR0913, PLR0917 - what a person sent, and whose it is
    project: Project,
    row: ScanRow,
    path: Path,
    by: int,
    tag: str = "",
    names: Mapping[int, str] | None = None,
) -> bool:
    """Keep what a person saved; return whether that was a whole scan.

    A label that shows most slices of the project's answer is the answer, edited: what differs from
    it was a person's work, and one tagged "final" accepts the rest as well and hands the scan in.
    Any other label is sparse: the slices that hold something were drawn, and an empty one was not
    looked at, whatever its tag. names: of the values, see `as_in_project`. Raises
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
        return False
    _save_changes(project, row, labels, answer.labels, by, final=tag == FINAL)
    if tag == FINAL:
        submit(project, row.id, by)
    return True


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


def _is_drawn(project: Project, row: ScanRow) -> bool:
    return bool(drawing(project, row.id).drawing.slices)


def file_name(name: str) -> str:
    """Return a name that is safe as one of a file."""
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
