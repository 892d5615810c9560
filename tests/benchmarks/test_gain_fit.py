"""What drawing a slice brings: which one of a state is learned first, how much then."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.boosting import Table
from benchmarks.gain_fit import averaged, chosen, gains, print_choices

from fewslice.active_learning.next_slice.gain_features import GAIN_FEATURES
from fewslice.active_learning.next_slice.gain_model import Trees

COVERAGE, COARSE = GAIN_FEATURES.index("coverage"), GAIN_FEATURES.index("coarse")
SLICES = GAIN_FEATURES.index("log_slices")


def trials(seed: int, states: int = 120, tried: int = 6) -> Table:
    """Slices that bring what they cover, and in coarse scans all of them .5 more."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(states), tried)
    x = rng.normal(size=(len(group), len(GAIN_FEATURES)))
    x[:, GAIN_FEATURES.index("crossing")] = 0
    x[:, COARSE] = (group % 2).astype(float)
    x[:, SLICES] = np.where(group % 2, np.log(5), np.log(30))
    y = 0.1 * (x[:, COVERAGE] > 0.5) + 0.5 * x[:, COARSE] + rng.normal(0, 0.01, len(x))
    source = np.array(list("abc"))[group % 3]
    return Table(x, y, group, group, source, np.full(len(x), -1))


@pytest.mark.slow
def test_both_what_is_chosen_and_how_much_it_brings_are_learned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trees, unseen = gains(trials(0)), trials(1)
    found = trees.predict(unseen.x)
    assert np.abs(found - unseen.y).mean() < 0.03
    every = np.ones(len(found), dtype=bool)
    assert chosen(unseen, found, every) > chosen(unseen, unseen.y, every) - 0.02
    print_choices(trials(0))
    told = capsys.readouterr().out
    assert "(60 and 60 states)" in told
    few, more = (float(cell) for cell in told.split("kinds left out |")[1].split("|")[:2])
    assert few == pytest.approx(0.59, abs=0.03)
    assert more == pytest.approx(0.09, abs=0.03)


def test_the_best_scored_slice_of_each_state_counts() -> None:
    x = np.zeros((7, len(GAIN_FEATURES)))
    y = np.array([0.1, 0.2, 0.6, 0.0, 0.4, 0.5, 1.0])
    group = np.array([0, 0, 0, 1, 1, 1, 2])  # of the last one slice was tried: no choice
    table = Table(x, y, group, group, np.array(["a"] * 7), group)
    score = np.array([3.0, 2.0, 1.0, 0.0, 9.0, 1.0, 5.0])
    every = np.ones(7, dtype=bool)
    assert chosen(table, score, every) == pytest.approx((0.1 + 0.4) / 2)
    assert chosen(table, None, every) == pytest.approx((0.3 + 0.3) / 2)
    assert chosen(table, score, group == 0) == pytest.approx(0.1)


def test_of_two_models_the_earlier_one_counts_half_as_much() -> None:
    leaf = np.array([[-1]], dtype=np.int16)
    one, other = (
        Trees(leaf, leaf * np.float32(0), leaf, leaf, np.array([[value]], np.float32), base)
        for value, base in ((0.3, 0.6), (0.9, 0.0))
    )
    assert averaged(one, other).predict(np.zeros((1, 1))) == pytest.approx(0.9)
