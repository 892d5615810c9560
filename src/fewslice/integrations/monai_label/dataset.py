"""All that is annotated as one ZIP file, as MONAI Label's server packs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from fewslice.errors import NotFoundError
from fewslice.integrations.monai_label.datastore import file_name, labels_by_value, write_scan
from fewslice.io import write_labels
from fewslice.project.blindness import sees_others
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.export import put_over
from fewslice.project.people import Person
from fewslice.project.revisions import latest_revision
from fewslice.project.scans import ScanRow, list_scans, read_scan
from fewslice.volumes import LabelMap
from fewslice.volumes.image import UNKNOWN

_SUFFIX = ".nii.gz"


def write_dataset(project: Project, person: Person, limit: int | None, folder: Path) -> Path:
    """Write ``image/NAME.nii.gz``, ``label/NAME.nii.gz`` and ``metadata.json`` into a ZIP file.

    limit: how many scans at most, the first ones; None or 0 for all. Left out are scans on which
    nothing is drawn, and those of which this person may not see yet what others draw. Raises
    NotFoundError if none is left, ReadError if a scan is missing or has changed.
    """
    rows = [
        row
        for row in sorted(list_scans(project), key=lambda row: row.id)
        if latest_revision(project, row.id) is not None and sees_others(project, row, person)
    ]
    if not rows:
        raise NotFoundError("Nothing is drawn in the project yet; draw something before.")
    chosen = rows[:limit] if limit else rows
    path = folder / "dataset.zip"
    names = _names(chosen)
    with ZipFile(path, "w", ZIP_STORED) as archive:  # its files are compressed already
        for row in chosen:
            _add(archive, "image", names[row.id], write_scan(project, row, folder))
            _add(archive, "label", names[row.id], _write_drawn(project, row, folder))
        archive.writestr("metadata.json", json.dumps(_metadata(project, chosen, names), indent=2))
    return path


def _write_drawn(project: Project, row: ScanRow, folder: Path) -> Path:
    """Write what people drew; 255 where nobody looked, which is no background to learn from."""
    image = read_scan(project, row.id)
    drawn = drawing(project, row.id).drawing
    labels = put_over(np.full(row.shape, UNKNOWN, np.uint8), drawn)
    path = folder / f"label{_SUFFIX}"
    write_labels(path, LabelMap(labels, image.geometry, image.stored))
    return path


def _names(rows: list[ScanRow]) -> dict[int, str]:
    """Return a name for the files of each scan; no two are the same, on no file system."""
    found: dict[int, str] = {}
    for row in rows:
        name = file_name(row.name)
        taken = {each.lower() for each in found.values()}
        found[row.id] = f"{name}_{row.id}" if name.lower() in taken else name
    return found


def _add(archive: ZipFile, kind: str, name: str, path: Path) -> None:
    archive.write(path, f"{kind}/{name}{_SUFFIX}")
    path.unlink()  # of a large project, one scan at a time lies here twice


def _metadata(project: Project, rows: list[ScanRow], names: dict[int, str]) -> dict[str, Any]:
    return {
        "name": project.directory.name,
        "labels": labels_by_value(project),
        "not_looked_at": UNKNOWN,
        "objects": {names[row.id]: {"scan": row.name, "status": row.status} for row in rows},
    }
