"""The Dice to expect of an answer, and what a person is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.next_slice.answer_features import ANSWER_FEATURES
from fewslice.active_learning.next_slice.features import STATE_FEATURES
from fewslice.active_learning.next_slice.profiles import Profiles
from fewslice.active_learning.next_slice.quality import (
    GOOD_ENOUGH,
    QUALITY_FEATURES,
    predicted_quality,
    stopping_sentence,
)
from tests.support.small_profiles import (
    axis_profile,
    both,
    constant,
    gain_model,
    profiles_of,
    stump,
)

EXPECTED = [0.0, 5, 9, 9, 5, 0]
SURE = np.array([[1.0, 0, 0, 1, 1]])  # what an answer says of itself that all agree with


def test_what_was_looked_at_is_certain_and_the_rest_is_as_the_models_say() -> None:
    found = predicted_quality(
        profiles_of(axis_profile(EXPECTED, drawn=(2,), empty=(5,))), SURE, gain_model()
    )
    dice, low = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1))
    assert found.dice == pytest.approx(dice)
    assert found.low == found.promised == pytest.approx(low)
    assert found.structures[0] == pytest.approx((dice, low))
    np.testing.assert_allclose(found.slices, [dice, dice, 1, dice, dice, 1])
    np.testing.assert_allclose(found.slices_low, [low, low, 1, low, low, 1])


def test_the_mean_of_structures() -> None:
    pair = both(
        axis_profile(EXPECTED, [0, 4, 0, 4, 4, 0], drawn=(2,)), axis_profile(EXPECTED, drawn=(2,))
    )
    profiles = Profiles((pair,) * 3, 2, np.ones(2), np.ones(2))
    # The logit of the Dice is 2 for a structure without doubt and 0 for one with much.
    scan = replace(stump(STATE_FEATURES.index("total_doubt"), [0.2], [-2.0]), base=2.0)
    found = predicted_quality(profiles, np.repeat(SURE, 2, axis=0), gain_model(scan=scan))
    assert [dice for dice, _ in found.structures] == pytest.approx([0.5, 1 / (1 + np.exp(-2))])
    assert found.dice == pytest.approx((0.5 + 1 / (1 + np.exp(-2))) / 2)
    assert found.low == pytest.approx((1 / (1 + np.exp(1)) + 1 / (1 + np.exp(-1))) / 2)


def test_the_low_number_is_never_above_the_median() -> None:
    profiles = profiles_of(axis_profile(EXPECTED, drawn=(2,), empty=(0, 5)))
    high = stump(0, [-1.0], [9.0])
    found = predicted_quality(
        profiles, SURE, gain_model(scan_spread=constant(-30.0), slice_low=high)
    )
    assert found.low <= found.dice
    assert (found.slices_low <= found.slices).all()


def test_the_low_number_may_hang_on_whether_the_ends_were_seen() -> None:
    # A spread of 1 logit where they were, of e where they were not.
    spread = replace(stump(STATE_FEATURES.index("ends_seen"), [0.5], [-1.0]), base=1.0)
    for empty, low in (((0, 5), 2.0 - 1.0), ((0,), 2.0 - np.e)):
        main = axis_profile(EXPECTED, drawn=(2,), empty=empty)
        found = predicted_quality(profiles_of(main), SURE, gain_model(scan_spread=spread))
        assert found.low == pytest.approx(1 / (1 + np.exp(-low)))


def test_an_answer_that_others_do_not_agree_with_is_expected_to_be_worse() -> None:
    main = axis_profile(EXPECTED, drawn=(2,), empty=(0, 5))
    scan = replace(stump(QUALITY_FEATURES.index("answer_walk"), [0.8], [1.0]), base=0.0)
    models = gain_model(scan=scan)
    doubted = SURE.copy()
    doubted[0, ANSWER_FEATURES.index("answer_walk")] = 0.7
    found = [predicted_quality(profiles_of(main), one, models).dice for one in (SURE, doubted)]
    assert found == pytest.approx([1 / (1 + np.exp(-1)), 0.5])


def test_where_all_is_known_the_answer_is_right() -> None:
    known = replace(axis_profile(EXPECTED, drawn=(2,)), asked=np.ones(6, dtype=bool))
    found = predicted_quality(profiles_of(known, known), SURE, gain_model())
    assert (found.dice, found.low, found.promised) == (1.0, 1.0, 1.0)
    assert found.structures == ((1.0, 1.0),)
    assert found.slices.tolist() == found.slices_low.tolist() == [1.0] * 6


def test_what_a_person_is_told() -> None:
    assert stopping_sentence(0.934, 0.9, 0.9) == (
        "Expected Dice 0.93, at least 0.90 with 90 % probability: you may stop."
    )
    assert stopping_sentence(0.87, 0.5, 0.5) == (
        "Expected Dice 0.87, at least 0.50 with 90 % probability: not yet 0.90, go on."
    )
    assert stopping_sentence(0.87, 0.85, 0.85, goal=0.85).endswith("you may stop.")
    # What may be promised is more than what is exceeded in nine of ten answers like this one.
    assert stopping_sentence(0.94, 0.88, 0.91) == (
        "Expected Dice 0.94, at least 0.90 with 90 % probability: you may stop."
    )
    assert "at least 0.88 with" in stopping_sentence(0.94, 0.88, 0.91, goal=0.95)
    assert GOOD_ENOUGH == 0.9


def test_a_number_just_below_the_goal_is_not_shown_as_the_goal() -> None:
    # "at least 0.90 ...: not yet 0.90" would say two things at once.
    assert "at least 0.89 with" in stopping_sentence(0.95, 0.8999, 0.8999)
    assert "at least 0.90 with" in stopping_sentence(0.95, 0.9001, 0.9001)
