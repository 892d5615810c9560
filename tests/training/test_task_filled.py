"""Slices filled in between drawn ones."""

from __future__ import annotations

import numpy as np

from fewslice.training.task_filled import filled
from fewslice.training.task_slices import Lesson
from fewslice.training.task_trainer import _weights
from tests.phantoms import two_organs
from tests.training.test_task_trainer import phantom_scan


def test_between_drawn_slices_the_sure_part_is_right() -> None:
    scan = phantom_scan(0, 8, 10, 13)
    found = filled(scan)
    assert found is not None
    assert found.annotation.slices == ((2, 9), (2, 11), (2, 12))
    truth = two_organs().truth
    known = found.annotation.known()
    assert 0.7 < known[:, :, [9, 11, 12]].mean() < 1
    assert (found.annotation.labels[known] == truth[known]).mean() > 0.995
    assert not found.annotation.labels[:, :, 10].any()


def test_neighbouring_slices_leave_nothing_to_fill() -> None:
    assert filled(phantom_scan(0, 10)) is None
    assert filled(phantom_scan(0, 10, 11)) is None


def test_guessed_slices_get_their_part() -> None:
    nobody = np.zeros(2, bool)
    image, truth = np.zeros((3, 8, 8), np.float32), np.zeros((8, 8), np.int16)
    lesson = Lesson(image, truth, 0.0, (0.1, 0.1), (1.0, 1.0), nobody)
    weights = _weights([lesson] * 2, [lesson] * 6, 0.25)
    np.testing.assert_allclose(weights, [0.375] * 2 + [0.25 / 6] * 6)
    np.testing.assert_allclose(_weights([lesson] * 2, [], 0.25), [0.5, 0.5])
