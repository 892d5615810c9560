import numpy as np
import pytest

from fewslice.metrics.overlap import dice


def test_hand_counted() -> None:
    # 2x3x1 = 6 voxels and 2x2x2 = 8 voxels share 2x2x1 = 4: Dice is 8 / 14.
    prediction = np.zeros((4, 4, 4), dtype=bool)
    reference = np.zeros((4, 4, 4), dtype=bool)
    prediction[0:2, 0:3, 1:2] = True
    reference[0:2, 1:3, 1:3] = True
    assert dice(prediction, reference) == pytest.approx(8 / 14)


def test_equal_apart_and_empty() -> None:
    one = np.zeros((2, 2, 2), dtype=bool)
    one[0] = True
    nothing = np.zeros_like(one)
    assert dice(one, one) == 1
    assert dice(one, ~one) == 0
    assert dice(nothing, nothing) == 1
    assert dice(one, nothing) == dice(nothing, one) == 0
