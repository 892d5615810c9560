"""Ends and widest gaps on thick slices, by hand. A radius is two slices, so one is half of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.active_learning.next_slice.ends import end_question, extent, widest_gap
from fewslice.active_learning.next_slice.expected_gain import (
    DRAW,
    PRESENT,
    ExpectedGainSettings,
    answered,
    expected_gain,
)
from fewslice.active_learning.next_slice.profiles import Profiles
from tests.support.small_profiles import axis_profile, gain_model, profiles_of

EXPECTED = [0.0, 0, 0, 1, 20, 40, 60, 60, 40, 20, 0, 0, 0, 0]


def scan(
    drawn: tuple[int, ...] = (6,),
    empty: tuple[int, ...] = (),
    confirmed: tuple[int, ...] = (),
    expected: list[float] = EXPECTED,
) -> Profiles:
    main = axis_profile(expected, drawn=drawn, empty=empty)
    return profiles_of(replace(main, confirmed=frozenset(confirmed)))


def test_an_extent_is_what_is_likely_and_half_a_radius_beyond_what_is_drawn() -> None:
    # One voxel on slice 3 is less than 3 % of 60.
    found = extent(scan())
    assert found is not None
    assert (found.first, found.last) == (4, 9)
    assert (found.held, found.drawn, found.closed) == ((6, 6), (6, 6), (None, None))
    short = extent(scan(expected=[0.0] * 6 + [60] + [0.0] * 7))
    assert short is not None
    assert (short.first, short.last) == (5, 7)
    assert extent(scan(drawn=())) is None


def test_a_no_closes_an_extent_and_a_yes_widens_it() -> None:
    found = extent(scan(empty=(5, 9), confirmed=(12,)))
    assert found is not None
    # The empty slice 9 lies between two that hold it; from 12 to the border it is half of 2 slices.
    assert (found.first, found.last) == (6, 13)
    assert found.held == (6, 12)
    assert found.closed == (5, None)


def test_questions_go_from_the_likely_ends_outwards() -> None:
    assert end_question(scan()) == 10  # above 9, since that side of 6 is longer
    assert end_question(scan(empty=(10,))) == 3  # that end is closed; below 4
    mirrored = scan(drawn=(7,), expected=EXPECTED[::-1])
    assert end_question(mirrored) == 3
    assert end_question(scan(empty=(3, 10))) is None
    # A "yes" on slice 3: half-way to the border, which lies before slice 0.
    assert end_question(scan(confirmed=(3,))) == 1
    # Two on one side are enough.
    assert end_question(scan(confirmed=(3, 1))) == 10
    assert end_question(scan(confirmed=(3, 1), empty=(10,))) is None
    # Above: between 10 and 14, which does not exist.
    assert end_question(scan(empty=(3,), confirmed=(10,))) == 12


def test_no_question_at_the_border_of_the_scan_nor_after_some_slices() -> None:
    whole = scan(drawn=(6,), expected=[60.0] * 14)
    assert end_question(whole) == 13
    assert end_question(scan(drawn=(0, 13), expected=[60.0] * 14)) is None
    assert end_question(scan(drawn=(5, 6, 7))) is None


def test_the_widest_gap_is_halved_as_by_strides() -> None:
    # Of 4 to 9 with 6 drawn: 8 leaves distances 2, 1, 0, 1, 0, 1, 5 in all, and no other less.
    assert widest_gap(scan()) == 8
    assert widest_gap(scan(drawn=(6, 8))) == 5  # 4 and 5 leave 3 each; 5 is nearer to the middle
    assert widest_gap(scan(drawn=(4, 5, 6, 7, 8, 9), empty=(3, 10))) is None
    assert widest_gap(scan(drawn=())) is None


def test_advice_on_thick_slices_asks_for_ends_and_then_strides() -> None:
    found = scan(expected=[0.0, 0, 0, 0, 20, 40, 60, 60, 40, 20, 0, 0, 0, 0])
    thin = axis_profile([0, 50, 100, 100, 50, 0], step=1.0)
    found = replace(found, axes=(thin, thin, found.axes[2]))
    queries = expected_gain(
        found, gain_model(), 3, np.random.default_rng(0), ExpectedGainSettings(rules=True)
    )
    # Nothing is expected on slices 3 and 10, so that a "no" is taken for granted each time.
    assert [(one.kind, one.axis, one.index) for one in queries] == [
        (PRESENT, 2, 10),
        (PRESENT, 2, 3),
        (DRAW, 2, 8),
    ]
    assert queries[0].reason.startswith("One click tells whether the structure goes on")
    silent = ExpectedGainSettings(questions=False, rules=True)
    (first,) = expected_gain(found, gain_model(), 1, np.random.default_rng(0), silent)
    assert (first.kind, first.axis, first.index) == (DRAW, 2, 8)


@pytest.mark.parametrize("present", [0.0, 0.9])
def test_an_assumed_yes_counts_as_said(present: float) -> None:
    likely = [0.0, 0, 0, present, *[0.9] * 6, 0, 0, 0, 0]
    main = axis_profile(EXPECTED, present=likely, drawn=(6,), empty=(10,))
    thin = axis_profile([0, 50, 100, 100, 50, 0], step=1.0)
    found = replace(profiles_of(main), axes=(thin, thin, main))
    settings = ExpectedGainSettings(rules=True)
    (query,) = expected_gain(found, gain_model(), 1, np.random.default_rng(0), settings)
    after = answered(found, query).axes[2]
    assert after.confirmed == ({3} if present else set())
    assert not main.confirmed


def test_layers_go_through_the_whole_scan() -> None:
    found = replace(scan(), layers=True)
    known = extent(found)
    assert known is not None
    assert (known.first, known.last) == (0, 13)
    closed = extent(replace(scan(empty=(11,)), layers=True))
    assert closed is not None
    assert (closed.first, closed.last) == (0, 10)


def test_advice_on_layers_in_thick_slices_halves_the_widest_gap() -> None:
    found = replace(scan(), layers=True)
    thin = axis_profile([0, 50, 100, 100, 50, 0], step=1.0)
    thick = replace(found, axes=(thin, thin, found.axes[2]))
    queries = expected_gain(thick, gain_model(), 4, np.random.default_rng(0))
    # Beyond 6, slice 11 leaves distances 1, 2, 2, 1, 0, 1, 2; no other leaves less than 9. Before
    # it, 1 and 2 leave 7 each, and 2 is nearer to the middle.
    assert [(one.kind, one.axis, one.index) for one in queries[:2]] == [(DRAW, 2, 11), (DRAW, 2, 2)]
    assert queries[0].reason.startswith("It lies in the widest gap")
    assert len({one.index for one in queries}) == 4
    # Where slices across can be drawn, models decide, for it may be a vessel in the slice's plane.
    reasons = [
        one.reason for one in expected_gain(found, gain_model(), 4, np.random.default_rng(0))
    ]
    assert not any("widest gap" in reason for reason in reasons)
