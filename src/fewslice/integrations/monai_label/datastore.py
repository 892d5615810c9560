"""The project as a datastore in MONAI Label's words: images by name, labels by tag."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import NotFoundError
from fewslice.integrations.monai_label.archive import Archive
from fewslice.integrations.monai_label.reviewing import META, review_of
from fewslice.io import write_image, write_labels
from fewslice.project.answers import latest_answer
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.scans import ACCEPTED, SUBMITTED, ScanRow, list_scans, read_scan
from fewslice.project.structures import list_structures
from fewslice.volumes import LabelMap
from fewslice.volumes.image import LabelArray

FINAL, ORIGINAL = "final", "original"
"""Tags: what people drew or accepted, and the engine's answer."""

_EXTENSION = ".nii.gz"


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


def _is_drawn(project: Project, row: ScanRow) -> bool:
    return bool(drawing(project, row.id).drawing.slices)


def file_name(name: str) -> str:
    """Return a name that is safe as one of a file."""
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
