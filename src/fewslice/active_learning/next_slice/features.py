"""Numbers that tell what one more slice of a scan is worth, and how good its answer is.

All lengths are in radii of the structure (of the circle of its mean drawn area) and all amounts
of voxels are shares of the structure's expected volume, so that they mean the same for a cochlea
and a liver, in any spacing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from fewslice.typing import Float64Array

_FARTHEST = 6.0
_REACHES = (0.25, 0.5, 1.0, 2.0)

DRAW_FEATURES = (
    "own_doubt", "own_spread",
    *(f"doubt_{reach:g}" for reach in _REACHES),
    *(f"spread_{reach:g}" for reach in _REACHES),
    "share", "present", "nearest", "gap", "beyond", "crossing", "first_crossing", "off_centre",
    "coarse", "slices", "on_axis", "total_doubt", "total_spread", "open_ends", "compactness",
)  # fmt: skip
"""What is known of drawing a slice, in the order of `draw_features`."""

QUESTION_FEATURES = (*DRAW_FEATURES, "farther")
"""What is known of asking whether the structure is on a slice; see `question_features`."""

STATE_FEATURES = (
    "expected_dice", "total_doubt", "total_spread", "slices", "axes", "widest_gap", "mean_gap",
    "open_ends", "share_beyond", "doubt_beyond", "spread_beyond", "coarse", "half_length",
    "few_slices", "compactness", "ends_seen", "coverage", "least_coverage", "main_width", "oblong",
    "length", "on_main", "voxels", "gap_share", "blunt_end", "near_end",
)  # fmt: skip
"""What is known of a structure's answer, in the order of `state_features`."""


def draw_features(found: Profiles, structure: int, axis: int) -> Float64Array:
    """Return float64 (n, feature) for drawing each slice across an axis, for one structure."""
    profile = found.axes[axis]
    radius = float(found.radius[structure])
    main = found.axes[found.main]
    volume = max(float(main.expected[structure].sum()), 1.0)
    doubt = profile.doubt[structure] / volume
    spread = profile.spread[structure] / volume
    expected = profile.expected[structure]
    drawn = np.flatnonzero(profile.drawn[structure])
    at = np.arange(len(profile))
    step = profile.step / radius
    below, above = neighbours(profile, structure)
    nearest = np.minimum(at - below, above - at) * step
    crossing = float(axis != found.main)
    weight = expected.sum()
    centre = float((expected * at).sum() / weight) if weight > 0 else (len(at) - 1) / 2
    columns = [doubt, spread]
    hats = [_hat(below, above, reach / step) for reach in _REACHES]
    for values in (doubt, spread):
        columns += [hat @ values for hat in hats]
    state = dict(zip(STATE_FEATURES, state_features(found, structure), strict=True))
    constant = np.ones(len(at))
    columns += [
        expected / max(float(expected.max()), 1e-6),
        profile.present[structure],
        np.minimum(nearest, _FARTHEST),
        np.minimum((above - below) * step, 2 * _FARTHEST),
        _beyond(profile, structure),
        crossing * constant,
        crossing * (len(drawn) == 0) * constant,
        np.minimum(np.abs(at - centre) * step, _FARTHEST),
        main.step / radius * constant,
        np.minimum(found.slices, 10) * constant,
        min(len(drawn), 10) * constant,
        state["total_doubt"] * constant,
        state["total_spread"] * constant,
        state["open_ends"] * constant,
        found.compactness[structure] * constant,
    ]
    return np.stack(columns, axis=1)


def _extent_features(found: Profiles, structure: int) -> list[float]:
    """Return what is known of a structure in units of its own extent.

    How far its volume lies from slices looked at, in lengths of the structure: the most that one
    slice of the main axis would bring it nearer, and the least of this over all axes; how wide it
    is along the main axis against its mean width; how oblong pixels of main slices are; on how many
    slices and voxels it is expected; on how many main slices it is drawn; the largest share of its
    volume between two slices looked at.
    """
    main = found.axes[found.main]
    expected = main.expected[structure]
    brought = [float(coverage(axis, structure).max(initial=0.0)) for axis in found.axes]
    widths = [_width(axis, structure) for axis in found.axes]
    steps = [axis.step for other, axis in enumerate(found.axes) if other != found.main]
    below, above = neighbours(main, structure)
    total = np.concatenate([[0.0], np.cumsum(expected / max(float(expected.sum()), 1e-6))])
    low, high = np.maximum(below + 1, 0), np.minimum(above, len(expected))
    return [
        brought[found.main],
        min(brought),
        float(np.log(widths[found.main]) - np.mean(np.log(widths))),
        float(np.log(max(steps) / min(steps))),
        float(np.log(expected_length(expected))),
        float(np.log1p(main.drawn[structure].sum())),
        float(np.log(max(expected.sum(), 1.0))),
        float(np.max(total[high] - total[np.minimum(low, high)], initial=0.0)),
    ]


