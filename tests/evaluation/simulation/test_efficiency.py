import numpy as np
import pytest

from fewslice.evaluation.simulation.efficiency import (
    ceiling,
    fitted_rate,
    foreground_efficiency,
)
from tests.support.simulated_points import run, study

X = [0.1, 0.2, 0.3, 0.4, 0.5]
SLICES = [1, 1.5, 2, 2.5, 3]


def closing(rate: float, start: float = 0.5, top: float = 1.0) -> list[float]:
    values: list[float] = (top - (top - start) * np.exp(-rate * (np.array(X) - 0.1))).tolist()
    return values


def test_the_rate_is_found_again() -> None:
    made = study(
        run("a", "fast", SLICES, closing(6), foreground=X),
        run("a", "slow", SLICES, closing(2), foreground=X),
        run("b", "fast", SLICES, closing(6, 0.3), foreground=X),
    )
    fast, slow = foreground_efficiency(made)
    assert (fast.strategy, fast.points) == ("fast", 10)
    assert fast.rate == pytest.approx(6, rel=1e-4)
    assert slow.rate == pytest.approx(2, rel=1e-4)
    assert fast.error == pytest.approx(0, abs=1e-4)


def test_the_error_is_a_standard_error() -> None:
    # For a rate near 0 the model is a line through 0: dice = b x, so b = sum(xy) / sum(xx) and its
    # variance is s² / sum(xx), where s² has n - 1 degrees of freedom.
    x, y = np.array([1.0, 2, 3]), np.array([1.1, 1.9, 3.2]) * 1e-4
    rate, error = fitted_rate(x, np.ones(3), y, 1.0)
    line = (x * y).sum() / (x * x).sum()
    spread = ((y - line * x) ** 2).sum() / 2
    assert rate == pytest.approx(line, rel=1e-3)
    assert error == pytest.approx(np.sqrt(spread / (x * x).sum()), rel=1e-2)


def test_the_ceiling_is_what_is_known_or_the_best_seen() -> None:
    points = run("d", "x", [1, 2], [0.5, 0.8])
    assert ceiling(study(points)) == 1
    assert ceiling(study(points, question="pool")) == 0.8
    assert ceiling(study(points, question="pool", full_dice=0.88)) == 0.88


@pytest.mark.parametrize(
    ("dice", "foreground"),
    [
        ([0.5, 0.6, 0.7, 0.8, 0.9], [0.1] * 5),  # nothing more was annotated
        ([1.0] * 5, X),  # no gap to close
    ],
)
def test_what_cannot_be_fitted_is_said(dice: list[float], foreground: list[float]) -> None:
    (fit,) = foreground_efficiency(study(run("a", "x", SLICES, dice, foreground=foreground)))
    assert fit.rate is None
    assert fit.error is None
