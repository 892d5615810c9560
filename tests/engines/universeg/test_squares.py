from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.universeg.squares import Square


def test_a_flat_slice_is_padded_in_mm_and_not_stretched() -> None:
    # 2 rows of 3 mm and 12 columns of 1 mm: 6 mm by 12 mm, so one row is added on either side.
    image = np.arange(24, dtype=np.float32).reshape(2, 12)
    found = Square((2, 12), (3.0, 1.0), side=4).down(image)
    assert found[0].tolist() == found[3].tolist() == [0, 0, 0, 0]
    assert found[1].tolist() == [1, 4, 7, 10]  # means of three columns
    assert found[2].tolist() == [13, 16, 19, 22]


def test_small_slices_are_interpolated() -> None:
    found = Square((2, 2), (1.0, 1.0), side=4).down(np.array([[0, 1], [0, 1]], dtype=np.float32))
    np.testing.assert_allclose(found, [[0, 0.25, 0.75, 1]] * 4)


def test_the_way_back_leaves_the_padding_out() -> None:
    square = np.repeat(np.array([[9.0], [1.0], [2.0], [9.0]], dtype=np.float32), 4, axis=1)
    found = Square((2, 12), (3.0, 1.0), side=4).up(square)
    assert found.shape == (2, 12)
    assert found[0].tolist() == [1] * 12
    assert found[1].tolist() == [2] * 12


@pytest.mark.parametrize("shape", [(5, 8), (7, 200), (128, 128), (1, 3)])
def test_mirrored_slices_become_mirrored_squares(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    square = Square(shape, (0.9, 1.3), side=128)
    there = square.down(image)
    np.testing.assert_allclose(square.down(image[::-1, ::-1]), there[::-1, ::-1], atol=1e-5)
    np.testing.assert_allclose(
        square.up(there[::-1, ::-1]), square.up(there)[::-1, ::-1], atol=1e-5
    )
