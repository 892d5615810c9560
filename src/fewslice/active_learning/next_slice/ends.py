"""Scans of thick slices: find the ends by one-click questions, then halve the widest gap.

Nobody can draw well across thick slices, so that one plane has to do. There people who know where a
structure begins and ends are well served by evenly spaced slices; these questions make them of
those who do not (`docs/results/advice-on-unseen-kinds.md`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles

_QUESTIONS = 2  # on either side
_MOST_DRAWN = 2  # slices; later the ends hardly matter
_LIKELY = 0.03  # of the largest area of a structure, below which a slice shows none of it
_REACH = 0.5  # radii that a structure goes on at least, unless somebody said that it does not


@dataclass(frozen=True)
class Extent:
    """Where structures lie along an axis, as far as known; all are indices of slices.

    first, last: the outermost slices that are likely to hold any. held: the outermost ones known
    to, drawn or confirmed. drawn: the outermost drawn ones. closed: the nearest ones said to hold
    none, below and above; None where nobody has.
    """

    first: int
    last: int
    held: tuple[int, int]
    drawn: tuple[int, int]
    closed: tuple[int | None, int | None]


def extent(found: Profiles) -> Extent | None:
    """Return the extent along the main axis; None if nothing is drawn across it."""
    profile = found.axes[found.main]
    drawn = np.flatnonzero(profile.drawn.any(axis=0))
    if not len(drawn):
        return None
    held = sorted({*drawn.tolist(), *profile.confirmed})
    empty = np.flatnonzero(profile.asked & ~profile.drawn.any(axis=0))
    empty = np.setdiff1d(empty, held)
    below, above = empty[empty < held[0]], empty[empty > held[-1]]
    reach = max(1, round(_REACH * float(found.radius.mean()) / profile.step))
    likely = np.arange(len(profile)) if found.layers else np.flatnonzero(_likely(profile))
    first = min(int(likely.min(initial=held[0])), held[0], int(drawn[0]) - reach)
    last = max(int(likely.max(initial=held[-1])), held[-1], int(drawn[-1]) + reach)
    closed = (
        int(below.max()) if len(below) else None,
        int(above.min()) if len(above) else None,
    )
    if held[0] < drawn[0]:
        first = _half_way(held[0], -1 if closed[0] is None else closed[0])
    if held[-1] > drawn[-1]:
        last = _half_way(held[-1], len(profile) if closed[1] is None else closed[1])
    first = max(first, 0 if closed[0] is None else closed[0] + 1)
    last = min(last, len(profile) - 1 if closed[1] is None else closed[1] - 1)
    return Extent(first, last, (held[0], held[-1]), (int(drawn[0]), int(drawn[-1])), closed)


def end_question(found: Profiles) -> int | None:
    """Return a slice to ask "is the structure on it?", just beyond an end nobody has seen.

    None where both are known well enough, or enough slices are drawn.
    """
    profile = found.axes[found.main]
    known = extent(found)
    if known is None or np.count_nonzero(profile.drawn.any(axis=0)) > _MOST_DRAWN:
        return None
    sides = [
        (-1, known.first, known.held[0], known.drawn[0], known.closed[0], -1),
        (1, known.last, known.held[1], known.drawn[1], known.closed[1], len(profile)),
    ]
    # The longer side first, then the larger one: not the one that comes first in the file.
    expected = profile.expected.sum(axis=0)
    beyond = (expected[: known.drawn[0]].sum(), expected[known.drawn[1] + 1 :].sum())
    sides.sort(key=lambda one: (-abs(one[1] - one[3]), -beyond[one[0] > 0]))
    for side, likely, held, drawn, closed, border in sides:
        confirmed = [at for at in profile.confirmed if (at - drawn) * side > 0]
        if closed is not None or len(confirmed) >= _QUESTIONS:
            continue
        # After a "yes" the answer knows nothing of the end: half-way to the border of the scan.
        wanted = _half_way(held, border) if confirmed else likely + side
        place = int(np.clip(wanted, 0, len(profile) - 1))
        if place != held and not profile.asked[place]:
            return place
    return None


def widest_gap(found: Profiles) -> int | None:
    """Return the slice that brings those of the extent nearest to a drawn one, as strides would.

    Of several as good, the one nearest to a drawn slice: towards the middle, not the tip; then the
    one on which most is expected. None if nothing is left.
    """
    profile = found.axes[found.main]
    known = extent(found)
    if known is None:
        return None
    inside = np.arange(known.first, known.last + 1)
    inside = inside[~(profile.asked & ~profile.drawn.any(axis=0))[inside]]
    free = inside[~profile.asked[inside]]
    if not len(free):
        return None
    drawn = np.flatnonzero(profile.drawn.any(axis=0))
    now = np.abs(inside[:, None] - drawn).min(axis=1)
    away = np.abs(inside[None, :] - free[:, None])
    total = np.minimum(now, away).sum(axis=1)
    nearest = np.abs(free[:, None] - drawn).min(axis=1)
    less = -profile.expected.sum(axis=0)[free]
    return int(free[np.lexsort((less, nearest, total))[0]])


def _half_way(held: int, limit: int) -> int:
    """Return the slice half-way from one to another that is out of reach, alike in both ways."""
    away = abs(limit - held) // 2
    return held + away if limit > held else held - away


def _likely(profile: AxisProfile) -> npt.NDArray[np.bool_]:
    """Return the slices that are likely to show something of a structure."""
    # Voxels that are as likely in as out cancel: a far and faint tail does not count.
    area = np.maximum(profile.expected - profile.doubt, 0.0)
    most = np.maximum(area.max(axis=1, keepdims=True), 1e-6)
    return np.asarray((area > _LIKELY * most).any(axis=0))
