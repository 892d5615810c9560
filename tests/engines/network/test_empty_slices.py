"""Empty slices count only where the answer would show something on them or farther out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice import segment
from fewslice.annotation.annotation import Annotation, SliceIndex
from fewslice.engines.base import Progress, silent
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.network.empty_slices import (
    Answer,
    answered_where_told,
    empty_slices,
    told_by,
)
from fewslice.engines.network.planes import PlaneAnswer
from fewslice.typing import BoolArray
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.known_features import random_features
from tests.support.phantoms import dice, two_organs

SHAPE = (6, 5, 12)


def drawn_on(*places: SliceIndex, square: slice = slice(1, 4)) -> Annotation:
    """Return the annotation of slices across the last axis; those from 4 to 8 show a square."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for axis, index in places:
        if axis == 2 and 4 <= index <= 8:
            labels[square, square, index] = 1
    return Annotation(labels, tuple(sorted(places)))


def held(first: int, last: int) -> BoolArray:
    """Return a structure on slices across the last axis, both included."""
    inside = np.zeros(SHAPE, dtype=bool)
    inside[1:4, 1:4, first : last + 1] = True
    return inside


def answering(inside: BoolArray, region: Region | None = None, axis: int = 2) -> PlaneAnswer:
    """Return an answer that is sure of a structure, on a grid of a region of the scan."""
    region = region or Region((0, 0, 0), SHAPE)
    grid = WorkingGrid(region, region.shape, (1.0, 1.0, 2.0))
    odds = np.where(np.moveaxis(inside[region.slices], axis, 0)[:, None], 4.0, -4.0)
    features = replace(random_features(structures=1), radii=np.array([2.0]))
    return PlaneAnswer(axis, (6,), grid, features, odds.astype(np.float32))


def test_slices_are_empty_on_which_all_is_known_and_nothing_drawn() -> None:
    annotation = drawn_on((2, 6), (2, 1), (0, 0))
    annotation.labels[..., 10] = UNKNOWN
    annotation.labels[0, 0, 10] = 0
    with_marks = replace(annotation, slices=((0, 0), (2, 1), (2, 6), (2, 10)))
    # Slice 0 across the first axis crosses slice 10, most of which nobody looked at.
    assert empty_slices(with_marks) == ((2, 1),)
    assert empty_slices(annotation) == ((2, 1),)
    assert empty_slices(drawn_on((2, 6), (2, 1), (0, 0))) == ((0, 0), (2, 1))


@pytest.mark.parametrize(
    ("slices", "told"),
    [
        ((4, 8), False),  # ends before both
        ((3, 8), True),
        ((1, 2), True),  # a piece farther out than the slice
        ((4, 11), True),
        ((11, 11), True),
        ((4, 9), True),
    ],
)
def test_empty_slices_tell_where_an_answer_shows_something_on_or_beyond_them(
    slices: tuple[int, int], told: bool
) -> None:
    annotation = drawn_on((2, 5), (2, 7), (2, 3), (2, 9))
    assert told_by(((2, 3), (2, 9)), answering(held(*slices)), annotation) == told


def test_between_drawn_slices_only_the_slice_itself_counts() -> None:
    annotation = drawn_on((2, 4), (2, 8), (2, 6))
    annotation.labels[..., 6] = 0
    apart = held(4, 5) | held(7, 8)
    assert not told_by(((2, 6),), answering(apart), annotation)
    assert told_by(((2, 6),), answering(held(4, 8)), annotation)


@pytest.mark.parametrize(
    ("empty", "told"),
    # Slice 5 is drawn and 4 to 6 are answered, one on either side: slices are far that are more
    # than four away.
    [
        ((9,), False),
        ((10,), True),
        ((1,), False),
        ((0,), True),
        ((1, 10), True),
        ((0, 1, 9), False),
    ],
)
def test_slices_tell_that_the_answer_ends_well_before(empty: tuple[int, ...], told: bool) -> None:
    slices: list[SliceIndex] = [(2, index) for index in empty]
    assert told_by(slices, answering(held(4, 6)), drawn_on((2, 5), *slices)) == told


def test_a_gap_between_drawn_slices_is_not_far() -> None:
    annotation = drawn_on((2, 4), (2, 8), (2, 6))
    annotation.labels[..., 5:8] = 0
    assert not told_by(((2, 6),), answering(held(4, 4) | held(8, 8)), annotation)


def test_slices_of_other_planes_tell_where_the_structure_lies() -> None:
    # Rows 1 to 3 hold it, as slice 6 across the last axis shows.
    annotation = drawn_on((2, 6), (0, 0), (0, 5))
    empty = ((0, 0), (0, 5))
    wide = held(4, 8) | np.roll(held(4, 8), 2, axis=0)  # rows 1 to 5
    assert not told_by(empty, answering(held(4, 8)), annotation)
    assert told_by(empty, answering(wide), annotation)


def test_outside_of_the_region_that_was_answered_nothing_is_shown() -> None:
    part = Region((0, 0, 3), (6, 5, 9))
    annotation = drawn_on((2, 4), (2, 8), (2, 1), (2, 10))
    assert not told_by(((2, 1), (2, 10)), answering(held(3, 8), part), annotation)


