"""What a scan on which nothing is drawn goes by: the project's model, or its other scans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fewslice.errors import FewsliceError, InputError
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.revisions import latest_revision
from fewslice.project.scans import ACCEPTED, SUBMITTED, ScanRow, get_scan, list_scans
from fewslice.training import store
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow.project_sessions import SessionPool, blank

MODELS = "models"
"""The folder of a project that holds its trained models."""

_MOST = 3  # further ones cost time and hardly help, see docs/how-to/support-scans.md

Pairs = tuple[tuple[Image, LabelMap], ...]


def model_folder(project: Project) -> Path:
    """Return where the models of a project lie."""
    return project.directory / MODELS


def has_model(project: Project) -> bool:
    """Return whether a model is in use."""
    return store.promoted(model_folder(project)) is not None


def support_of(pool: SessionPool, scan_id: int) -> Pairs:
    """Return up to three other scans on which something is drawn, finished ones first.

    Scans that cannot be read are passed over: they are no reason to leave this one unanswered.
    """
    pairs: list[tuple[Image, LabelMap]] = []
    for row in _others(pool.project, scan_id):
        if len(pairs) == _MOST:
            break
        pairs += _pair(pool, row)
    return tuple(pairs)


def _others(project: Project, scan_id: int) -> Iterator[ScanRow]:
    wanted = get_scan(project, scan_id).channels
    rank = {ACCEPTED: 0, SUBMITTED: 1}
    for row in sorted(list_scans(project), key=lambda row: (rank.get(row.status, 2), row.id)):
        drawn = row.id != scan_id and row.channels == wanted
        if drawn and latest_revision(project, row.id) is not None:
            yield row


def _pair(pool: SessionPool, row: ScanRow) -> list[tuple[Image, LabelMap]]:
    found = drawing(pool.project, row.id).drawing
    if blank(found):
        return []
    try:
        image = pool.image(row.id)
    except FewsliceError:
        return []
    return [(image, LabelMap(found.labels(), image.geometry))]


def nothing_to_go_by() -> InputError:
    """Return the error for a scan with nothing drawn, in a project with nothing to go by."""
    return InputError(
        "Nothing is drawn on this scan or on another one of the project yet; outline a structure "
        "on one slice first."
    )
