"""Expected gain for slices of a pool, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.strategies.gain_rate import ExpectedGain
from tests.support.candidate_pools import constant_pool


def pool(
    margin: list[float],
    *,
    scans: list[int] | None = None,
    seconds: list[float] | None = None,
    annotated: tuple[int, ...] = (),
) -> Candidates:
    """Slices 1 mm apart whose structures have a radius of 2 mm."""
    count = len(margin)
    blank = constant_pool(count)
    scan = np.array(scans or [0] * count)
    place = np.stack([scan, np.full(count, 2), np.arange(count)], axis=1)
    return replace(
        blank,
        place=place,
        position=np.arange(count, dtype=float),
        pixel_area=np.ones(count, dtype=np.float32),
        foreground=np.full(count, 4 * np.pi, dtype=np.float32),
        margin=np.array(margin, dtype=np.float32),
        annotated=np.isin(np.arange(count), annotated),
        seconds=np.array(seconds or [1.0] * count, dtype=np.float32),
    )


def rank(candidates: Candidates, count: int) -> Ranking:
    return ExpectedGain().rank(candidates, count, np.random.default_rng(0))


def test_neighbours_within_a_radius_count_by_half() -> None:
    # Errors are half of the margins: 1, 2, 0, 4, 0; a neighbour is 1 mm away, the radius is 2 mm.
    found = rank(pool([2, 4, 0, 8, 0]), 1)
    assert found.chosen.tolist() == [3]
    assert found.score[0] == pytest.approx(4.0)
    one = rank(pool([0, 4, 6, 4, 0]), 1)
    assert (one.chosen[0], one.score[0]) == (2, pytest.approx(3 + 0.5 * 2 + 0.5 * 2))


def test_what_a_chosen_slice_removes_counts_no_more() -> None:
    found = rank(pool([2, 4, 0, 8, 0]), 3)
    # After 3, what is on 2 and 4 is halved (nothing is there); then 1 brings 2 + 0.5 · 1, and
    # after it of 0 a half of its 1 is left.
    assert found.chosen.tolist() == [3, 1, 0]
    assert found.score.tolist() == pytest.approx([4.0, 2.5, 0.5])


def test_per_second() -> None:
    found = rank(pool([8, 0, 0, 6], seconds=[4, 1, 1, 1]), 3)
    # The neighbour of slice 0 brings half of it, but in a quarter of the time.
    assert found.chosen.tolist() == [3, 1, 0]
    assert found.score.tolist() == pytest.approx([3.0, 2.0, 0.5])


def test_annotated_slices_have_removed_theirs() -> None:
    found = rank(pool([8, 8, 0, 5], annotated=(0,)), 1)
    # On slice 1 a half of 4 is left: less than the 2.5 of slice 3.
    assert found.chosen.tolist() == [3]


def test_other_scans_and_planes_are_not_near() -> None:
    found = rank(pool([8, 8, 8], scans=[0, 1, 2]), 3)
    assert found.score.tolist() == pytest.approx([4.0, 4.0, 4.0])
    crossing = pool([8, 8, 8])
    crossing.place[:, 1] = [0, 1, 2]
    assert rank(crossing, 3).score.tolist() == pytest.approx([4.0, 4.0, 4.0])


def test_scans_one_after_the_other_or_mixed_are_the_same() -> None:
    margin = np.random.default_rng(1).random(40)
    scans = np.repeat([0, 1], 20)
    ordered = pool(margin.tolist(), scans=scans.tolist(), annotated=(3, 30))
    mixing = np.random.default_rng(2).permutation(40)
    mixed = ordered.take(mixing)
    first, second = rank(ordered, 12), rank(mixed, 12)
    assert first.chosen.tolist() == mixing[second.chosen].tolist()
    np.testing.assert_allclose(first.score, second.score)
