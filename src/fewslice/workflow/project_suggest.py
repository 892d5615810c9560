"""What to draw next on a scan of a project."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.project.scans import change_scan
from fewslice.volumes.geometry import Geometry
from fewslice.workflow.project_sessions import SessionPool
from fewslice.workflow.project_support import support_of
from fewslice.workflow.suggest import SuggestedSlice, Suggestion, suggest


@dataclass(frozen=True, eq=False)
class ScanSuggestion:
    """What to draw next, and the newest revision that was known. found: None where nothing is
    drawn anywhere yet; `slices` then names a slice to begin with.
    """

    revision: int | None
    slices: tuple[SuggestedSlice, ...]
    found: Suggestion | None


def suggest_scan(
    pool: SessionPool, scan_id: int, count: int = 1, annotator: int | None = None
) -> ScanSuggestion:
    """Say which slices of a scan to draw next, and keep the Dice to expect of it.

    annotator: of a scan that people annotate independently, whose slices are meant.

    Raises ReadError if the scan cannot be read, and InputError if it cannot be judged.
    """
    scan = pool.open(scan_id, annotator)
    if not scan.blank:
        found = scan.session.suggest(count)
    else:
        support = support_of(pool, scan_id)
        if not support:
            return ScanSuggestion(scan.revision, (first_slice(scan.session.image.geometry),), None)
        drawing = scan.session.drawing
        found = suggest(
            scan.session.image,
            scan.session.labels,
            annotated=drawing.sure_places,
            present=tuple(sorted(drawing.present)),
            support=support,
            count=count,
        )
    change_scan(pool.project, scan_id, predicted_dice=float(found.predicted_dice))
    return ScanSuggestion(scan.revision, found.slices, found)


def first_slice(geometry: Geometry) -> SuggestedSlice:
    """Return the middle slice of the usual plane: nothing tells yet where the structure is."""
    axis = annotation_axis(geometry)
    return SuggestedSlice(
        axis,
        geometry.shape[axis] // 2,
        plane_name(geometry, axis),
        "draw",
        float("nan"),
        float("nan"),
        "Nothing is drawn in this project yet, so nothing tells one slice from another: begin "
        "wherever the structure is seen best, such as near the middle.",
    )


def slice_dice(found: Suggestion) -> list[float]:
    """Return the Dice to expect of each slice across `found.axis`."""
    return [float(value) for value in np.round(found.slice_dice, 4)]


def suggestion_result(found: ScanSuggestion) -> dict[str, Any]:
    """Return a suggestion as JSON: places in the scan's own axes, no NaN."""
    slices = [
        {name: None if _nan(value) else value for name, value in asdict(each).items()}
        for each in found.slices
    ]
    result: dict[str, Any] = {"revision": found.revision, "slices": slices}
    if found.found is None:
        unknown = {"predicted_dice": None, "predicted_dice_low": None}
        return {**result, **unknown, "may_stop": False, "message": ""}
    return {
        **result,
        "predicted_dice": float(found.found.predicted_dice),
        "predicted_dice_low": float(found.found.predicted_dice_low),
        "may_stop": found.found.may_stop(),
        "message": found.found.message,
        "axis": found.found.axis,
        "slice_dice": slice_dice(found.found),
    }


def _nan(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