def expected_length(expected: Float64Array) -> int:
    """Return over how many slices a structure is expected to go; of all, if on none."""
    held = np.flatnonzero(expected > 0.5)
    return int(held[-1] - held[0]) + 1 if len(held) else len(expected)


def _width(profile: AxisProfile, structure: int) -> float:
    """Return the standard deviation (mm) of where a structure's voxels lie along an axis."""
    expected = profile.expected[structure]
    total = float(expected.sum())
    if total <= 0:
        return profile.step
    at = np.arange(len(expected)) * profile.step
    centre = float((expected * at).sum()) / total
    # A slice is as thick as they lie apart: a single one has a width as well.
    return float(np.sqrt((expected * (at - centre) ** 2).sum() / total + profile.step**2 / 12))


def coverage(profile: AxisProfile, structure: int) -> Float64Array:
    """Return by how many lengths each slice would bring the volume nearer to one looked at."""
    expected = profile.expected[structure]
    share = expected / max(float(expected.sum()), 1e-6)
    held = np.flatnonzero(share > 1e-4)
    if not len(held):
        return np.zeros(len(share))
    at = np.arange(len(share))
    below, above = neighbours(profile, structure)
    now = np.minimum(np.minimum(at - below, above - at), held[-1] - held[0] + 1)[held]
    away = np.abs(at[:, None] - held[None, :])
    nearer = np.maximum(now[None, :] - away, 0) @ share[held]
    return np.asarray(nearer / expected_length(expected), dtype=np.float64)


def question_features(found: Profiles, structure: int) -> Float64Array:
    """Return float64 (n, feature) for asking about each slice of the main axis, for one structure.

    As `draw_features`, and the share of the expected volume on the slice and farther out, beyond
    the outermost slices known to hold the structure; 0 where there is nothing to ask.
    """
    profile = found.axes[found.main]
    expected = profile.expected[structure]
    share = expected / max(float(expected.sum()), 1.0)
    held = np.flatnonzero(profile.drawn[structure] | (profile.present[structure] >= 1.0))
    farther = np.zeros(len(share))
    if len(held):
        first, last = int(held[0]), int(held[-1])
        farther[:first] = np.cumsum(share[:first])
        farther[last + 1 :] = np.cumsum(share[last + 1 :][::-1])[::-1]
        empty = np.flatnonzero(profile.empty[structure])
        for index in empty:  # beyond a "no" there is nothing to ask
            if index < first:
                farther[: index + 1] = 0.0
            elif index > last:
                farther[index:] = 0.0
    farther[farther < 1e-4] = 0.0
    return np.concatenate([draw_features(found, structure, found.main), farther[:, None]], axis=1)


def state_features(found: Profiles, structure: int) -> Float64Array:
    """Return float64 (feature,) that say how good the answer for one structure may be."""
    main = found.axes[found.main]
    radius = float(found.radius[structure])
    step = main.step / radius
    expected, doubt, spread = (
        values[structure] for values in (main.expected, main.doubt, main.spread)
    )
    volume = max(float(expected.sum()), 1.0)
    drawn = np.flatnonzero(main.drawn[structure])
    annotated = np.flatnonzero(main.drawn[structure] | main.empty[structure])
    outside = _beyond(main, structure) > 0
    gaps = np.diff(drawn) * step if len(drawn) > 1 else np.array([_FARTHEST])
    held = np.flatnonzero(expected > 0.5)
    length = (held[-1] - held[0] + 1) * step if len(held) else 0.0
    ends = (
        2
        - int(len(drawn) > 0 and annotated[0] < drawn[0])
        - int(len(drawn) > 0 and annotated[-1] > drawn[-1])
    )
    return np.array(
        [
            1.0 - float(doubt.sum()) / volume,
            min(float(doubt.sum()) / volume, 2.0),
            min(float(spread.sum()) / volume, 2.0),
            np.log1p(found.slices),
            float(sum(bool(axis.drawn[structure].any()) for axis in found.axes)),
            min(float(gaps.max()), 2 * _FARTHEST),
            min(float(gaps.mean()), 2 * _FARTHEST),
            float(ends),
            float(expected[outside].sum()) / volume,
            min(float(doubt[outside].sum()) / volume, 2.0),
            min(float(spread[outside].sum()) / volume, 2.0),
            min(step, 2.0),
            min(length / 2, 2 * _FARTHEST),
            1.0 / max(found.slices, 1),
            found.compactness[structure],
            float(ends_seen(found, structure)),
            *_extent_features(found, structure),
            *_end_features(main, structure),
        ]
    )


