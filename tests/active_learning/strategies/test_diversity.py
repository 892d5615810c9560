from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.strategies.diversity import CoreSet, Suggestive
from fewslice.errors import InputError
from tests.support.candidate_pools import constant_pool


def pool_at(features: list[list[float]], annotated: tuple[int, ...] = ()) -> Candidates:
    mask = np.isin(np.arange(len(features)), annotated)
    return replace(
        constant_pool(len(features)),
        features=np.array(features, dtype=np.float32),
        annotated=mask,
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_core_set_goes_farthest_from_what_is_annotated() -> None:
    found = CoreSet().rank(pool_at([[0], [1], [4], [10]], annotated=(0,)), 3, rng())
    assert found.chosen.tolist() == [3, 2, 1]
    assert found.score.tolist() == [10, 4, 1]


def test_core_set_starts_in_the_middle_where_nothing_is_annotated() -> None:
    found = CoreSet().rank(pool_at([[0], [1], [4], [5], [20]]), 2, rng())
    assert found.chosen.tolist() == [3, 4]


def test_core_set_covers_clusters() -> None:
    source = rng()
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    features = np.concatenate([centre + source.normal(size=(8, 2)) for centre in centres])
    found = CoreSet().rank(pool_at(features.tolist(), annotated=(0,)), 3, rng())
    assert {int(row) // 8 for row in found.chosen} == {1, 2, 3}


def test_suggestive_takes_what_stands_for_most_then_the_rest() -> None:
    # Three slices point one way, one another way.
    pool = pool_at([[1, 0], [1, 0.1], [1, -0.1], [0, 1]])
    found = Suggestive().rank(pool, 2, rng())
    assert found.chosen[1] == 3
    assert found.score[0] > found.score[1]


def test_suggestive_looks_at_uncertain_slices_only() -> None:
    pool = pool_at([[1.0, 0.0]] * 10 + [[0.0, 1.0]] * 10)
    pool.entropy[:] = np.arange(20, 0, -1)
    found = Suggestive(least=2).rank(pool, 2, rng())
    assert set(found.chosen.tolist()) <= {0, 1, 2, 3}


def test_features_of_nothing_are_refused() -> None:
    pool = replace(constant_pool(), features=np.zeros((6, 0), dtype=np.float32))
    for strategy, name in ((CoreSet(), "core-set"), (Suggestive(), "suggestive")):
        with pytest.raises(InputError, match=f"'{name}' compares what slices look like"):
            strategy.rank(pool, 1, rng())
