from typing import Literal

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Prediction
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.region import Region


def test_the_likeliest_class_wins_and_the_person_is_never_overruled() -> None:
    labels = np.zeros((2, 2, 3), dtype=np.uint16)
    labels[:, :, 1] = [[7, 0], [255, 900]]
    probability = np.zeros((3, 2, 2, 3), dtype=np.float16)
    probability[1] = 1  # the engine says 7 everywhere
    probability[:, 0, 0, 2] = [0.2, 0.3, 0.5]
    prediction = Prediction(Region((0, 0, 0), (2, 2, 3)), (0, 7, 900), probability)
    answer = assemble_labels(prediction, Annotation(labels, ((2, 1),)))
    assert answer.dtype == np.uint16
    np.testing.assert_array_equal(answer[:, :, 0], 7)
    np.testing.assert_array_equal(answer[:, :, 1], [[7, 0], [7, 900]])
    np.testing.assert_array_equal(answer[:, :, 2], [[900, 7], [7, 7]])


def test_background_wins_a_tie_and_everything_outside_of_the_region() -> None:
    labels = np.zeros((3, 3, 3), dtype=np.uint8)
    labels[0, 0, 0] = 1
    probability = np.full((2, 1, 1, 2), 0.5, dtype=np.float16)
    prediction = Prediction(Region((1, 1, 1), (2, 2, 3)), (0, 1), probability)
    assert assemble_labels(prediction, Annotation(labels, ((2, 0),))).sum() == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_answers_of_many_slices_lie_in_memory_as_the_drawing_does(
    axis: int, order: Literal["C", "F"]
) -> None:
    shape = [3, 4, 5]
    shape[axis] = 40
    drawn = np.zeros(shape, dtype=np.uint8, order=order)
    drawn[on_slice(axis, 33)] = 3
    truth = np.random.default_rng(0).choice(np.array([0, 3, 9], np.uint8), shape)
    probability = np.stack([truth == value for value in (0, 3, 9)]).astype(np.float16)
    prediction = Prediction(Region((0, 0, 0), drawn.shape), (0, 3, 9), probability)
    answer = assemble_labels(prediction, Annotation(drawn, ((axis, 33),)))
    truth[on_slice(axis, 33)] = 3
    np.testing.assert_array_equal(answer, truth)
    assert answer.strides == drawn.strides
