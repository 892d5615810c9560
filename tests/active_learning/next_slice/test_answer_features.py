"""What an answer says of itself, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.active_learning.next_slice.answer_features import ANSWER_FEATURES, answer_features
from fewslice.typing import Float32Array


def one(*values: float) -> Float32Array:
    """Return (1 structure, n, 1, 1)."""
    return np.array(values, dtype=np.float32).reshape(1, -1, 1, 1)


def told(answer: Float32Array, walk: Float32Array, outlines: Float32Array) -> dict[str, float]:
    return dict(zip(ANSWER_FEATURES, answer_features(answer, walk, outlines)[0], strict=True))


def test_a_sure_answer_that_all_agree_with() -> None:
    sure = one(1, 1, 0, 0)
    assert told(sure, sure, sure) == pytest.approx(
        {
            "answer_dice": 1.0,
            "answer_wrong": 0.0,
            "answer_missed": 0.0,
            "answer_walk": 1.0,
            "answer_outlines": 1.0,
        }
    )


def test_doubt_inside_and_outside_of_the_answer() -> None:
    # Sharpened, .75 is .9 and .25 is .1: two voxels answered, 1.9 of them right, .1 outside.
    found = told(one(1, 0.75, 0.25, 0), one(1, 0, 0, 0), one(1, 1, 1, 1))
    assert found["answer_dice"] == pytest.approx(2 * 1.9 / (2.0 + 2))
    assert found["answer_wrong"] == pytest.approx(0.05)
    assert found["answer_missed"] == pytest.approx(0.05)
    assert found["answer_walk"] == pytest.approx(2 / 3)
    assert found["answer_outlines"] == pytest.approx(4 / 6)


def test_structures_one_by_one_and_one_without_an_answer() -> None:
    both = np.concatenate([one(1, 1), one(0, 0)])
    found = answer_features(both, both, np.concatenate([one(1, 1), one(1, 0)]))
    assert found.shape == (2, len(ANSWER_FEATURES))
    np.testing.assert_allclose(found[1], [0, 1, 0, 1, 0])  # walk: nothing either


def test_there_is_a_limit_to_what_is_missed() -> None:
    assert told(one(0.6, *[0.45] * 99), one(*[0.0] * 100), one(*[0.0] * 100))[
        "answer_missed"
    ] == pytest.approx(2.0)
