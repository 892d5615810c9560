"""What a slice would bring nearer, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.active_learning.next_slice.features import draw_features
from fewslice.active_learning.next_slice.gain_features import (
    GAIN_FEATURES,
    OF_THE_STATE,
    gain_features,
)
from tests.support.small_profiles import axis_profile, profiles_of

# Ten slices of which 2 to 7 hold the structure, as much each; slice 3 is drawn, slice 9 empty.
MAIN = axis_profile(
    expected=[0, 0, 10, 10, 10, 10, 10, 10, 0, 0], doubt=[0] * 10, drawn=(3,), empty=(9,)
)


def found() -> dict[str, list[float]]:
    features = gain_features(profiles_of(MAIN), 0, 2)
    assert features.shape == (10, len(GAIN_FEATURES))
    return dict(zip(GAIN_FEATURES, features.T.round(9).tolist(), strict=True))


def test_what_is_known_of_a_slice_comes_first() -> None:
    there = profiles_of(MAIN)
    known = draw_features(there, 0, 2)
    np.testing.assert_array_equal(gain_features(there, 0, 2)[:, : known.shape[1]], known)


def test_a_slice_brings_the_volume_nearer_in_its_own_lengths() -> None:
    # Slices 2 to 7 are 1, 0, 1, 2, 3, 2 away from 3 and 9; with slice 6 drawn 1, 0, 1, 1, 0, 1.
    # So 5 of 14 slices less, over six slices that hold it, in lengths of six slices.
    assert found()["coverage"][6] == pytest.approx(5 / 6 / 6)
    assert found()["coverage"][3] == 0.0
    assert found()["coverage_share"][6] == 1.0
    assert found()["coverage_share"][5] == pytest.approx(4 / 5)  # 1, 0, 1, 0, 1, 2


def test_slices_are_counted_up_to_twenty() -> None:
    assert found()["slices_away"] == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert found()["slices_between"][3:] == [0, 6, 6, 6, 6, 6, 0]
    assert found()["slices_between"][0] == 13  # none below: as far outside as the scan is long
    assert found()["log_slices"] == [round(float(np.log(6)), 9)] * 10
    long = gain_features(profiles_of(axis_profile(expected=[9] * 50, doubt=[0] * 50)), 0, 2)
    assert long[:, GAIN_FEATURES.index("slices_between")].tolist() == [20.0] * 50


def test_what_is_of_the_state_is_the_same_for_all_slices() -> None:
    assert all(len(set(found()[name])) == 1 for name in OF_THE_STATE)
