"""What is worth asking next, with models made up so that the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.expected_gain import (
    DRAW,
    PRESENT,
    ExpectedGainSettings,
    Query,
    answered,
    expected_gain,
)
from fewslice.active_learning.next_slice.features import question_features
from fewslice.active_learning.next_slice.gain_model import GainModel
from fewslice.active_learning.next_slice.profiles import Profiles
from tests.support.small_profiles import axis_profile, both, constant, gain_model, profiles_of

MAIN = axis_profile(
    expected=[0, 4, 20, 30, 40, 40, 40, 20, 6, 0],
    doubt=[0, 4, 6, 8, 0, 2, 0, 10, 6, 0],
    drawn=(4, 6),
)
OTHER = axis_profile(expected=[0, 60, 80, 60], doubt=[0, 21, 11, 5], step=5.0)

FREE = CostModel(slice=10.0, millimetre=0.0, question=1.0)
DRAWING = ExpectedGainSettings(cost=FREE, questions=False, planes=False)


def query(
    found: Profiles,
    count: int = 1,
    seed: int = 0,
    models: GainModel | None = None,
    settings: ExpectedGainSettings | None = None,
) -> list[Query]:
    rng = np.random.default_rng(seed)
    queries = list(expected_gain(found, models or gain_model(), count, rng, settings))
    places = [(each.axis, each.index) for each in queries]
    assert len(queries) <= count
    assert len(set(places)) == len(places)
    for each in queries:
        assert not found.axes[each.axis].asked[each.index]
        assert each.kind in (DRAW, PRESENT)
        assert each.gain >= 0
        assert each.seconds > 0
        assert each.reason.endswith(".")
    return queries


def test_the_slice_that_brings_most_comes_first() -> None:
    # Of 200 voxels 10 are doubtful on slice 7: a share of 0.05, for which the model says 0.05.
    (best,) = query(profiles_of(MAIN), settings=DRAWING)
    assert (best.axis, best.index, best.kind) == (2, 7, DRAW)
    assert best.gain == pytest.approx(0.04)  # thresholds up to 0.04 are passed; 0.05 is not
    assert best.seconds == 10.0
    assert best.score == pytest.approx(60 * best.gain / 10)
    assert best.reason == (
        "It is 5.0 mm from the nearest slice looked at in its plane, and 5.0 % of the structure's "
        "voxels are doubtful on it."
    )


@pytest.mark.parametrize(("drawn", "said"), [((4, 6), "1 voxel"), ((4, 5), "2 voxels")])
def test_lengths_are_in_voxels_where_nobody_knows_the_spacing(
    drawn: tuple[int, int], said: str
) -> None:
    main = axis_profile(MAIN.expected[0].tolist(), [0, 0, 0, 0, 0, 0, 0, 10, 0, 0], drawn=drawn)
    found = replace(profiles_of(main), spacing_known=False)
    (best,) = query(found, settings=DRAWING)
    assert best.index == 7
    assert best.reason.startswith(f"It is {said} from the nearest slice looked at in its plane, ")


def test_by_the_second_a_slice_that_takes_longer_to_draw_comes_later() -> None:
    dear = CostModel(slice=1.0, millimetre=10.0)
    main = axis_profile([0, 4, 20, 30, 40, 40, 40, 20, 6, 0], [0] * 7 + [10, 9, 0], drawn=(4, 6))
    assert query(profiles_of(main), settings=DRAWING)[0].index in (7, 8)
    by_slice = ExpectedGainSettings(dear, False, False)
    either = [query(profiles_of(main), seed=seed, settings=by_slice)[0] for seed in range(9)]
    assert {one.index for one in either} == {7, 8}  # however long they take
    (best,) = query(profiles_of(main), settings=replace(by_slice, per_second=True))
    assert best.index == 8  # little to draw, and nearly as doubtful
    # A circle of 6 mm² has an outline of 2 · sqrt(6π) mm.
    assert best.seconds == pytest.approx(1 + 10 * 2 * np.sqrt(6 * np.pi))


def test_other_planes_compete_and_can_be_left_out() -> None:
    found = profiles_of(MAIN, OTHER)
    (best,) = query(found, settings=ExpectedGainSettings(FREE, questions=False))
    assert (best.axis, best.index) in ((0, 1), (1, 1))  # both axes are alike here
    assert best.gain == pytest.approx(0.06)
    assert "No slice of this plane, which crosses those drawn" in best.reason
    winding = replace(found, contour=np.array([2000.0]))
    assert query(winding, settings=ExpectedGainSettings(FREE, questions=False))[0].axis != 2
    assert {each.axis for each in query(found, 20, settings=DRAWING)} == {2}


def test_only_slices_that_may_hold_something_and_nobody_spoke_of() -> None:
    queries = query(profiles_of(MAIN, OTHER), 100)
    drawn = {(each.axis, each.index) for each in queries if each.kind == DRAW}
    assert (2, 0) not in drawn
    assert (2, 9) not in drawn
    assert (0, 0) not in drawn
    every = {(2, at) for at in (1, 2, 3, 5, 7, 8)} | {(a, at) for a in (0, 1) for at in (1, 2, 3)}
    assert {(each.axis, each.index) for each in queries} == every


def test_a_question_where_the_structure_may_have_ended() -> None:
    settings = ExpectedGainSettings(FREE, planes=False)
    queries = query(profiles_of(MAIN), 3, settings=settings)
    (best, *_) = queries
    # On slice 3 and farther out lie 54 of 200 voxels: 0.27, of which the model makes 0.08; times
    # one half, the probability that it has ended.
    assert (best.axis, best.index, best.kind) == (2, 3, PRESENT)
    assert best.gain == pytest.approx(0.5 * 0.08)
    assert best.seconds == 1.0
    assert best.reason.startswith("One click tells whether the structure has ended here")
    assert best.reason.endswith("50%.")


def test_questions_lie_beyond_what_is_known_and_can_be_left_out() -> None:
    models = gain_model(drawing=constant(-1.0))  # drawing brings nothing
    queries = query(profiles_of(MAIN, OTHER), 100, models=models)
    asked = {each.index for each in queries if each.kind == PRESENT}
    assert asked
    assert asked <= {1, 2, 3, 7, 8}
    assert all(each.axis == 2 for each in queries if each.kind == PRESENT)
    none = ExpectedGainSettings(questions=False)
    assert all(each.kind == DRAW for each in query(profiles_of(MAIN), 100, settings=none))


def test_a_question_must_promise_something() -> None:
    models = gain_model(drawing=constant(0.0))

    def asked(least: float) -> set[int]:
        settings = ExpectedGainSettings(FREE, question_gain=least)
        found = query(profiles_of(MAIN), 100, models=models, settings=settings)
        return {each.index for each in found if each.kind == PRESENT}

    # Half of 0.04, 0.08, 0.05 and 0.02 for slices 2, 3, 7 and 8, of slice 1 half of 0.01.
    assert 3 in asked(0.04 - 1e-6)
    assert asked(0.04 + 1e-6) == set()
    assert asked(0.0) >= asked(0.02)


def test_a_no_closes_what_lies_beyond() -> None:
    closed = axis_profile(
        MAIN.expected[0].tolist(), MAIN.doubt[0].tolist(), drawn=(4, 6), empty=(2, 8)
    )
    models = gain_model(drawing=constant(0.0))
    queries = query(profiles_of(closed), 100, models=models)
    assert {each.index for each in queries if each.kind == PRESENT} <= {3, 7}
    assert all(not question_features(profiles_of(closed), 0)[at, -1] for at in (0, 1, 2, 8, 9))


def test_a_yes_moves_the_question_outwards() -> None:
    present = np.where(np.arange(10) == 2, 1.0, MAIN.present[0]).tolist()
    yes = axis_profile(
        MAIN.expected[0].tolist(), MAIN.doubt[0].tolist(), present=present, drawn=(4, 6)
    )
    queries = query(profiles_of(yes), 100, models=gain_model(drawing=constant(0.0)))
    assert {each.index for each in queries if each.kind == PRESENT} <= {1, 7, 8}


def test_with_several_structures_a_question_is_about_all_of_them() -> None:
    second = axis_profile([0, 0, 0, 10, 20, 20, 20, 10, 0, 0], drawn=(4, 6))
    pair = both(MAIN, second)
    found = Profiles((OTHER_OF_TWO,) * 2 + (pair,), 2, np.ones(2) * 60.0, np.ones(2) * 300.0)
    queries = query(found, 100, models=gain_model(drawing=constant(0.0)))
    # Only the first structure goes on to slices 1, 2 and 8; of the second nothing is there to ask.
    assert {each.index for each in queries if each.kind == PRESENT} <= {3, 7}


OTHER_OF_TWO = both(axis_profile([0.0] * 4), axis_profile([0.0] * 4))


def test_a_slice_is_asked_for_once_whichever_way() -> None:
    for seed in range(3):
        query(profiles_of(MAIN, OTHER), 100, seed)  # checks that none comes twice


def test_the_next_is_not_the_neighbour_of_the_last() -> None:
    wide = axis_profile(
        [0, 20, 20, 20, 20, 20, 20, 20, 20, 0], [0, 6, 7, 9, 20, 0, 10, 9, 8, 0], drawn=(5,)
    )
    first, second = query(profiles_of(wide), 2, settings=DRAWING)
    assert first.index == 4
    assert second.index in (6, 7)  # not 3, where half of the doubt is gone now


def test_ties_are_broken_by_the_seed_and_the_same_seed_gives_the_same() -> None:
    level = axis_profile([20.0] * 9, [0.0] * 9, drawn=(4,))
    found = profiles_of(level)
    firsts = {query(found, settings=DRAWING, seed=seed)[0].index for seed in range(30)}
    assert len(firsts) > 4
    for seed in range(3):
        assert query(found, 5, seed) == query(found, 5, seed)


def test_nothing_left_to_ask() -> None:
    done = axis_profile([20.0] * 4, drawn=(0, 1, 2, 3))
    assert query(profiles_of(done), 5) == []
    assert query(profiles_of(axis_profile([0.0] * 5, drawn=(2,))), 5) == []


def test_nothing_drawn_on_the_scan_itself() -> None:
    found = profiles_of(axis_profile([0, 20, 30, 20, 0], [0, 5, 9, 5, 0]))
    queries = query(found, 9)
    assert (queries[0].index, queries[0].kind) == (2, DRAW)
    assert queries[0].reason.startswith("No slice")


@pytest.mark.parametrize("kind", [DRAW, PRESENT])
def test_after_an_answer(kind: str) -> None:
    before = profiles_of(MAIN, OTHER)
    after = answered(before, Query(2, 7, kind, 0.1, 1.0, ""))
    axis = after.axes[2]
    assert axis.asked.tolist() == [at in (4, 6, 7) for at in range(10)]
    assert not MAIN.asked[7]  # what was given is left alone
    assert after.axes[:2] == before.axes[:2]
    if kind == PRESENT:  # more likely than not it is there
        assert axis.present[0, 7] == 1.0
        np.testing.assert_array_equal(axis.doubt, MAIN.doubt)
        assert not axis.drawn[0, 7]
    else:
        assert axis.drawn[0, 7]
        # A radius is two slices: all doubt is gone here, half of it beside.
        np.testing.assert_allclose(axis.doubt[0], [0, 4, 6, 8, 0, 2, 0, 0, 3, 0])
        np.testing.assert_allclose(axis.spread, axis.doubt / 2)


def test_after_an_unlikely_slice_turns_out_empty() -> None:
    present = [0, 0.2, 0.9, 0.9, 1, 1, 1, 0.9, 0.4, 0]
    main = axis_profile(MAIN.expected[0].tolist(), present=present, drawn=(4, 6))
    for kind in (DRAW, PRESENT):
        axis = answered(profiles_of(main), Query(2, 8, kind, 0.1, 1.0, "")).axes[2]
        assert axis.empty[0].tolist() == [at == 8 for at in range(10)]
        assert not axis.drawn[0, 8]


@pytest.mark.parametrize(("index", "closed"), [(8, (8, 9)), (1, (0, 1)), (5, (5,))])
def test_after_a_no_nothing_is_expected_farther_out(index: int, closed: tuple[int, ...]) -> None:
    level = axis_profile([20.0] * 10, [5.0] * 10, present=[0.4] * 10, drawn=(4, 6))
    axis = answered(profiles_of(level), Query(2, index, PRESENT, 0.1, 1.0, "")).axes[2]
    for values in (axis.expected, axis.doubt, axis.spread, axis.present):
        assert [at for at in range(10) if values[0, at] == 0] == list(closed)
    # Nor is anybody sent there in the same breath.
    settings = ExpectedGainSettings(FREE, planes=False, question_gain=0.0)
    queries = query(profiles_of(level), 20, settings=settings)
    questions = [at for at, each in enumerate(queries) if each.kind == PRESENT]
    assert questions
    for at in questions:
        side = queries[at].index - 5
        for later in queries[at + 1 :]:
            away = later.index - 5
            assert away * side <= 0 or abs(away) < abs(side)
