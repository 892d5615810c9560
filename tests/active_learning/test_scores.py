import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.active_learning import scores

LOG2 = float(np.log(2))


def random_samples(seed: int, samples: int = 4, classes: int = 3, voxels: int = 7) -> Any:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(classes, 0.4), (samples, voxels)).transpose(0, 2, 1)


def voxel(*samples: tuple[float, ...]) -> np.ndarray:
    return np.array(samples)[:, :, None]


@pytest.mark.parametrize(
    ("samples", "entropy", "information", "margin", "variance"),
    [
        (((1.0, 0.0), (1.0, 0.0)), 0, 0, 0, 0),
        (((0.5, 0.5), (0.5, 0.5)), LOG2, 0, 1, 0),
        (((1.0, 0.0), (0.0, 1.0)), LOG2, LOG2, 1, 0.25),
        # p̄ = (0.75, 0.25): H = 0.5623; mean H = (0 + log 2) / 2 = 0.3466
        (((1.0, 0.0), (0.5, 0.5)), 0.562335, 0.215762, 0.5, 0.0625),
        # p̄ = (0.5, 0.3, 0.2), both samples alike: H = 1.0297
        (((0.5, 0.3, 0.2), (0.5, 0.3, 0.2)), 1.029653, 0, 0.8, 0),
    ],
)
def test_scores_worked_by_hand(
    samples: tuple[tuple[float, ...], ...],
    entropy: float,
    information: float,
    margin: float,
    variance: float,
) -> None:
    probability = voxel(*samples)
    assert scores.predictive_entropy(probability)[0] == pytest.approx(entropy, abs=1e-6)
    assert scores.mutual_information(probability)[0] == pytest.approx(information, abs=1e-6)
    assert scores.margin(probability)[0] == pytest.approx(margin, abs=1e-6)
    assert scores.variance(probability)[0] == pytest.approx(variance, abs=1e-6)


def test_a_single_class_is_never_unsure() -> None:
    probability = np.ones((3, 1, 2, 2))
    for score in (scores.predictive_entropy, scores.mutual_information, scores.margin):
        assert score(probability).tolist() == [[0, 0], [0, 0]]


def test_no_voxels_give_no_scores() -> None:
    for score in (scores.predictive_entropy, scores.margin, scores.variance):
        assert score(np.zeros((2, 3, 0))).shape == (0,)


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 6), samples=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_mutual_information_is_between_0_and_entropy(seed: int, classes: int, samples: int) -> None:
    probability = random_samples(seed, samples, classes).astype(np.float16)
    entropy = scores.predictive_entropy(probability)
    information = scores.mutual_information(probability)
    assert (information >= 0).all()
    assert (information <= entropy + 1e-6).all()
    assert (information <= np.log(samples) + 2e-3).all()  # float16 need not sum to 1
    assert (entropy <= np.log(classes) + 1e-3).all()
    np.testing.assert_allclose(
        entropy - information, scores.expected_entropy(probability), atol=1e-5
    )
    assert ((scores.margin(probability) >= 0) & (scores.margin(probability) <= 1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_baal(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from baal.active import heuristics
    probability = random_samples(seed, samples=6, classes=4, voxels=50)
    theirs = probability.transpose(2, 1, 0)  # voxels, classes, samples
    np.testing.assert_allclose(
        scores.predictive_entropy(probability),
        heuristics.Entropy().compute_score(theirs),
        atol=1e-4,
    )
    np.testing.assert_allclose(
        scores.mutual_information(probability), heuristics.BALD().compute_score(theirs), atol=1e-4
    )
    np.testing.assert_allclose(
        1 - scores.margin(probability), heuristics.Margin().compute_score(theirs), atol=1e-4
    )
    np.testing.assert_allclose(
        scores.variance(probability),
        heuristics.Variance().compute_score(theirs).mean(axis=1),
        atol=1e-4,
    )
