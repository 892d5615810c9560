"""How numbers and slices are put in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fewslice.annotation.counts import AnnotatedSlice

_SMALL_ML = 0.1


def counted(number: int, what: str) -> str:
    """Return a number with its noun: '1 slice', '2 slices'."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def volume_text(ml: float) -> str:
    """Return a volume with its unit: ml, or mm³ for the tiny structures of the eye or the ear."""
    return f"{1000 * ml:.4g} mm³" if 0 < ml < _SMALL_ML else f"{ml:.4g} ml"


def source_text(slices: int, support: int, planes: int = 0) -> str:
    """Return what a segmentation was made from: '2 annotated slices and 1 support scan'."""
    parts = [counted(slices, "annotated slice")] if slices or not (support or planes) else []
    parts += [counted(planes, "oblique plane")] if planes else []
    return " and ".join([*parts, *([counted(support, "support scan")] if support else [])])


def annotated_text(slices: Sequence[AnnotatedSlice], planes: int = 0) -> str:
    """Return annotated slices as text, such as 'axial 3, 6; nothing there: axial 0', or 'none'.

    planes: how many oblique planes are drawn in, beside slices.
    """
    oblique = planes and counted(planes, "oblique plane")
    drawn, empty = (
        slices_text([(item.plane, item.index) for item in slices if item.drawn is there])
        for there in (True, False)
    )
    parts = [part for part in (oblique, drawn, empty and f"nothing there: {empty}") if part]
    return "; ".join(parts) or "none"


def slices_text(places: Sequence[tuple[str, int]]) -> str:
    """Return (plane, index) pairs as text, such as 'axial 3-7, 12; coronal 40'."""
    planes = dict.fromkeys(plane for plane, _ in places)
    return "; ".join(
        f"{plane} {_ranges([index for other, index in places if other == plane])}"
        for plane in planes
    )


def _ranges(indices: Sequence[int]) -> str:
    breaks = [0, *(n for n, (a, b) in enumerate(pairwise(indices), 1) if b != a + 1), len(indices)]
    runs = [indices[start:stop] for start, stop in pairwise(breaks)]
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(str(index) for index in run)
        for run in runs
    )
