"""From scikit-learn's boosters to plain numbers: they must answer the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.advice_fit import Table, _classifier, _model, _quality, as_trees

from benchmarks import advice_fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
# A step, a slope and noise; the last feature says nothing.
Y = np.where(X[:, 0] > 0.3, 1.0, 0.0) + 0.5 * X[:, 1] + RNG.normal(0, 0.1, len(X))
OTHERS = RNG.normal(0, 2, size=(400, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "settings", [{}, {"loss": "quantile", "alpha": 0.5}, {"loss": "quantile", "alpha": 0.1}]
)
def test_a_regression_answers_as_scikit_learn_does(settings: dict[str, Any]) -> None:
    model = _model(n_estimators=20, learning_rate=0.1, **settings).fit(X, Y)
    trees = as_trees(model)
    assert trees.feature.shape[0] == 20
    np.testing.assert_allclose(trees.predict(OTHERS), model.predict(OTHERS), atol=1e-5)
    assert np.ptp(trees.predict(OTHERS)) > 0.1


def test_a_classifier_answers_log_odds() -> None:
    model = _classifier().set_params(n_estimators=20).fit(X, (Y > 0.6).astype(int))
    found = as_trees(model).predict(OTHERS)
    np.testing.assert_allclose(found, model.decision_function(OTHERS), atol=1e-5)
    chance = model.predict_proba(OTHERS)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), chance, atol=1e-5)


def test_thresholds_between_neighbouring_numbers_part_them_as_before() -> None:
    # The middle of two neighbouring float32 is no float32, and half of them round up.
    value = np.float32(16)
    for _ in range(6):
        above = np.nextafter(value, np.float32(32))
        x = np.repeat([[value], [above]], 40, axis=0)
        y = np.repeat([0.0, 1.0], 40)
        model = _model(n_estimators=3, learning_rate=0.3, subsample=1.0).fit(x, y)
        assert np.ptp(model.predict(x)) > 0.1
        np.testing.assert_allclose(as_trees(model).predict(x), model.predict(x), atol=1e-6)
        value = above


def test_many_slices_without_any_overlap_do_not_make_the_low_number_the_same_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def quick(**settings: Any) -> Any:
        return _model(**settings).set_params(n_estimators=30, learning_rate=0.3, max_features=None)

    monkeypatch.setattr(advice_fit, "_model", quick)
    dice = np.where(X[:, 0] > 0, 0.9, 0.0) + 0.05 * RNG.random(len(X)) * (X[:, 0] > 0)
    number = np.arange(len(X))
    _, low = _quality("slice", Table(X.astype(np.float64), dice, number, number))
    found = 1 / (1 + np.exp(-low.predict(X)))
    assert np.median(found[X[:, 0] > 0.2]) > 0.7
    assert np.median(found[X[:, 0] < -0.2]) < 0.05
