import numpy as np
import pytest

from fewslice.segmentation.uncertainty import carried, expected_dice, normalised_entropy


def test_entropy_of_certain_even_and_in_between() -> None:
    probability = np.array([[1.0, 0.5, 0.9], [0.0, 0.5, 0.1]])
    # -(0.9 ln 0.9 + 0.1 ln 0.1) / ln 2
    np.testing.assert_allclose(normalised_entropy(probability), [0, 1, 0.468996], atol=1e-4)


def test_entropy_of_three_even_classes_is_one() -> None:
    assert normalised_entropy(np.full((3, 1), 1 / 3))[0] == pytest.approx(1, abs=1e-4)


def test_expected_dice_by_hand() -> None:
    foreground = np.array([[0.9, 0.8, 0.3]])
    answer = np.array([[1, 1, 0]])
    # Sharpened: 0.81 / 0.82 = 0.98780, 0.64 / 0.68 = 0.94118, 0.09 / 0.58 = 0.15517.
    # 2 x (0.98780 + 0.94118) / ((0.98780 + 0.94118 + 0.15517) + 2)
    expected = pytest.approx(0.94462, abs=1e-4)
    assert expected_dice(np.stack([1 - foreground, foreground]), answer) == expected


def test_expected_dice_is_averaged_over_the_structures_answered() -> None:
    probability = np.array([[[0.0, 0.0]], [[1.0, 0.5]], [[0.0, 0.5]]])
    answer = np.array([[1, 2]])
    # structure 1: 2 x 1 / (1.5 + 1) = 0.8; structure 2: 2 x 0.5 / (0.5 + 1) = 0.667
    assert expected_dice(probability, answer) == pytest.approx((0.8 + 2 / 3) / 2)


def test_an_empty_slice_is_as_sure_as_its_likeliest_voxel_is_not() -> None:
    foreground = np.array([[0.0, 0.3]])
    answer = np.zeros((1, 2), dtype=int)
    expected = pytest.approx(1 - 0.09 / 0.58, abs=1e-4)
    assert expected_dice(np.stack([1 - foreground, foreground]), answer) == expected


def test_what_is_carried_on_fades_evenly_by_hand() -> None:
    last = np.array([[[0.2, 1.0]], [[0.6, 0.0]], [[0.2, 0.0]]])
    first, second = carried(last, 2)
    np.testing.assert_allclose(first[:, 0, 0], [1 - 0.8 * 2 / 3, 0.4, 0.4 / 3], atol=1e-6)
    np.testing.assert_allclose(second[:, 0, 0], [1 - 0.8 / 3, 0.2, 0.2 / 3], atol=1e-6)
    np.testing.assert_array_equal(second[:, 0, 1], [1, 0, 0])
