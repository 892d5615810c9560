import numpy as np
import pytest

from fewslice.active_learning.scans import rank_scans, scan_candidates
from fewslice.active_learning.strategies.registry import STRATEGIES
from tests.support.candidate_pools import ball_pool


def test_scans_are_means_of_their_open_slices() -> None:
    slices = ball_pool(scans=2, slices=4, annotated=(1,))
    slices.place[:, 0] += 5
    scans = scan_candidates(slices)
    assert scans.place.tolist() == [[5, -1, -1], [6, -1, -1]]
    assert scans.entropy[1] == pytest.approx(slices.entropy[[4, 6, 7]].mean(), rel=1e-5)
    assert scans.class_entropy[0] == pytest.approx(
        slices.class_entropy[[0, 2, 3]].mean(axis=0), rel=1e-5
    )
    assert scans.seconds.tolist() == [3, 3]
    assert scans.annotated.tolist() == [False, False]
    assert scans.points.shape == (2, *slices.points.shape[1:])


def test_a_scan_that_is_done_is_never_asked_again() -> None:
    slices = ball_pool(scans=3, slices=4, annotated=())
    slices.annotated[4:8] = True
    found = rank_scans(slices, STRATEGIES["entropy"], 5, np.random.default_rng(0))
    assert sorted(found.chosen.tolist()) == [0, 2]


def test_long_scans_do_not_win_by_length() -> None:
    slices = ball_pool(scans=2, slices=12, annotated=())
    unsure = slices.take(np.concatenate((np.arange(12), np.array([17, 18]))))
    unsure.entropy[:12] = 1.0
    unsure.entropy[12:] = 2.0
    found = rank_scans(unsure, STRATEGIES["entropy"], 1, np.random.default_rng(0))
    assert found.chosen.tolist() == [1]
    assert found.score.tolist() == [2]
