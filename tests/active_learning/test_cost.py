"""The stated model of a person's time, by hand."""

import pytest

from fewslice.active_learning.cost import CostModel


def test_drawing_takes_a_fixed_time_and_one_for_its_contour() -> None:
    cost = CostModel(slice=15.0, millimetre=0.1)
    assert cost.drawing(0.0) == 15.0
    assert cost.drawing(120.0) == pytest.approx(27.0)


def test_correcting_takes_a_time_for_each_place() -> None:
    cost = CostModel(slice=10.0, millimetre=0.5, correction=3.0)
    assert cost.correcting(20.0, 2) == pytest.approx(10 + 0.5 * 20 + 3 * 2)
    assert cost.correcting(0.0, 0) == 10.0


def test_a_question_is_cheaper_than_a_slice() -> None:
    assert CostModel().question < CostModel().drawing(0.0) / 2
