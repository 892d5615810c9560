"""Trees as plain numbers, and the file they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.active_learning.next_slice.features import (
    DRAW_FEATURES,
    QUESTION_FEATURES,
)
from fewslice.active_learning.next_slice.gain_features import GAIN_FEATURES
from fewslice.active_learning.next_slice.gain_model import (
    MODELS,
    GainModel,
    Trees,
    as_tensors,
    load_gain_model,
    load_trees,
    shipped_gain_model,
)
from fewslice.active_learning.next_slice.quality import QUALITY_FEATURES
from fewslice.errors import WeightsError
from tests.support.small_profiles import constant, gain_model, stump


def test_a_tree_by_hand() -> None:
    # Above 1.5 in the first feature 10, otherwise 1 or 2 by the second; and a leaf of 0.5.
    leaf = -1
    trees = Trees(
        feature=np.array([[0, 1, leaf, leaf, leaf], [leaf] * 5], dtype=np.int16),
        threshold=np.array([[1.5, 0, 0, 0, 0], [0] * 5], dtype=np.float32),
        below=np.array([[1, 3, 0, 0, 0], [0] * 5], dtype=np.int16),
        above=np.array([[2, 4, 0, 0, 0], [0] * 5], dtype=np.int16),
        value=np.array([[0, 0, 10, 1, 2], [0.5, 0, 0, 0, 0]], dtype=np.float32),
        base=100.0,
    )
    rows = [[1.5, 0.0], [1.5, 0.1], [1.6, -5.0], [-np.inf, -1.0]]
    assert trees.predict(rows).tolist() == [101.5, 102.5, 110.5, 101.5]
    assert trees.predict(np.zeros((0, 2))).shape == (0,)


def test_what_the_numbers_mean() -> None:
    models = gain_model(
        drawing=stump(0, [0.5], [0.25]),
        ends=constant(np.log(3)),
        scan_spread=constant(np.log(1.5)),
        scan_promise=constant(np.log(0.5)),
    )
    rows = np.zeros((2, len(QUESTION_FEATURES)))
    rows[1] = 1.0
    assert models.gain(rows).tolist() == [0.0, 0.25]
    np.testing.assert_allclose(models.presence(rows), 0.75)
    np.testing.assert_allclose(models.closing_gain(rows), [0.0, 0.1], atol=1e-6)
    # The low number lies 1.5 logits below the median, the promise .5: of 2, .5 and 1.5.
    dice, low, promised = (1 / (1 + np.exp(-each)) for each in (2, 0.5, 1.5))
    assert models.scan_dice(rows[0]) == pytest.approx((dice, low, promised))
    # What is sure may be promised.
    careless = gain_model(scan_spread=constant(np.log(0.5)), scan_promise=constant(np.log(3)))
    assert careless.scan_dice(rows[0]) == pytest.approx((dice, promised, promised))
    median, low = models.slice_dice(rows)
    np.testing.assert_allclose(median, dice)
    np.testing.assert_allclose(low, 1 / (1 + np.exp(-1)))


@pytest.mark.filterwarnings("error")
def test_odds_beyond_all_bounds_are_certain() -> None:
    row = np.zeros((1, len(DRAW_FEATURES)))
    np.testing.assert_allclose(gain_model(ends=constant(1e4)).presence(row), 1.0)
    assert gain_model(ends=constant(-1e4)).presence(row)[0] < 1e-12


def test_kept_as_tensors_and_read_again(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    models = gain_model(drawing=stump(3, [0.5, 1.5], [1.0, 2.0]))
    save_file(as_tensors(models), tmp_path / "advice.safetensors")
    again = load_gain_model(tmp_path / "advice.safetensors")
    rows = np.random.default_rng(0).normal(1, 1, (50, len(QUESTION_FEATURES)))
    for name in MODELS:
        mine, theirs = getattr(models, name), getattr(again, name)
        np.testing.assert_array_equal(mine.predict(rows), theirs.predict(rows))


@pytest.mark.parametrize("content", [b"", b"no tensors at all", None, "others"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "advice.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "others":
        from safetensors.numpy import save_file

        save_file({"something": np.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"advice\.safetensors .* install fewslice again\."):
        load_gain_model(path)


def test_one_model_of_a_file_can_be_read_alone(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    every = as_tensors(shipped_gain_model())
    path = tmp_path / "gains.safetensors"
    save_file({key: each for key, each in every.items() if key.startswith("drawing.")}, path)
    found = load_trees(path, "drawing")
    np.testing.assert_array_equal(found.value, shipped_gain_model().drawing.value)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_gain_model(path)


def test_what_is_shipped_looks_at_features_there_are() -> None:
    models = shipped_gain_model()
    assert isinstance(models, GainModel)
    assert models is shipped_gain_model()
    sizes = {
        "drawing": len(GAIN_FEATURES),
        "closing": len(QUESTION_FEATURES),
        "ends": len(DRAW_FEATURES),
        "scan": len(QUALITY_FEATURES),
        "scan_spread": len(QUALITY_FEATURES) + 1,
        "scan_promise": len(QUALITY_FEATURES) + 1,
        "slice": len(DRAW_FEATURES),
        "slice_low": len(DRAW_FEATURES),
    }
    assert set(sizes) == set(MODELS)
    for name, size in sizes.items():
        trees: Trees = getattr(models, name)
        nodes = trees.feature.shape[1]
        assert trees.feature.max() < size
        assert (trees.below >= 0)[trees.feature >= 0].all()
        for child in (trees.below, trees.above):
            # Children come after their parents, so that no way goes round in a circle.
            here = np.broadcast_to(np.arange(nodes), child.shape)
            inner = trees.feature >= 0
            assert (child[inner] > here[inner]).all()
            assert child.max() < nodes
        found = trees.predict(np.random.default_rng(0).normal(size=(20, size)))
        assert np.isfinite(found).all()


def test_what_is_shipped_knows_good_answers_from_bad_ones() -> None:
    """Not its numbers, which are fitted anew now and then, but which way they go."""
    good, bad = np.zeros(len(QUALITY_FEATURES)), np.zeros(len(QUALITY_FEATURES))
    sure = {"expected_dice": 0.97, "total_doubt": 0.03, "slices": 2.4, "answer_dice": 0.97}
    for name, value in {**sure, "answer_walk": 0.97, "answer_outlines": 0.95}.items():
        good[QUALITY_FEATURES.index(name)] = value
    doubtful = {"expected_dice": 0.4, "total_doubt": 0.6, "total_spread": 0.5, "widest_gap": 6.0}
    for name, value in {**doubtful, "open_ends": 2.0, "few_slices": 1.0, "slices": 0.7}.items():
        bad[QUALITY_FEATURES.index(name)] = value
    models = shipped_gain_model()
    assert models.scan_dice(good)[0] > models.scan_dice(bad)[0] + 0.1
    assert models.scan_dice(good)[1] > models.scan_dice(bad)[1]


def test_the_spread_is_told_the_median() -> None:
    # Where the logit of the median is above 1, the low number lies 2 logits below it, otherwise 1.
    wide = stump(len(QUALITY_FEATURES), [1.0], [np.log(2)])
    row = np.zeros(len(QUALITY_FEATURES))
    for median, low in ((2.0, 0.0), (0.5, -0.5)):
        models = gain_model(scan=constant(median), scan_spread=wide)
        assert models.scan_dice(row)[1] == pytest.approx(1 / (1 + np.exp(-low)))


def test_many_rows_are_answered_as_few() -> None:
    trees = stump(0, [0.0, 0.5], [1.0, 2.0])
    rows = np.random.default_rng(0).normal(size=(5000, 2))
    expected = np.where(rows[:, 0] > 0.5, 3.0, np.where(rows[:, 0] > 0, 1.0, 0.0))
    np.testing.assert_array_equal(trees.predict(rows), expected)
