"""Boxes around boxes, and slices of predictions over larger regions."""

from __future__ import annotations

import numpy as np

from fewslice.engines.base import Prediction
from fewslice.engines.predictions import around, likeliest, moved, seen_in, shared, slice_of, within
from fewslice.volumes.region import Region


def test_boxes_are_joined_and_moved() -> None:
    one, other = Region((0, 4, 2), (3, 6, 9)), Region((1, 2, 3), (5, 5, 4))
    assert around([one, other]) == Region((0, 2, 2), (5, 6, 9))
    assert around([one]) == one
    assert moved(one, 1, 3) == Region((0, 7, 2), (3, 9, 9))


def test_a_box_is_found_in_a_larger_one() -> None:
    inner, outer = Region((3, 4, 5), (5, 6, 8)), Region((2, 4, 1), (9, 9, 9))
    whole = np.zeros(outer.shape)
    whole[within(inner, outer)] = 1
    assert whole.sum() == 2 * 2 * 3
    assert whole[1:3, 0:2, 4:7].all()


def test_what_two_boxes_share_is_a_box() -> None:
    one, other = Region((0, 2, 1), (4, 6, 5)), Region((1, 0, 1), (6, 5, 4))
    assert shared(one, other) == Region((1, 2, 1), (4, 5, 4))


def test_a_box_sees_its_part_of_a_prediction() -> None:
    probability = np.zeros((2, 2, 1, 4), dtype=np.float16)
    probability[1] = np.arange(8).reshape(2, 1, 4) / 8
    probability[0] = 1 - probability[1]
    prediction = Prediction(Region((1, 2, 3), (3, 3, 7)), (0, 7), probability, ("a remark",))
    whole = seen_in(prediction, Region((0, 0, 0), (9, 9, 9)))
    assert whole.region == prediction.region
    np.testing.assert_array_equal(whole.probability, probability)
    found = seen_in(prediction, Region((0, 1, 5), (9, 9, 9)))
    assert found.region == Region((1, 1, 0), (3, 2, 2))
    np.testing.assert_array_equal(found.probability, probability[..., 2:])
    assert (found.values, found.remarks) == ((0, 7), ("a remark",))


def test_a_box_beside_a_prediction_sees_background() -> None:
    probability = np.full((2, 2, 1, 4), 0.5, dtype=np.float16)
    prediction = Prediction(Region((1, 2, 3), (3, 3, 7)), (0, 7), probability)
    for box, nearest in (
        (Region((0, 1, 7), (9, 9, 9)), (1, 1, 0)),
        (Region((0, 1, 0), (9, 9, 3)), (1, 1, 2)),
        (Region((4, 1, 4), (6, 9, 6)), (0, 1, 0)),
    ):
        found = seen_in(prediction, box)
        assert found.region.start == nearest
        assert (found.probability[0] == 1).all()
        assert not found.probability[1].any()
        assert all(0 < b <= size for b, size in zip(found.region.stop, box.shape, strict=True))


def test_a_slice_has_background_around_its_own_region() -> None:
    probability = np.zeros((2, 2, 1, 2), dtype=np.float16)
    probability[1] = np.array([[[0.25, 0.5]], [[0.75, 1.0]]])
    probability[0] = 1 - probability[1]
    prediction = Prediction(Region((1, 2, 3), (3, 3, 5)), (0, 7), probability)
    larger = Region((0, 1, 0), (4, 3, 6))
    found = slice_of(prediction, 2, 4, larger)
    np.testing.assert_array_equal(found[1], [[0, 0], [0, 0.5], [0, 1], [0, 0]])
    np.testing.assert_array_equal(found.sum(axis=0), np.ones((4, 2)))
    assert found.dtype == np.float32
    own = slice_of(prediction, 2, 4, prediction.region)
    np.testing.assert_array_equal(own, probability[..., 1])
    beyond = slice_of(prediction, 2, 5, larger)
    assert (beyond[0] == 1).all()
    assert not beyond[1].any()


def test_the_likeliest_class_is_the_first_of_those_with_most() -> None:
    probability = np.array(
        [[0.5, 0.0, 1.0, -0.0, 0.2], [0.5, 0.3, 0.0, 0.0, 0.3], [0.0, 0.7, 0.0, 0.0, 0.5]],
        dtype=np.float16,
    )
    found = likeliest(probability[:, None])
    assert found.dtype == np.uint16
    assert found.tolist() == [[0, 2, 0, 1, 2]]  # -0.0 counts as less than 0.0
