"""What 3D Slicer's MONAI Label Reviewer notes of labels, as the project's reviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fewslice.project.database import Project
from fewslice.project.reviews import accept, give_back, reviews
from fewslice.project.scans import ACCEPTED, RETURNED, ScanRow
from fewslice.server.ras import RasView

META = "segmentationMeta"

_STATUS = {ACCEPTED: "approved", RETURNED: "flagged"}
_NO_COMMENT = "Flagged in 3D Slicer, without a comment."


def review_of(project: Project, row: ScanRow) -> dict[str, Any]:
    """Return what was decided last on a scan in the reviewer's words; {} if that is nothing."""
    status = _STATUS.get(row.status)
    if status is None:
        return {}
    last = reviews(project, row.id)[-1]
    return {
        "status": status,
        "level": "",  # how hard a scan is, the project does not ask
        "approvedBy": last.person,
        "comment": last.remark,
        "editTime": int(last.time.timestamp()),
    }


def keep_review(project: Project, row: ScanRow, by: int, noted: Mapping[str, Any]) -> None:
    """Accept a scan that was approved, give one back that was flagged; keep nothing else.

    Raises AccessError unless a reviewer or admin does it, and ConflictError if a scan is flagged
    that nobody has handed in, or approved while two versions of a slice wait for a choice.
    """
    meta = noted.get(META)
    status = meta.get("status") if isinstance(meta, Mapping) else None
    if status is None or status == _STATUS.get(row.status):
        return
    comment = str(meta.get("comment") or "")[:2000] if isinstance(meta, Mapping) else ""
    if status == _STATUS[ACCEPTED]:
        called = RasView.of_affine(row.shape, row.affine).called
        accept(project, row.id, by, comment, called)
    elif status == _STATUS[RETURNED]:
        give_back(project, row.id, by, comment.strip() or _NO_COMMENT)
