"""From scikit-learn's boosters to plain numbers: they must answer the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.boosting import Table, as_trees, booster, classifier, forest
from benchmarks.quality_fit import (
    KEPT,
    logit,
    promises_kept,
    scan_quality,
    slice_quality,
)

from benchmarks import quality_fit
from fewslice.active_learning.next_slice.quality import QUALITY_FEATURES

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
# A step, a slope and noise; the last feature says nothing.
Y = np.where(X[:, 0] > 0.3, 1.0, 0.0) + 0.5 * X[:, 1] + RNG.normal(0, 0.1, len(X))
OTHERS = RNG.normal(0, 2, size=(400, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "settings", [{}, {"loss": "quantile", "alpha": 0.5}, {"loss": "quantile", "alpha": 0.1}]
)
def test_a_regression_answers_as_scikit_learn_does(settings: dict[str, Any]) -> None:
    model = booster(n_estimators=20, learning_rate=0.1, **settings).fit(X, Y)
    trees = as_trees(model)
    assert trees.feature.shape[0] == 20
    np.testing.assert_allclose(trees.predict(OTHERS), model.predict(OTHERS), atol=1e-5)
    assert np.ptp(trees.predict(OTHERS)) > 0.1


def test_a_classifier_answers_log_odds() -> None:
    model = classifier().set_params(n_estimators=20).fit(X, (Y > 0.6).astype(int))
    found = as_trees(model).predict(OTHERS)
    np.testing.assert_allclose(found, model.decision_function(OTHERS), atol=1e-5)
    chance = model.predict_proba(OTHERS)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), chance, atol=1e-5)


def test_a_forest_answers_the_mean_of_its_trees() -> None:
    model = forest().set_params(n_estimators=7).fit(X, Y)
    trees = as_trees(model)
    assert trees.feature.shape[0] == 7
    np.testing.assert_allclose(trees.predict(OTHERS), model.predict(OTHERS), atol=1e-5)
    assert np.ptp(trees.predict(OTHERS)) > 0.1


def test_thresholds_between_neighbouring_numbers_part_them_as_before() -> None:
    # The middle of two neighbouring float32 is no float32, and half of them round up.
    value = np.float32(16)
    for _ in range(6):
        above = np.nextafter(value, np.float32(32))
        x = np.repeat([[value], [above]], 40, axis=0)
        y = np.repeat([0.0, 1.0], 40)
        model = booster(n_estimators=3, learning_rate=0.3, subsample=1.0).fit(x, y)
        assert np.ptp(model.predict(x)) > 0.1
        np.testing.assert_allclose(as_trees(model).predict(x), model.predict(x), atol=1e-6)
        value = above


@pytest.mark.slow
def test_many_slices_without_any_overlap_do_not_make_the_low_number_the_same_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def quick(**settings: Any) -> Any:
        return booster(**settings).set_params(n_estimators=30, learning_rate=0.3, max_features=None)

    monkeypatch.setattr(quality_fit, "booster", quick)
    dice = np.where(X[:, 0] > 0, 0.9, 0.0) + 0.05 * RNG.random(len(X)) * (X[:, 0] > 0)
    number = np.arange(len(X))
    source = np.array(["made up"] * len(X))
    _, low = slice_quality(Table(X.astype(np.float64), dice, number, number, source, number))
    found = 1 / (1 + np.exp(-low.predict(X)))
    assert np.median(found[X[:, 0] > 0.2]) > 0.7
    assert np.median(found[X[:, 0] < -0.2]) < 0.05


def states(seed: int, count: int) -> Table:
    """Answers whose error is three times as wide where the ends were not seen; runs of six."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(QUALITY_FEATURES)))
    x[:, QUALITY_FEATURES.index("ends_seen")] = rng.random(len(x)) < 0.5
    wide = np.where(x[:, QUALITY_FEATURES.index("ends_seen")] > 0, 0.3, 0.9)
    y = 1 / (1 + np.exp(-(2 + x[:, 0] + wide * rng.normal(size=len(x)))))
    number = np.arange(len(x))
    run = number // 6
    return Table(x, y, number, number, np.array(list("abcde"))[run % 5], run)


@pytest.mark.slow
def test_the_low_number_holds_whether_ends_were_seen_or_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def quick(**settings: Any) -> Any:
        return booster(**settings).set_params(n_estimators=40, learning_rate=0.15)

    monkeypatch.setattr(quality_fit, "booster", quick)
    monkeypatch.setattr(quality_fit, "forest", lambda: forest().set_params(n_estimators=60))
    median, spread, promise = scan_quality(states(0, 1800))
    unseen = states(1, 6000)
    middle = median.predict(unseen.x)
    low = middle - np.exp(spread.predict(np.column_stack([unseen.x, middle])))
    seen = unseen.x[:, QUALITY_FEATURES.index("ends_seen")] > 0
    holds = logit(unseen.y) >= low
    for rows in (seen, ~seen):  # a little careful: multiples are of models of half of the rows
        assert holds[rows].mean() == pytest.approx(0.9, abs=0.05)
    assert (middle - low)[~seen].mean() > 1.8 * (middle - low)[seen].mean()
    assert np.mean(logit(unseen.y) >= middle) == pytest.approx(0.5, abs=0.04)
    promised = middle - np.exp(promise.predict(np.column_stack([unseen.x, middle])))
    below = (middle - promised) / (middle - low)  # the same share wherever multiples are
    for rows in (seen, ~seen):
        for good in (middle > logit(0.9), middle <= logit(0.9)):
            np.testing.assert_allclose(below[rows & good], below[rows & good][0], rtol=1e-5)
    assert (promised > low).all()
    assert promises_kept(unseen, promised, np.ones(len(low), dtype=bool)) >= KEPT - 0.03
    printed = capsys.readouterr().out
    assert printed.count("| structures | ") == printed.count("| kinds | ") == 3


def test_the_first_promise_of_each_run_counts() -> None:
    # Of three runs the first is promised .90 too early, the second rightly, the third never.
    dice = np.array([0.7, 0.85, 0.95, 0.8, 0.93, 0.6])
    promise = logit([0.5, 0.9, 0.95, 0.6, 0.91, 0.89])
    run = np.array([0, 0, 0, 1, 1, 2])
    number = np.arange(len(dice))
    table = Table(np.zeros((6, 1)), dice, run, number, np.array(["made up"] * 6), run)
    assert promises_kept(table, promise, number >= 0) == 0.5
    assert promises_kept(table, promise, number >= 3) == 1.0
    assert promises_kept(table, promise, number >= 5) == 0.0
