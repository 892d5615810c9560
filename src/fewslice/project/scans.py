"""The scans of a project: where they are, what they are, and how far their annotation is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.errors import ConflictError, InputError, NotFoundError
from fewslice.io import read_image
from fewslice.project import scan_files
from fewslice.project.database import Project, reading, writing
from fewslice.project.events import add_event
from fewslice.project.tables import LeaseTable, PersonTable, ScanTable
from fewslice.typing import Float64Array
from fewslice.volumes.image import Image
from fewslice.volumes.respacing import respaced
from fewslice.volumes.spacing import MISSING

NEW, IN_PROGRESS, SUBMITTED = "new", "in_progress", "submitted"
RETURNED, ACCEPTED = "returned", "accepted"
STATUSES = (NEW, IN_PROGRESS, SUBMITTED, RETURNED, ACCEPTED)


@dataclass(frozen=True)
class Lease:
    """Who has a scan open, and until when."""

    person_id: int
    person: str
    until: datetime


@dataclass(frozen=True, eq=False)
class ScanRow:
    """A scan of a project.

    paths: one file or folder a channel, or one of all channels. hash: SHA-256 of what is in them.
    shape, affine, spacing (mm): of the array as it is stored. modality: "CT", "OCT" or "". status:
    one of `STATUSES`. priority: scans of higher priority come first. predicted_dice: of the present
    answer, as `suggest` predicts it. lease: who has it open. independent: whether each person
    annotates it apart from the others, so that they can be compared. spacing_known: False where
    1 mm stands for a spacing that neither the files nor a person gave.
    """

    id: int
    name: str
    paths: tuple[Path, ...]
    hash: str
    shape: tuple[int, int, int]
    affine: Float64Array
    spacing: tuple[float, float, float]
    modality: str
    channels: int
    status: str
    priority: float
    predicted_dice: float | None
    lease: Lease | None
    independent: bool
    time: datetime
    spacing_known: bool = True


@dataclass(frozen=True)
class ScanOptions:
    """How the files of a scan are read, as `fewslice.io.read_image` does. spacing: mm."""

    series: int | str | None = None
    fill_gaps: bool = False
    spacing: tuple[float, float, float] | None = None


def list_scans(project: Project) -> list[ScanRow]:
    """Return all scans, those of higher priority first, then as they were added."""
    with reading(project) as session:
        leases = _leases(project, session)
        rows = session.scalars(select(ScanTable).order_by(-ScanTable.priority, ScanTable.id))
        return [_value(project, row, leases.get(row.id)) for row in rows]


def get_scan(project: Project, scan_id: int) -> ScanRow:
    """Return a scan. Raises NotFoundError if there is none of that number."""
    with reading(project) as session:
        row = found_scan(session, scan_id)
        return _value(project, row, _leases(project, session).get(scan_id))


def find_scan(project: Project, name: str) -> ScanRow:
    """Return the scan of that name, or, if there is none, of that number. Raises NotFoundError."""
    with reading(project) as session:
        found = session.scalar(select(ScanTable.id).where(ScanTable.name == name))
    if found is None and not name.isdecimal():
        raise NotFoundError(f"There is no scan '{name}' in the project; list shows their names.")
    return get_scan(project, int(name) if found is None else found)


def read_scan(project: Project, scan_id: int) -> Image:
    """Read the voxels of a scan.

    Raises ReadError if its files are missing or have changed since it was added.
    """
    with reading(project) as session:
        row = found_scan(session, scan_id)
        files = [scan_files.of_json(each) for each in row.files]
        options = _options_of(row.options)
    paths = [project.directory / each.path for each in files]
    for file, path in zip(files, paths, strict=True):
        scan_files.require_unchanged(file, path)
    return read_files(paths, options)


def move_scan(project: Project, scan_id: int, paths: Sequence[str | Path]) -> ScanRow:
    """Say where the files of a scan are now. Raises InputError if they hold something else."""
    files = [Path(each).absolute() for each in paths]
    described = [scan_files.described(path, stored_as(project, path)) for path in files]
    with writing(project) as session:
        row = found_scan(session, scan_id)
        if scan_files.joint_hash(described) != row.hash:
            raise InputError(
                f"{files[0]} does not hold the scan '{row.name}' as it was added; give the place "
                "of the same files, or add it as another scan."
            )
        row.files = [each.as_json() for each in described]
    return get_scan(project, scan_id)


def change_scan(
    project: Project,
    scan_id: int,
    *,
    priority: float | None = None,
    predicted_dice: float | None = None,
    independent: bool | None = None,
) -> ScanRow:
    """Change what is known or wanted of a scan; None leaves a value as it is.

    Raises ConflictError if it is to be annotated independently, or no longer, once slices are
    drawn: what was drawn together cannot be told apart afterwards.
    """
    with writing(project) as session:
        row = found_scan(session, scan_id)
        if independent is not None and independent != row.independent:
            if row.status != NEW:
                raise ConflictError(
                    f"The scan '{row.name}' has drawn slices already; whether people annotate it "
                    "independently can only be said before."
                )
            row.independent = independent
        row.priority = row.priority if priority is None else priority
        row.predicted_dice = row.predicted_dice if predicted_dice is None else predicted_dice
        add_event(project, session, "status", scan_id=scan_id, data={"status": row.status})
    return get_scan(project, scan_id)


def found_scan(session: Session, scan_id: int) -> ScanTable:
    """Return the row of a scan. Raises NotFoundError."""
    row = session.get(ScanTable, scan_id)
    if row is None:
        raise NotFoundError(f"There is no scan {scan_id} in the project.")
    return row


def locked_scan(session: Session, scan_id: int) -> ScanTable:
    """Return the row of a scan; others who lock it wait for the end of this transaction."""
    row = session.get(ScanTable, scan_id, with_for_update={"key_share": True})
    if row is None:
        raise NotFoundError(f"There is no scan {scan_id} in the project.")
    return row


def read_files(paths: Sequence[Path], options: ScanOptions) -> Image:
    """Read a scan from its files. Raises ReadError, GeometryError or InputError."""
    image = read_image(paths, series=options.series, fill_gaps=options.fill_gaps)
    return image if options.spacing is None else respaced(image, options.spacing)


def stored_as(project: Project, path: Path) -> str:
    """Return a path as it is kept: within the project's folder it moves along with that."""
    inside = path.is_relative_to(project.directory)
    return str(path.relative_to(project.directory) if inside else path)


