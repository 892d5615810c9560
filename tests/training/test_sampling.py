"""Which slices patches come from, and that they hold what they are centred on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from fewslice.training.augment import draw_batch
from fewslice.training.sampling import ANYWHERE, choices_of, choose
from fewslice.training.slices import TrainingSlice


def training_slice(truth: npt.NDArray[np.int16]) -> TrainingSlice:
    image = np.zeros((1, *truth.shape), np.float32)
    return TrainingSlice(image, truth, 0.0, (0.1, 0.1), (1.0, 1.0), np.zeros(4, bool))


def training_slices() -> list[TrainingSlice]:
    """Return ten slices with a large first structure, one of them with a pixel of the third."""
    truth = np.zeros((96, 96), np.int16)
    truth[30:60, 30:60] = 1
    last = truth.copy()
    last[90, 5] = 3
    return [*(training_slice(truth) for _ in range(9)), training_slice(last)]


def test_every_label_comes_up_equally_often_however_small_and_rare() -> None:
    given = training_slices()
    choices = choices_of(given, 4)
    assert [(number, list(these)) for number, these in choices.showing] == [
        (1, list(range(10))),
        (3, [9]),
    ]
    chosen = choose(choices, 3000, np.random.default_rng(0))
    count = Counter(aim for _, aim in chosen)
    assert set(count) == {ANYWHERE, 1, 3}
    assert all(900 < each < 1100 for each in count.values())
    assert all(one is given[9] for one, aim in chosen if aim == 3)
    first = Counter(id(one) for one, aim in chosen if aim == 1)
    assert len(first) == 10


def test_without_structures_patches_lie_anywhere() -> None:
    choices = choices_of([training_slice(np.zeros((8, 8), np.int16))], 4)
    assert choices.showing == ()
    assert {aim for _, aim in choose(choices, 20, np.random.default_rng(0))} == {ANYWHERE}


def test_slices_of_which_more_is_known_come_up_more_often_anywhere() -> None:
    small, large = np.full((20, 20), -1, np.int16), np.zeros((20, 20), np.int16)
    small[0] = 0  # 20 of 400 pixels: a weight of the root of 1/20 to 1
    choices = choices_of([training_slice(small), training_slice(large)], 2)
    np.testing.assert_allclose(choices.weights[1] / choices.weights[0], np.sqrt(20))


def test_a_patch_holds_the_structure_it_is_centred_on() -> None:
    tiny = training_slices()[9]
    batch = draw_batch([(tiny, 3)] * 20, 4, (32, 32), True, np.random.default_rng(0))
    held = batch.truth[:, 3].sum(dim=(1, 2)) > 0
    assert int(held.sum()) >= 18  # a turn or bend may carry a pixel at the rim out of the patch
