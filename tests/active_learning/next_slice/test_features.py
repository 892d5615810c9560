"""What is known of a slice and of an answer, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.next_slice.features import (
    DRAW_FEATURES,
    QUESTION_FEATURES,
    STATE_FEATURES,
    draw_features,
    ends_seen,
    question_features,
    state_features,
)
from fewslice.active_learning.next_slice.profiles import Profiles
from tests.support.small_profiles import RADIUS, axis_profile, both, profiles_of

# Ten slices 5 mm apart, drawn on 4 and 6 and empty on 9; a radius is two slices.
MAIN = axis_profile(
    expected=[0, 10, 20, 30, 40, 40, 40, 20, 0, 0],
    doubt=[0, 4, 6, 8, 0, 2, 0, 10, 0, 0],
    drawn=(4, 6),
    empty=(9,),
)


def drawing(found: Profiles, axis: int = 2) -> dict[str, list[float]]:
    features = draw_features(found, 0, axis)
    assert features.shape == (len(found.axes[axis]), len(DRAW_FEATURES))
    assert np.isfinite(features).all()
    return dict(zip(DRAW_FEATURES, features.T.round(9).tolist(), strict=True))


def state(found: Profiles, structure: int = 0) -> dict[str, float]:
    features = state_features(found, structure)
    assert np.isfinite(features).all()
    return dict(zip(STATE_FEATURES, features.tolist(), strict=True))


def test_amounts_are_shares_of_the_expected_volume() -> None:
    found = drawing(profiles_of(MAIN))
    assert found["own_doubt"] == [0, 0.02, 0.03, 0.04, 0, 0.01, 0, 0.05, 0, 0]
    assert found["own_spread"][7] == pytest.approx(0.025)
    assert found["share"][:5] == [0, 0.25, 0.5, 0.75, 1.0]
    assert found["total_doubt"] == [0.15] * 10


def test_distances_are_in_radii_up_to_the_next_slice_looked_at() -> None:
    found = drawing(profiles_of(MAIN))
    # Half a radius a slice; below slice 4 there is none, above 9 there is none.
    assert found["nearest"] == [2.0, 1.5, 1.0, 0.5, 0, 0.5, 0, 0.5, 0.5, 0]
    assert found["gap"][5] == 1.0  # from 4 to 6
    assert found["gap"][8] == 1.5  # from 6 to 9
    assert found["gap"][0] == 7.0  # from -10 to 4: nothing below
    assert found["beyond"] == [1, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    assert found["coarse"] == [0.5] * 10


def test_doubt_within_reach_falls_off_and_ends_at_the_next_slice_looked_at() -> None:
    found = drawing(profiles_of(MAIN))
    # One radius is two slices: full weight on the slice, half on its neighbours.
    assert found["doubt_1"][2] == pytest.approx((6 + 0.5 * 4 + 0.5 * 8) / 200)
    # Slice 4 above slice 3 was looked at: reach ends there; below it is two slices.
    assert found["doubt_1"][3] == pytest.approx((8 + 0.5 * 6) / 200)
    # Between 4 and 6 only the slice itself is left.
    assert found["doubt_2"][5] == pytest.approx(2 / 200)
    # Two radii are four slices, but 6 and 9 are nearer to 7: one below, two above.
    assert found["doubt_2"][7] == pytest.approx(10 / 200)
    # A quarter of a radius is less than a slice.
    assert found["doubt_0.25"] == found["own_doubt"]
    assert found["spread_1"][2] == pytest.approx(6 / 200)


def test_a_plane_that_crosses_those_drawn() -> None:
    other = axis_profile([0, 50, 100, 50], [0, 5, 20, 5], step=2.0)
    found = drawing(profiles_of(MAIN, other), axis=0)
    assert found["crossing"] == found["first_crossing"] == [1.0] * 4
    assert found["off_centre"] == pytest.approx([0.4, 0.2, 0.0, 0.2])
    # Nothing was drawn across it: the nearest lies as far outside as the scan is long.
    assert found["nearest"] == pytest.approx([0.8, 1.0, 1.0, 0.8])
    assert found["coarse"] == [0.5] * 4  # of the main axis
    assert found["on_axis"] == [0.0] * 4
    assert found["slices"] == [2.0] * 4
    once = axis_profile([0, 50, 100, 50], [0, 5, 20, 5], drawn=(2,), step=2.0)
    assert drawing(profiles_of(MAIN, once), axis=0)["first_crossing"] == [0.0] * 4
    assert drawing(profiles_of(MAIN, once), axis=0)["crossing"] == [1.0] * 4
    assert drawing(profiles_of(MAIN))["crossing"] == [0.0] * 10


def test_the_state_of_an_answer() -> None:
    found = state(profiles_of(MAIN))
    assert found["expected_dice"] == pytest.approx(1 - 30 / 200)
    assert found["total_spread"] == pytest.approx(15 / 200)
    assert found["slices"] == pytest.approx(np.log(3))
    assert found["axes"] == 1.0
    assert found["widest_gap"] == found["mean_gap"] == 1.0
    assert found["open_ends"] == 1.0  # closed above by the empty slice, open below
    assert found["share_beyond"] == pytest.approx((10 + 20 + 30 + 20) / 200)
    assert found["doubt_beyond"] == pytest.approx((4 + 6 + 8 + 10) / 200)
    assert found["half_length"] == pytest.approx(7 * 0.5 / 2)  # slices 1 to 7
    assert found["few_slices"] == 0.5


@pytest.mark.parametrize(("empty", "ends"), [((), 2.0), ((0,), 1.0), ((0, 9), 0.0), ((5,), 2.0)])
def test_an_end_is_open_until_an_empty_slice_lies_beyond(
    empty: tuple[int, ...], ends: float
) -> None:
    main = axis_profile([0, 0, 1, 5, 9, 9, 5, 1, 0, 0], drawn=(3, 6), empty=empty)
    assert state(profiles_of(main))["open_ends"] == ends


def test_ends_are_seen_at_the_border_of_the_scan_and_in_a_slice_across() -> None:
    expected = [0.0, 5, 9, 9, 5, 0]
    for drawn, empty, seen in (
        ((0, 5), (), True),  # the first and the last slice of the scan
        ((2,), (), False),
        ((2,), (0,), False),
        ((2,), (5,), False),
        ((2,), (0, 5), True),
    ):
        main = axis_profile(expected, drawn=drawn, empty=empty)
        assert ends_seen(profiles_of(main), 0) == seen
        assert state(profiles_of(main))["ends_seen"] == float(seen)
    inner = axis_profile(expected, drawn=(2,))
    across = profiles_of(inner)
    assert ends_seen(replace(across, axes=(inner, *across.axes[1:])), 0)
    assert not ends_seen(profiles_of(axis_profile(expected)), 0)


def test_one_drawn_slice_and_none() -> None:
    one = state(profiles_of(axis_profile([0, 5, 9, 5, 0], drawn=(2,))))
    assert (one["widest_gap"], one["few_slices"]) == (6.0, 1.0)
    none = profiles_of(axis_profile([0, 5, 9, 5, 0], [0, 1, 2, 1, 0]))
    assert state(none)["share_beyond"] == 1.0
    assert drawing(none)["beyond"] == [1.0] * 5
    assert (question_features(none, 0)[:, -1] == 0).all()


def test_an_answer_of_nothing() -> None:
    found = profiles_of(axis_profile([0.0] * 5, drawn=(2,)))
    assert state(found)["expected_dice"] == 1.0
    assert drawing(found)["off_centre"] == [2 * 5 / RADIUS, 5 / RADIUS, 0, 5 / RADIUS, 1.0]


def test_features_of_the_mirrored_scan_are_mirrored() -> None:
    forward = profiles_of(MAIN, axis_profile([1, 5, 9, 2], [0, 1, 2, 1]))
    backward = profiles_of(
        axis_profile(
            expected=[0, 0, 20, 40, 40, 40, 30, 20, 10, 0],
            doubt=[0, 0, 10, 0, 2, 0, 8, 6, 4, 0],
            drawn=(3, 5),
            empty=(0,),
        ),
        axis_profile([2, 9, 5, 1], [1, 2, 1, 0]),
    )
    for axis in (0, 2):
        there, back = (draw_features(each, 0, axis) for each in (forward, backward))
        np.testing.assert_allclose(there, back[::-1], atol=1e-9)
    np.testing.assert_allclose(state_features(forward, 0), state_features(backward, 0))
    there, back = (question_features(each, 0) for each in (forward, backward))
    np.testing.assert_allclose(there, back[::-1], atol=1e-9)


def test_how_compact_a_structure_is() -> None:
    # The outline of a disc of 10 mm is 2π · 10 mm long; one of twice that has a quarter.
    assert state(profiles_of(MAIN))["compactness"] == pytest.approx(1.0)
    assert drawing(profiles_of(MAIN))["compactness"] == pytest.approx([1.0] * 10)
    thin = replace(profiles_of(MAIN), contour=np.array([4 * np.pi * RADIUS]))
    assert state(thin)["compactness"] == pytest.approx(0.25)
    nothing = replace(profiles_of(MAIN), contour=np.zeros(1), area=np.zeros(1))
    assert state(nothing)["compactness"] == 0.0


def farther(found: Profiles, structure: int = 0) -> list[float]:
    features = question_features(found, structure)
    assert features.shape[1] == len(QUESTION_FEATURES)
    np.testing.assert_array_equal(features[:, :-1], draw_features(found, structure, 2))
    result: list[float] = features[:, -1].round(9).tolist()
    return result


def test_a_question_is_about_the_slice_and_all_farther_out() -> None:
    main = axis_profile([0, 10, 20, 30, 40, 40, 40, 15, 5, 0], drawn=(4, 6))
    assert farther(profiles_of(main)) == [0, 0.05, 0.15, 0.3, 0, 0, 0, 0.1, 0.025, 0]


def test_beyond_a_no_there_is_nothing_to_ask() -> None:
    main = axis_profile([0, 10, 20, 30, 40, 40, 40, 15, 5, 0], drawn=(4, 6), empty=(1, 8))
    assert farther(profiles_of(main)) == [0, 0, 0.15, 0.3, 0, 0, 0, 0.1, 0, 0]


def test_beyond_a_yes_the_question_goes_on() -> None:
    present = [0.0, 0.4, 1.0, 0.9, 1, 1, 1, 0.8, 0.5, 0]
    main = axis_profile([0, 10, 20, 30, 40, 40, 40, 15, 5, 0], present=present, drawn=(4, 6))
    assert farther(profiles_of(main))[:5] == [0, 0.05, 0, 0, 0]


def test_structures_are_told_apart() -> None:
    first = axis_profile([0, 10, 20, 30, 40], drawn=(4,))
    second = axis_profile([50, 50, 0, 0, 0], drawn=(0,))
    found = Profiles(
        (both(first, second),) * 3, 2, np.array([1.0, 1.0]), np.array([np.pi * 4, np.pi])
    )
    assert farther(found, 0) == [0, 0.1, 0.3, 0.6, 0]
    assert farther(found, 1) == [0, 0.5, 0, 0, 0]
    assert draw_features(found, 0, 2)[2, DRAW_FEATURES.index("nearest")] == 5.0
    assert draw_features(found, 1, 2)[1, DRAW_FEATURES.index("nearest")] == 5.0
    assert draw_features(found, 1, 2)[2, DRAW_FEATURES.index("nearest")] == 6.0  # capped


def test_amounts_in_units_of_the_extent() -> None:
    # Slices 1 to 7 hold 200 voxels; 4, 6 and 9 were looked at.
    found = state(profiles_of(MAIN))
    # Slice 2 comes nearest to what lies below 4: 10 voxels on 1 (3 to 1), 20 on 2 (2 to 0) and 30
    # on 3 (1 to 1) move by 2, 2 and 0: 60 of 200 over seven slices.
    assert found["coverage"] == pytest.approx(60 / 200 / 7)
    assert found["least_coverage"] == 0.0  # nothing is expected on the others
    assert found["length"] == pytest.approx(np.log(7))
    assert found["on_main"] == pytest.approx(np.log(3))
    assert found["voxels"] == pytest.approx(np.log(200))
    assert found["gap_share"] == pytest.approx(60 / 200)  # below 4
    assert found["oblong"] == 0.0
    flat = axis_profile([0, 50, 100, 50], step=10.0)
    wide = state(replace(profiles_of(MAIN), axes=(flat, profiles_of(MAIN).axes[1], MAIN)))
    assert wide["oblong"] == pytest.approx(np.log(2))


def test_widths_are_standard_deviations_against_their_mean() -> None:
    # Two slices, 10 mm apart, each 10 mm thick: 25 + 100 / 12 mm²; a single one of 5 mm: 25 / 12.
    pair, single = axis_profile([30, 30], step=10.0), axis_profile([0, 60, 0], drawn=(1,))
    found = replace(profiles_of(single), axes=(pair, pair, single))
    logs = np.log(np.array([25 + 100 / 12] * 2 + [25 / 12])) / 2
    assert state(found)["main_width"] == pytest.approx(logs[2] - logs.mean())


def test_an_end_that_nobody_looked_beyond_is_blunt_where_the_answer_stops_at_a_wide_slice() -> None:
    # Two slices of 5 mm go on below slice 3; its circle of 16π mm² has a radius of 4 mm.
    area = 16 * np.pi
    answer = [0, 10, 30, area, 2 * area, area / 2, 0, 0]
    found = state(profiles_of(axis_profile(answer, drawn=(3, 4, 5))))
    assert found["blunt_end"] == pytest.approx(0.5)
    assert found["near_end"] == 0.0  # above slice 5 there is nothing
    looked = state(profiles_of(axis_profile(answer, drawn=(3, 4, 5), empty=(6,))))
    assert looked["blunt_end"] == pytest.approx(0.5)
    assert looked["near_end"] == pytest.approx(10 / 4)


def test_ends_that_were_looked_at_are_neither_blunt_nor_near() -> None:
    both_seen = axis_profile([0, 40, 40, 40], drawn=(1, 3), empty=(0,))  # the scan ends at slice 3
    assert state(profiles_of(both_seen))["blunt_end"] == 0.0
    assert state(profiles_of(both_seen))["near_end"] == 3.0
    unseen = state(profiles_of(axis_profile([0, 40, 40, 0])))
    assert (unseen["blunt_end"], unseen["near_end"]) == (1.0, 1.0)
