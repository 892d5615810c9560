"""Scans: the list, the voxels, who has them open, and how they are reviewed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import FileResponse, Response

from fewslice.annotation.planes import annotation_axis
from fewslice.project import leases, reviews
from fewslice.project.people import Person
from fewslice.project.progress import drawn_slices
from fewslice.project.scans import RETURNED, ScanRow, change_scan, get_scan, list_scans, read_scan
from fewslice.server.auth import Admin, Reviewer, Somebody
from fewslice.server.context import Context, Served
from fewslice.server.images import WindowFacts, unpacked_size
from fewslice.server.models.base import Identifier
from fewslice.server.models.scans import Lease, LeaseRequest, ReviewRequest, Scan, ScanChange
from fewslice.server.ras import RasView
from fewslice.server.routes.slice_access import view_of
from fewslice.server.training_turn import train_if_due

router = APIRouter(prefix="/scans", tags=["scans"])


@router.get("", response_model=list[Scan])
def scans(served: Served, person: Somebody) -> Any:
    """List all scans, those of higher priority first. No scan is read for it: a window is there
    only if somebody opened the scan before.
    """
    drawn = drawn_slices(served.project)
    return [
        _shown(served, row, person, served.images.known_window(row.hash), drawn.get(row.id, 0))
        for row in list_scans(served.project)
    ]


@router.get("/{scan}", response_model=Scan)
def one_scan(scan: Identifier, served: Served, person: Somebody) -> Any:
    """Return one scan, with its window."""
    return _one(served, get_scan(served.project, scan), person)


@router.patch("/{scan}", response_model=Scan)
def change(scan: Identifier, body: ScanChange, served: Served, person: Admin) -> Any:
    """Say how urgent a scan is, or that several people annotate it independently."""
    row = change_scan(served.project, scan, priority=body.priority, independent=body.independent)
    served.watcher.wake()
    return _one(served, row, person)


@router.get(
    "/{scan}/image",
    response_class=FileResponse,
    responses={
        200: {
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("application/gzip", "application/octet-stream")
            }
        },
        304: {"description": "The file that the browser has is still the right one"},
    },
)
def image(  # noqa: PLR0913, PLR0917 - FastAPI hands over one argument each
    scan: Identifier,
    served: Served,
    _: Somebody,
    channel: Annotated[int, Query(ge=0, le=10_000)] = 0,
    form: Annotated[Literal["nii.gz", "nii"], Query()] = "nii.gz",
    if_none_match: Annotated[str, Header()] = "",
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Return one channel turned to RAS: int16 where that is exact, else float32. form: nii is
    unpacked on its way by clients that accept gzip as encoding, as browsers do.
    """
    row = get_scan(served.project, scan)
    unpacked = form == "nii" and "gzip" in accept_encoding
    tag = f'"{row.hash[:32]}-{channel}{"-nii" if unpacked else ""}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if tag in [each.strip() for each in if_none_match.split(",")]:
        return Response(status_code=304, headers=headers)
    path = served.images.nifti(
        row.hash, channel, row.modality, lambda: read_scan(served.project, scan)
    )
    if unpacked:
        headers |= {"Content-Encoding": "gzip", "X-Size": str(unpacked_size(path))}
    kind = "application/octet-stream" if unpacked else "application/gzip"
    return FileResponse(path, media_type=kind, headers=headers)


@router.post("/{scan}/lease", response_model=Lease)
def lease(scan: Identifier, body: LeaseRequest, served: Served, person: Somebody) -> Any:
    """Open a scan, or keep it open: a lease ends by itself unless it is renewed."""
    found = leases.take(served.project, scan, person.id, force=body.force)
    served.watcher.wake()
    return {"person": found.person, "until": found.until.isoformat(), "mine": True}


@router.delete("/{scan}/lease", status_code=204)
def give_up_lease(scan: Identifier, served: Served, person: Somebody) -> None:
    """Close a scan. Nothing happens if somebody else has it open."""
    leases.release(served.project, scan, person.id)
    served.watcher.wake()


@router.post("/{scan}/submit", response_model=Scan)
def submit(scan: Identifier, body: ReviewRequest, served: Served, person: Somebody) -> Any:
    """Hand a scan in for review. 409 while two versions of a slice wait for a choice."""
    called = view_of(served, scan).called
    row = reviews.submit(served.project, scan, person.id, body.remark, called)
    train_if_due(served, person)
    return _one(served, row, person)


@router.post("/{scan}/accept", response_model=Scan)
def accept(scan: Identifier, body: ReviewRequest, served: Served, person: Reviewer) -> Any:
    """Accept a scan that was submitted. 409 while two versions of a slice wait for a choice."""
    called = view_of(served, scan).called
    row = reviews.accept(served.project, scan, person.id, body.remark, called)
    train_if_due(served, person)
    return _one(served, row, person)


@router.post("/{scan}/return", response_model=Scan)
def give_back(scan: Identifier, body: ReviewRequest, served: Served, person: Reviewer) -> Any:
    """Give a scan back to whoever annotates it, with a remark."""
    row = reviews.give_back(served.project, scan, person.id, body.remark)
    served.watcher.wake()
    return _one(served, row, person)


def _one(served: Context, row: ScanRow, person: Person) -> dict[str, Any]:
    annotated = drawn_slices(served.project).get(row.id, 0)
    return _shown(served, row, person, _window_if_readable(served, row), annotated)


def _window_if_readable(served: Context, row: ScanRow) -> WindowFacts | None:
    """Return how a scan is shown; None if it cannot be read, which opening it will explain."""
    from fewslice.errors import FewsliceError

    try:
        return served.images.window(
            row.hash, row.modality, lambda: read_scan(served.project, row.id)
        )
    except FewsliceError:
        return None


def _shown(
    served: Context, row: ScanRow, person: Person, window: WindowFacts | None, annotated: int
) -> dict[str, Any]:
    view = RasView.of_affine(row.shape, row.affine)
    return {
        "id": row.id,
        "name": row.name,
        "shape": view.grid.shape,
        "spacing": view.grid.spacing,
        "spacing_known": row.spacing_known,
        "status": row.status,
        "priority": row.priority,
        "independent": row.independent,
        "modality": row.modality or None,
        "channels": row.channels,
        "plane": annotation_axis(view.grid),
        "predicted_dice": row.predicted_dice,
        "lease": _lease(row, person),
        "annotated_slices": annotated,
        "window": None if window is None else _window(window),
        "remark": _remark(served, row),
    }


def _lease(row: ScanRow, person: Person) -> dict[str, Any] | None:
    if row.lease is None:
        return None
    mine = row.lease.person_id == person.id
    return {"person": row.lease.person, "until": row.lease.until.isoformat(), "mine": mine}


def _window(window: WindowFacts) -> dict[str, Any]:
    presets = [{"name": name, "low": low, "high": high} for name, low, high in window.presets]
    return {"low": window.low, "high": window.high, "presets": presets}


def _remark(served: Context, row: ScanRow) -> str | None:
    """Return what a reviewer said of a scan that was returned."""
    if row.status != RETURNED:
        return None
    said = reviews.reviews(served.project, row.id)
    return said[-1].remark if said else None
