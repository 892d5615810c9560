"""Which slices are drawn on trial, to learn what each of them brings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.advice_recipes import Rng
from benchmarks.advice_tasks import Task
from fewslice.active_learning.next_slice.features import draw_features
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.annotation.annotation import SliceIndex
from fewslice.evaluation.simulation.volume import widest_gap_first

_MOST_OBLONG = 3.0  # pixels of slices across thick ones on which nobody can draw
_ACROSS = 2  # slices across, where few slices hold a structure

Tried = Callable[[Task, Profiles, int, list[SliceIndex], Rng], list[int]]
"""Slices across an axis to try: from a task, what is known, the axis, what is drawn, chance."""


def some_places(
    task: Task, found: Profiles, axis: int, places: list[SliceIndex], rng: Rng
) -> list[int]:
    """Return slices to try: where most is doubtful or expected, in wide gaps, and at random."""
    profile = found.axes[axis]
    expected, doubt = profile.expected[0], profile.doubt[0] + profile.spread[0]
    free = np.flatnonzero((expected > 0.5) & ~profile.asked)
    if not len(free):
        return []
    around = draw_features(found, 0, axis)[:, 3]  # doubt within half a radius
    chosen = {int(free[doubt[free].argmax()]), int(free[around[free].argmax()])}
    if axis == found.main:
        held = np.flatnonzero(expected > 0.5).tolist()
        gaps = [at for at in widest_gap_after(held, np.flatnonzero(profile.asked)) if at in free]
        truly = widest_gap_after(
            task.occupied(axis).tolist(), np.flatnonzero(profile.asked)
        )  # where people go who know the extent
        chosen |= {*gaps[:2], *[at for at in truly[:1] if at in free]}
    else:
        chosen |= {int(free[expected[free].argmax()])}
    chosen |= {int(at) for at in rng.choice(free, min(len(free), 2 if axis == found.main else 1))}
    return sorted(chosen)


def every_place(
    task: Task, found: Profiles, axis: int, places: list[SliceIndex], rng: Rng
) -> list[int]:
    """Return all slices that hold the structure and those just beyond, and some across these."""
    profile = found.axes[axis]
    if axis != found.main:
        steps = [each.step for other, each in enumerate(found.axes) if other != axis]
        if max(steps) / min(steps) > _MOST_OBLONG:
            return []
        return some_places(task, found, axis, places, rng)[:_ACROSS]
    held = task.occupied(axis)
    near = range(int(held[0]) - 1, int(held[-1]) + 2)
    there = {*held.tolist(), near[0], near[-1]}
    return [at for at in sorted(there) if 0 <= at < len(profile) and not profile.asked[at]]


def widest_gap_after(held: list[int], known: npt.NDArray[np.intp]) -> list[int]:
    """Return slices of an extent in the order of `widest_gap_first`, some of them known."""
    order = [int(at) for at in known if at in held]
    if not order:
        return widest_gap_first(held)
    span = np.array(held)
    found: list[int] = []
    for _ in range(3):
        nearest = np.abs(span[:, None] - np.array([*order, *found])).min(axis=1)
        if not nearest.any():
            break
        sums = [int(np.minimum(nearest, np.abs(span - at)).sum()) for at in span]
        found.append(int(span[int(np.argmin(sums))]))
    return found
