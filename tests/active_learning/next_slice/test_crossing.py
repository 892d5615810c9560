"""The slice across the first one, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.next_slice.crossing import second_slices
from fewslice.active_learning.next_slice.expected_gain import (
    DRAW,
    ExpectedGainSettings,
    expected_gain,
)
from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from tests.support.small_profiles import axis_profile, constant, gain_model, profiles_of

ONE = axis_profile([0, 10, 20, 30, 20, 10, 0], drawn=(3,))
ACROSS = axis_profile([0, 10, 40, 60, 40, 10, 0], step=5.0)
WIDE = axis_profile([0, 10, 50, 90, 50, 10, 0], step=5.0)


def scan(first: AxisProfile, second: AxisProfile, main: AxisProfile = ONE) -> Profiles:
    return replace(profiles_of(main), axes=(first, second, main))


def test_the_slices_that_show_most_across_the_first() -> None:
    # Smoothed by 1, 2, 1 quarters: 37.5, 50 and 37.5 on slices 2 to 4, and 45 of a lopsided one.
    lopsided = axis_profile([0, 10, 40, 60, 20, 10, 0])
    assert second_slices(scan(ACROSS, lopsided), (0, 1, 2)) == [(0, 3), (1, 3)]
    assert second_slices(scan(lopsided, WIDE), (1, 2)) == [(1, 3)]  # 0 is too oblong


def test_what_is_as_likely_in_as_out_does_not_count() -> None:
    # 60 voxels are expected on slice 5, 60 of them in doubt: nobody knows of any.
    # Smoothed by 1, 2, 1 quarters: 30, 35 and 27.5 on slices 2, 3 and 4.
    faint = axis_profile([0, 10, 40, 30, 40, 60, 0], [0, 0, 0, 0, 0, 60, 0])
    assert second_slices(scan(faint, axis_profile([0.0] * 7)), (0, 1, 2)) == [(0, 3)]


def test_only_the_second_slice_is_chosen_so() -> None:
    two = axis_profile([0, 10, 20, 30, 20, 10, 0], drawn=(3, 5))
    none = axis_profile([0, 10, 20, 30, 20, 10, 0])
    drawn = axis_profile([0, 10, 40, 60, 40, 10, 0], drawn=(3,))
    assert second_slices(scan(ACROSS, WIDE, two), (0, 1, 2)) == []
    assert second_slices(scan(ACROSS, WIDE, none), (0, 1, 2)) == []
    assert second_slices(scan(drawn, WIDE), (0, 1, 2)) == []
    assert second_slices(scan(ACROSS, WIDE), (2,)) == []


@pytest.mark.parametrize(("steps", "axis"), [((5.0, 5.0, 5.0), 1), ((2.0, 2.0, 5.0), 2)])
def test_advice_leaves_the_plane_second_unless_pixels_are_oblong(
    steps: tuple[float, float, float], axis: int
) -> None:
    first, second, main = (
        replace(one, step=step) for one, step in zip((ACROSS, WIDE, ONE), steps, strict=True)
    )
    # By the models slices of the main axis are worth more: nothing is doubtful on axis 0, of axis 1
    # a little.
    main = replace(main, doubt=main.expected * 0.2)
    found = scan(first, replace(second, doubt=second.expected * 0.02), main)
    settings = ExpectedGainSettings(questions=False, rules=True)
    (best,) = expected_gain(found, gain_model(), 1, np.random.default_rng(0), settings)
    assert (best.axis, best.kind) == (axis, DRAW)
    assert best.reason.startswith("No slice of this plane") == (axis == 1)
    stay = ExpectedGainSettings(questions=False, planes=False, rules=True)
    (best,) = expected_gain(found, gain_model(), 1, np.random.default_rng(0), stay)
    assert best.axis == 2


def test_winding_structures_are_drawn_across_as_well() -> None:
    winding = replace(scan(ACROSS, WIDE), contour=np.array([2000.0]))
    models = gain_model(drawing=constant(0.1))
    settings = ExpectedGainSettings(questions=False, rules=True)
    (best,) = expected_gain(winding, models, 1, np.random.default_rng(0), settings)
    assert (best.axis, best.index) == (0, 3)