def _end_features(main: AxisProfile, structure: int) -> tuple[float, float]:
    """Return how suddenly the answer ends beyond the outermost slices drawn, where that is unseen.

    Of the ends that nobody has looked beyond: the largest area on the outermost drawn slice, as a
    share of the largest area drawn; and how near the answer ends, in radii of that slice, up to 3.
    A structure that ends soon after a wide slice may have been drawn in part only.
    """
    expected = main.expected[structure]
    drawn, empty = np.flatnonzero(main.drawn[structure]), np.flatnonzero(main.empty[structure])
    if not len(drawn):
        return 1.0, 1.0
    first, last = int(drawn[0]), int(drawn[-1])
    held = np.append(np.flatnonzero(expected > 0.5), drawn)
    ends = (
        (first, first - held.min(), first == 0 or bool((empty < first).any())),
        (last, held.max() - last, last == len(main) - 1 or bool((empty > last).any())),
    )
    blunt, near = [0.0], [_FARTHEST / 2]
    for outermost, slices, seen in ends:
        if not seen:
            radius = np.sqrt(max(float(expected[outermost]) * main.pixel_area, 1e-6) / np.pi)
            blunt.append(float(expected[outermost]) / max(float(expected[drawn].max()), 1.0))
            near.append(float(slices) * main.step / float(radius))
    return max(blunt), min(near)


def ends_seen(found: Profiles, structure: int) -> bool:
    """Return whether somebody has seen where a structure begins and ends.

    Either a slice across other slices was drawn, or on both sides a slice beyond the outermost
    drawn one was said not to hold it, or that one is the last of the scan. Until then half of a
    structure that was drawn in neighbouring slices looks like a finished one.
    """
    if sum(bool(axis.drawn[structure].any()) for axis in found.axes) > 1:
        return True
    axis = found.axes[found.main]
    drawn, empty = np.flatnonzero(axis.drawn[structure]), np.flatnonzero(axis.empty[structure])
    if not len(drawn):
        return False
    before = drawn[0] == 0 or bool((empty < drawn[0]).any())
    after = drawn[-1] == len(axis) - 1 or bool((empty > drawn[-1]).any())
    return bool(before and after)


def neighbours(
    profile: AxisProfile, structure: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the nearest slices at or below, and at or above, that a person spoke of.

    Beyond the outermost they lie as far outside of the scan as the scan is long.
    """
    annotated = profile.drawn[structure] | profile.empty[structure]
    at = np.arange(len(profile))
    below = np.maximum.accumulate(np.where(annotated, at, -len(at)))
    above = np.minimum.accumulate(np.where(annotated, at, 2 * len(at) - 1)[::-1])[::-1]
    return below, above


def _beyond(profile: AxisProfile, structure: int) -> Float64Array:
    """Return 1 for slices beyond the outermost drawn ones of the axis; all, if none is drawn."""
    drawn = np.flatnonzero(profile.drawn[structure])
    result = np.ones(len(profile))
    if len(drawn):
        result[drawn[0] : drawn[-1] + 1] = 0.0
    return result


def _hat(below: npt.NDArray[np.intp], above: npt.NDArray[np.intp], reach: float) -> Float64Array:
    """Return weights (slice, slice): around each slice a hat that ends at `reach` slices.

    It ends at the next slice a person spoke of as well: what lies behind is that one's. A slice
    that was spoken of has only itself.
    """
    at = np.arange(len(below))
    offset = at[None, :] - at[:, None]
    left = np.minimum(reach, at - below)[:, None]
    right = np.minimum(reach, above - at)[:, None]
    side = np.where(offset < 0, left, right)
    inside = (np.abs(offset) <= side) & (side > 0)
    weights = np.where(inside, 1 - np.abs(offset) / np.maximum(side, 1e-9), 0.0)
    weights[at, at] = 1.0
    return np.asarray(weights, dtype=np.float64)