def test_a_structure_beyond_the_end_of_another_counts_by_itself() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1:4, 1:4, 2], labels[1:4, 1:4, 9] = 1, 2
    annotation = Annotation(labels, ((2, 2), (2, 5), (2, 9)))
    answer = answering(held(1, 3))

    def both(first: int) -> PlaneAnswer:
        second = np.where(np.moveaxis(held(first, 10), 2, 0), 4.0, -4.0).astype(np.float32)
        return replace(answer, odds=np.stack([answer.odds[:, 0], second], axis=1))

    assert not told_by(((2, 5),), both(8), annotation)
    assert told_by(((2, 5),), both(4), annotation)


class Asked:
    """Answers slices of a structure, others with each question, and notes the empty ones told."""

    def __init__(self, *extents: tuple[int, int]) -> None:
        self.extents = extents
        self.told: list[tuple[SliceIndex, ...]] = []

    def __call__(self, annotation: Annotation, progress: Progress) -> Answer:
        progress(0.9)
        answer = answering(held(*self.extents[len(self.told)]))
        self.told.append(empty_slices(annotation))
        return answer, (answer.kept(annotation),)


def test_empty_slices_that_tell_nothing_are_left_out_and_kept_as_known() -> None:
    asked = Asked((4, 8))
    annotation = drawn_on((2, 5), (2, 7), (2, 1), (2, 11))
    answer, (kept,) = answered_where_told(asked, annotation, silent)
    assert asked.told == [()]
    assert answer.volume() == pytest.approx([45.0])
    assert kept.slices == frozenset(annotation.slices)


def test_all_are_told_where_one_tells_something() -> None:
    asked = Asked((4, 11), (4, 9))
    annotation = drawn_on((2, 5), (2, 7), (2, 1), (2, 11))
    answer, (kept,) = answered_where_told(asked, annotation, silent)
    assert asked.told == [(), ((2, 1), (2, 11))]
    assert answer.volume() == pytest.approx([54.0])
    assert kept.slices == frozenset(annotation.slices)


def test_without_empty_slices_it_is_asked_once() -> None:
    asked = Asked((0, 11))
    answered_where_told(asked, drawn_on((2, 5), (2, 7)), silent)
    assert asked.told == [()]


def test_progress_never_falls_however_often_it_is_asked() -> None:
    told: list[float] = []
    annotation = drawn_on((2, 5), (2, 7), (2, 1), (2, 11))
    answered_where_told(Asked((4, 11), (4, 9)), annotation, told.append)
    assert told == pytest.approx([0.45, 0.95])


def test_empty_slices_that_outnumber_drawn_ones_do_not_turn_the_answer() -> None:
    annotation = drawn_on((2, 6), (0, 0), (0, 5))
    assert annotation.axis == 0
    axes = []

    def ask(asked: Annotation, progress: Progress) -> Answer:
        axes.append(asked.axis)
        return answering(held(4, 8)), ()

    answered_where_told(ask, annotation, silent)
    assert axes == [2]


def test_alone_kept_answers_know_empty_slices_of_their_plane_only() -> None:
    def ask(annotation: Annotation, progress: Progress) -> tuple[PlaneAnswer, tuple[KeptAnswer]]:
        answer = answering(held(4, 8))
        return answer, (answer.kept(annotation, alone=True),)

    annotation = drawn_on((2, 6), (2, 2), (0, 0))
    _, (kept,) = answered_where_told(ask, annotation, silent)
    assert kept.slices == {(2, 6), (2, 2)}


@pytest.mark.parametrize("engine", ["auto", "network"])
def test_a_slice_that_the_answer_leaves_empty_anyway_changes_nothing(engine: str) -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 7, 13)
    labels[labels == 2] = 0  # it ends where the first goes on
    drawn = [(2, 7), (2, 13)]
    before = segment(phantom.image, labels, spacing=phantom.spacing, engine=engine)
    held = np.flatnonzero(before.labels.array.any(axis=(0, 1)))
    told = [*drawn, (2, int(held[0]) - 1), (2, int(held[-1]) + 1)]
    after = segment(phantom.image, labels, spacing=phantom.spacing, annotated=told, engine=engine)
    np.testing.assert_array_equal(after.labels.array, before.labels.array)


def test_a_slice_that_the_answer_goes_beyond_ends_it() -> None:
    phantom = two_organs()
    cut = phantom.truth.copy()
    cut[..., 12:] = 0  # the scan shows more than the person counts
    labels = np.zeros_like(cut)
    labels[..., 8] = cut[..., 8]
    before = segment(phantom.image, labels, spacing=phantom.spacing)
    told = [(2, 8), (2, 12)]
    after = segment(phantom.image, labels, spacing=phantom.spacing, annotated=told)
    assert before.labels.array[..., 12:].any()
    assert not after.labels.array[..., 12:].any()
    assert dice(after.labels.array, cut, 1) > dice(before.labels.array, cut, 1)