def options_json(options: ScanOptions, origin: str) -> dict[str, Any]:
    """Return how a scan is read as the table keeps it. origin: of its spacing."""
    spacing = None if options.spacing is None else list(options.spacing)
    kept = {"series": options.series, "fill_gaps": options.fill_gaps, "spacing": spacing}
    return kept | {"spacing_known": origin != MISSING}


def _options_of(value: dict[str, Any]) -> ScanOptions:
    spacing = value["spacing"]
    return ScanOptions(value["series"], value["fill_gaps"], spacing and tuple(spacing))


def _leases(project: Project, session: Session) -> dict[int, Lease]:
    rows = session.execute(
        select(LeaseTable, PersonTable.name)
        .join(PersonTable, PersonTable.id == LeaseTable.person_id)
        .where(LeaseTable.until > project.now())
    )
    return {row.scan_id: Lease(row.person_id, name, row.until) for row, name in rows}


def _value(project: Project, row: ScanTable, lease: Lease | None) -> ScanRow:
    i, j, k = row.shape
    x, y, z = row.spacing
    return ScanRow(
        row.id,
        row.name,
        tuple(project.directory / each["path"] for each in row.files),
        row.hash,
        (i, j, k),
        np.array(row.affine),
        (x, y, z),
        row.modality,
        row.channels,
        row.status,
        row.priority,
        row.predicted_dice,
        lease,
        row.independent,
        row.time,
        row.options.get("spacing_known", True),  # older projects do not say
    )
