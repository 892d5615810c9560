"""What to draw next by what is known already: in milliseconds, without the scan's voxels."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.project.answers import latest_confidence
from fewslice.project.database import Project
from fewslice.project.drawings import blame
from fewslice.project.revisions import latest_revision
from fewslice.project.scans import get_scan
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.workflow.project_suggest import ScanSuggestion, first_slice
from fewslice.workflow.suggest import SuggestedSlice

_FIRST_STEP = 8  # part of the axis to go along from the only slice there is
_BEYOND = 0.5
_HOLDING = ("human", "accepted", "corrected", "present")


def quick_suggestion(
    project: Project, scan_id: int, annotator: int | None = None
) -> ScanSuggestion:
    """Say which slice of a scan to draw next, until `suggest_scan` has ranked them.

    It is the middle of the gap between slices somebody spoke of in which most of the answer's Dice
    is missing; before the first answer, of the widest gap.

    annotator: of a scan that people annotate independently, whose slices are meant.
    """
    row = get_scan(project, scan_id)
    geometry = Geometry(row.shape, row.affine)
    revision = latest_revision(project, scan_id)
    kinds = {place: each.kind for place, each in blame(project, scan_id, annotator).items()}
    axes = [axis for axis, _ in kinds]
    usual = annotation_axis(geometry)
    axis = max((usual, *sorted(set(axes))), key=axes.count)
    told = {index: kind in _HOLDING for (across, index), kind in kinds.items() if across == axis}
    if not any(told.values()):
        return ScanSuggestion(revision, (first_slice(geometry),), None)
    doubt = missing_dice(latest_confidence(project, scan_id, annotator), axis, row.shape[axis])
    index = quick_slice(told, doubt)
    if index is None:
        return ScanSuggestion(revision, (), None)
    return ScanSuggestion(revision, (_slice(geometry, axis, index),), None)


def quick_slice(told: dict[int, bool], doubt: Float64Array) -> int | None:
    """Return the slice to draw next along an axis; None if no slice is left that may hold anything.

    told: of slices that somebody spoke of, whether they hold a structure; one does. doubt: of every
    slice along the axis, what is missing of its Dice. Beyond the outermost slices that hold a
    structure at most one step is looked at, and counts half: it may have ended there.
    """
    holding = [index for index, holds in told.items() if holds]
    inside = [index for index in sorted(told) if min(holding) <= index <= max(holding)]
    widest = max((after - before for before, after in pairwise(inside)), default=0)
    step = widest if widest > 1 else max(2, len(doubt) // _FIRST_STEP)
    low = max((index for index in told if index < min(holding)), default=-1)
    high = min((index for index in told if index > max(holding)), default=len(doubt))
    ends = [max(low, min(holding) - step), min(high, max(holding) + step)]
    known = sorted({*inside, *ends})
    gaps = [(before, after) for before, after in pairwise(known) if after - before > 1]
    if not gaps:
        return None

    def missing(gap: tuple[int, int]) -> float:
        sure = min(holding) <= gap[0] and gap[1] <= max(holding)
        return float(doubt[gap[0] + 1 : gap[1]].sum()) * (1 if sure else _BEYOND)

    before, after = max(gaps, key=missing)
    return (before + after) // 2


def missing_dice(confidence: Any, axis: int, length: int) -> Float64Array:
    """Return 1 - Dice of every slice as the last answer expects it; 1 where nothing tells."""
    known = confidence if isinstance(confidence, dict) else {}
    dice = known.get("dice") or ()
    if known.get("axis") != axis or len(dice) != length:
        return np.ones(length)
    return 1 - np.nan_to_num(np.asarray(dice, dtype=np.float64))


def _slice(geometry: Geometry, axis: int, index: int) -> SuggestedSlice:
    nothing = float("nan")
    return SuggestedSlice(
        axis,
        index,
        plane_name(geometry, axis),
        "draw",
        nothing,
        nothing,
        "It lies in the middle of the slices about which least is known; they are ranked soon.",
    )
