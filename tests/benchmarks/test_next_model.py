"""Comparing strategies over many seeds with small models."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.next_model import area, mean_dice, show, strategy_of
from benchmarks.next_model_features import Cached, best_answer, learned

from fewslice.active_learning.strategies.uncertainty import ClassStratified


def striped(slices: int) -> Cached:
    """A scan in which the class is the sign of the first feature."""
    truth = np.zeros((slices, 8, 8), np.int16)
    truth[:, :, 4:] = 1
    features = np.random.default_rng(0).normal(size=(slices, 8, 8, 3)).astype(np.float16)
    features[..., 0] = np.where(truth > 0, 1, -1)
    return Cached("a", features, truth, 2.0)


def test_the_area_is_that_of_trapezoids() -> None:
    assert area([0.5, 0.75, 0.25]) == (0.625 + 0.5) / 2


@pytest.mark.slow
def test_what_a_slice_teaches_holds_on_others() -> None:
    model = learned([(striped(3), 1)], 2, seed=0)
    assert mean_dice(model, [striped(5)], 2) == pytest.approx(1.0, abs=0.02)


def test_the_answer_is_that_of_the_highest_expected_dice() -> None:
    # Two voxels: 2 * 1.5 / (2 + 1.8) = .79; one has .64 to expect, three .71.
    sure = np.array([[0.1, 0.9], [0.6, 0.2]], dtype=np.float32)
    assert best_answer(sure).tolist() == [[False, True], [True, False]]
    # Less than a half each, and yet 2 * .6 / (2 + .61) = .46; one voxel has .37, three .34.
    rare = np.array([[0.3, 0.3, 0.01]], dtype=np.float32)
    assert best_answer(rare).tolist() == [[True, True, False]]


def test_a_coarser_scan_is_every_second_slice_and_pixel() -> None:
    scan = striped(5)
    thin = scan.coarser(slices=2, pixels=2)
    assert thin.truth.shape == (3, 4, 4)
    assert np.array_equal(thin.features, scan.features[::2, ::2, ::2])
    assert thin.spacing == 4.0


def test_the_noise_of_clasp_pe_decays() -> None:
    powers = []
    for number in range(4):
        strategy = strategy_of("clasp-pe", number)
        assert isinstance(strategy, ClassStratified)
        powers.append(strategy.power)
    assert powers == [1.0, 10.0, 100.0, 100.0]


def test_strategies_are_compared_on_the_seeds_both_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def row(name: str, seed: int, dice: str) -> dict[str, str]:
        return {"set": "X", "seed": str(seed), "strategy": name, "dice": dice}

    base = "foreground-random-66"
    show(
        [
            row(base, 0, "0.5 0.5"),
            row(base, 1, "0.25 0.25"),
            row("spread", 0, "0.5 0.75"),
            row("spread", 1, "0.25 0.75"),
            row("spread", 2, "0.0 0.0"),
        ]
    )
    shown = capsys.readouterr().out
    # areas .625 and .5 against .5 and .25: +.125 and +.25; t(.975, 1) = 12.706, s/sqrt(2) = .0625
    assert "| spread | 2 | 0.375, 0.750 | 0.562 | +0.1875 (-0.6066 to +0.9816) | 2 |" in shown
