"""The project as a datastore in MONAI Label's words: images by name, labels by tag."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.errors import AccessError, NotFoundError
from fewslice.io import read_labels, write_image, write_labels
from fewslice.project.answers import latest_answer
from fewslice.project.blindness import sees_others
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.importing import import_labels
from fewslice.project.people import Person
from fewslice.project.reviews import submit
from fewslice.project.revisions import ACCEPT, CORRECT
from fewslice.project.saving import save_revision
from fewslice.project.scans import ACCEPTED, SUBMITTED, ScanRow, find_scan, list_scans, read_scan
from fewslice.project.structures import list_structures
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import LabelArray

FINAL, ORIGINAL = "final", "original"
"""Tags: what people drew or accepted, and the engine's answer."""

_EXTENSION = ".nii.gz"
_MOST = 0.8  # of the slices of an answer that a label shows which is that answer, edited


def scan_named(project: Project, image: str) -> ScanRow:
    """Return the scan that a client calls `image`. Raises NotFoundError."""
    try:
        return find_scan(project, image)
    except NotFoundError:
        raise NotFoundError(
            f"There is no scan {image!r} in the project; fewslice project list shows their names."
        ) from None


def shared_scan_named(project: Project, image: str, person: Person) -> ScanRow:
    """Return a scan whose labels a person may see and change here.

    Raises NotFoundError, and AccessError where people annotate it independently: the protocol knows
    only one drawing of a scan.
    """
    row = scan_named(project, image)
    if not sees_others(project, row, person):
        raise AccessError(
            f"The scan {row.name!r} is annotated independently, and this protocol would show what "
            "others draw; open it in the project's page."
        )
    return row


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


def listing(project: Project) -> dict[str, Any]:
    """Return all scans and the tags of their labels, as MONAI Label's datastore file does."""
    objects = {}
    for row in list_scans(project):
        labels = {
            tag: {"ext": _EXTENSION, "info": {}}
            for tag, there in (
                (FINAL, _is_drawn(project, row)),
                (ORIGINAL, _answered(project, row)),
            )
            if there
        }
        image = {"ext": _EXTENSION, "info": image_info(row)}
        objects[row.name] = {"image": image, "labels": labels}
    return {"name": project.directory.name, "description": "", "objects": objects}


def image_info(row: ScanRow) -> dict[str, Any]:
    """Return what is known of a scan."""
    return {
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
    path = folder / f"{_file_name(row.name)}{_EXTENSION}"
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
    return write_map(array, image, row.name, folder, suffix)


def write_map(array: Any, image: Image, name: str, folder: Path, suffix: str) -> Path:
    """Write a label map on the grid of a scan."""
    path = folder / f"{_file_name(name)}{suffix}"
    write_labels(path, LabelMap(np.asarray(array), image.geometry, image.stored))
    return path


def save_label(project: Project, row: ScanRow, path: Path, by: int, tag: str) -> bool:
    """Keep what a person saved; return whether that was a whole scan.

    A label that shows most slices of the project's answer is the answer, edited: what differs from
    it was a person's work, and one tagged "final" accepts the rest as well and hands the scan in.
    Any other label is sparse: the slices that hold something were drawn, and an empty one was not
    looked at, whatever its tag. Raises ReadError, InputError or GeometryError if it is no label map
    of this scan.
    """
    answer = latest_answer(project, row.id)
    image = read_scan(project, row.id)
    scan, labels = on_one_grid(image, read_labels(path, image), None)
    whole = answer is not None and scan is image and _follows(labels, answer.labels)
    if answer is None or not whole:
        import_labels(project, row.id, path, by)
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


def _answered(project: Project, row: ScanRow) -> bool:
    return latest_answer(project, row.id) is not None


def _file_name(name: str) -> str:
    """Return a name that is safe as one of a file."""
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
