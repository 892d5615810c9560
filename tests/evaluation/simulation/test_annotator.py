"""The simulated person, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.active_learning.cost import CostModel
from fewslice.evaluation.simulation.annotator import SimulatedAnnotator, jittered

SPACING = (1.0, 2.0, 5.0)
COST = CostModel(slice=10.0, millimetre=0.5, correction=3.0, question=2.0)


def box() -> np.ndarray:
    """12 x 8 x 1 voxels, 12 x 16 mm across axis 2, on slice 1 of three; a speck beside it."""
    truth = np.zeros((30, 24, 3), dtype=bool)
    truth[8:20, 6:14, 1] = True
    truth[25:27, 18:20, 1] = True  # 2 x 2 voxels, 8 mm²
    return truth


def test_a_perfect_person_draws_the_truth() -> None:
    person = SimulatedAnnotator(box(), SPACING)
    np.testing.assert_array_equal(person.draws(2, 1), box()[:, :, 1])
    np.testing.assert_array_equal(person.draws(0, 10), box()[10])
    assert not person.draws(2, 0).any()


def test_answers_to_questions_are_always_right() -> None:
    for imperfect in (False, True):
        person = SimulatedAnnotator(box(), SPACING, imperfect)
        assert [person.holds(2, index) for index in range(3)] == [False, True, False]
        assert person.holds(0, 25)
        assert not person.holds(0, 22)


def test_an_imperfect_person_is_off_by_about_a_millimetre_and_misses_small_parts() -> None:
    person = SimulatedAnnotator(box(), SPACING, imperfect=True, seed=5)
    drawn, true = person.draws(2, 1), box()[:, :, 1]
    assert drawn.any()
    assert (drawn != true).any()
    # 8 mm² are below the 12 mm² that are noticed; of the rest about the outline is off.
    assert not drawn[24:28, 17:21].any()
    assert drawn[11:17, 8:12].all()
    assert 2 * (drawn & true).sum() / (drawn.sum() + true.sum()) > 0.75
    assert not person.draws(2, 0).any()  # nothing is made up


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    first, same, other = (
        SimulatedAnnotator(box(), SPACING, True, seed).draws(2, 1) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_a_structure_of_small_parts_only_is_not_missed_altogether() -> None:
    truth = np.zeros((20, 20, 1), dtype=bool)
    truth[3:5, 3:5, 0] = truth[10:12, 10:13, 0] = True
    for seed in range(5):
        assert SimulatedAnnotator(truth, (1.0, 1.0, 1.0), True, seed).draws(2, 0).any()
    thin = np.zeros((20, 20), dtype=bool)
    thin[10, 10] = True
    for seed in range(5):
        assert jittered(thin, (1.0, 1.0), np.random.default_rng(seed)).any()


def test_the_outline_is_off_smoothly_and_by_a_millimetre_whatever_the_pixels_are() -> None:
    for step in (0.5, 2.0):
        side = int(120 / step)
        row, column = np.indices((side, side)) * step - 60
        disc = np.hypot(row, column) < 40
        off = jittered(disc, (step, step), np.random.default_rng(0)) != disc
        # 1 mm of standard deviation along 2π · 40 mm: on average sqrt(2 / π) mm are off.
        assert off.sum() * step**2 == pytest.approx(2 * np.pi * 40 * np.sqrt(2 / np.pi), rel=0.4)


def test_drawing_anew_takes_a_time_for_the_outline() -> None:
    person = SimulatedAnnotator(box(), SPACING, cost=COST)
    nothing = np.zeros((30, 24), dtype=bool)
    # 2 · (12 + 16) mm of pixel edges of the box, 2 · (2 + 4) of the speck, times π / 4.
    drawn = person.draws(2, 1)
    expected = 10 + 0.5 * (2 * 28 + 2 * 6) * np.pi / 4
    assert person.seconds(2, drawn, nothing) == pytest.approx(expected)
    assert person.seconds(2, nothing, nothing) == 10.0


def test_putting_right_takes_a_time_for_each_place() -> None:
    person = SimulatedAnnotator(box(), SPACING, cost=COST)
    drawn = person.draws(2, 1)
    assert person.seconds(2, drawn, drawn) == 10.0  # only looked at
    shown = drawn.copy()
    shown[8:12, 6:10] = False  # 4 x 4 voxels missing: 2 · (4 + 8) mm around, half of them to draw
    shown[1:3, 20:22] = True  # 2 x 2 voxels too many: 2 · (2 + 4) mm around
    shown[28, 1] = True  # one voxel: nobody sees it
    expected = 10 + 3 * 2 + 0.5 * (24 + 12) * np.pi / 4 / 2
    assert person.seconds(2, drawn, shown) == pytest.approx(expected)


def test_whichever_takes_less_time() -> None:
    person = SimulatedAnnotator(box(), SPACING, cost=COST)
    drawn = person.draws(2, 1)
    chequered = np.indices((30, 24)).sum(axis=0) % 8 < 4  # wrong nearly everywhere
    anew = 10 + 0.5 * (2 * 28 + 2 * 6) * np.pi / 4
    assert person.seconds(2, drawn, chequered) == pytest.approx(anew)
