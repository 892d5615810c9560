from typing import Literal

import numpy as np
import pytest

from fewslice.annotation.annotation import (
    Annotation,
    blank_annotation,
    drawn_voxels,
    holds_structure,
    whole_places,
)
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.oblique import ObliquePlane
from fewslice.errors import InputError
from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Region
from tests.support.sparse_ball import GRID, SHAPE, ball, only


def test_drawn_slices_are_those_that_show_a_structure() -> None:
    found = find_annotation(only(ball(), (2, 9), (2, 12), (0, 11)), GRID, [(2, 0), (2, 9), (0, 11)])
    assert found.slices == ((0, 11), (2, 0), (2, 9), (2, 12))
    assert found.drawn_slices == ((0, 11), (2, 9), (2, 12))
    assert found.drawn_along(2) == (9, 12)


def test_unknown_voxels_are_not_known() -> None:
    labels = only(ball(), (2, 12))
    labels[:, :5, 12] = 255
    annotation = find_annotation(labels, GRID)
    known = annotation.known()
    assert known.sum() == 20 * 17
    assert not known[:, :5].any()
    assert known[:, 5:, 12].all()
    region = Region((2, 3, 10), (12, 13, 14))
    np.testing.assert_array_equal(annotation.known(region), known[region.slices])


def test_leaving_a_slice_out_forgets_it_but_not_where_another_crosses() -> None:
    labels = only(ball(), (0, 9), (2, 12))
    annotation = find_annotation(labels, GRID)
    rest = annotation.without((2, 12))
    assert rest.slices == ((0, 9),)
    np.testing.assert_array_equal(rest.labels, only(ball(), (0, 9)))
    np.testing.assert_array_equal(annotation.labels, labels)


def test_the_main_axis_is_the_one_with_most_slices() -> None:
    annotation = Annotation(ball(), ((0, 3), (1, 4), (1, 9)))
    assert annotation.axis == 1
    assert annotation.axes == (0, 1)
    assert annotation.along(1) == (4, 9)
    assert annotation.values == (1,)


def test_only_one_plane_keeps_what_others_hold_as_well() -> None:
    labels = np.zeros((4, 4, 4), dtype=np.uint8)
    labels[1, :2, :] = 1
    labels[:, 1, 2] = 1
    labels[3, 1, 2] = 2
    drawn = Annotation(labels, ((0, 1), (2, 2)), doubts=(((0, 1), 2), ((2, 2), 1)))
    rest = drawn.only(0)
    assert rest.slices == ((0, 1),)
    assert rest.axis == 0
    assert rest.values == (1,)
    assert rest.doubts == (((0, 1), 2),)
    np.testing.assert_array_equal(rest.labels[1], labels[1])
    assert not rest.labels[[0, 2, 3]].any()


def test_a_scan_without_annotated_slices_has_a_main_axis_and_the_labels_of_its_support() -> None:
    blank = blank_annotation(np.zeros(SHAPE, dtype=np.uint8), 1, (7, 2))
    assert blank.blank
    assert (blank.slices, blank.axes, blank.axis, blank.values) == ((), (), 1, (2, 7))
    assert blank.along(1) == ()
    assert not blank.known().any()
    assert blank.drawn_values == ()


def test_labels_of_support_are_answered_beside_those_drawn_and_fit_their_type() -> None:
    drawn = find_annotation(only(ball(), (0, 8)), GRID, extra_values=(300, 1))
    assert (drawn.values, drawn.drawn_values) == ((1, 300), (1,))
    assert not drawn.blank
    assert drawn.labels.dtype == np.uint16
    np.testing.assert_array_equal(drawn.labels, only(ball(), (0, 8)))
    alone = drawn.with_values(())
    assert (alone.values, alone.slices, alone.axis) == ((1,), drawn.slices, 0)
    assert drawn.with_values((4,)).values == (1, 4)


def test_without_the_last_slice_the_main_axis_and_the_labels_of_support_stay() -> None:
    drawn = find_annotation(only(ball(), (1, 8)), GRID, extra_values=(1, 5))
    rest = drawn.without((1, 8))
    assert rest.blank
    assert (rest.slices, rest.axis, rest.values) == ((), 1, (1, 5))


def test_what_was_drawn_comes_back_although_it_is_not_known() -> None:
    drawn = only(ball(), (2, 9), (2, 15))
    drawn[2, 3, 12] = 4
    annotation = Annotation(only(ball(), (2, 9), (2, 15)), ((2, 9), (2, 15)), as_drawn=drawn)
    answer = np.full(SHAPE, 7, dtype=np.uint8)
    annotation.put_drawing(answer)
    assert answer[2, 3, 12] == 4
    np.testing.assert_array_equal(answer[:, :, [9, 15]], drawn[:, :, [9, 15]])
    assert (answer[:, :, 12] == 7).sum() == SHAPE[0] * SHAPE[1] - 1
    assert not annotation.known()[2, 3, 12]


def test_structures_in_doubt_on_the_same_slices_are_one_part() -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[4:8, 4:8, [3, 9]] = 1
    labels[12:15, 4:8, [3, 9]] = 5
    labels[4:8, 12:16, 6] = 2
    known = labels.copy()
    known[4:8, 4:8, 6] = 255
    annotation = Annotation(
        known,
        ((2, 3), (2, 6), (2, 9)),
        as_drawn=labels,
        doubts=(((2, 3), 2), ((2, 6), 1), ((2, 6), 5), ((2, 9), 2)),
    )
    first, second = annotation.parts()
    assert (first.drawn_values, first.slices) == ((1, 5), ((2, 3), (2, 9)))
    assert (second.drawn_values, second.slices) == ((2,), ((2, 6),))
    np.testing.assert_array_equal(first.labels, np.where(labels == 2, 0, labels))
    np.testing.assert_array_equal(second.labels, np.where(labels == 2, 2, 0))


def test_without_doubts_there_is_one_part() -> None:
    annotation = find_annotation(only(ball(), (2, 9)), GRID)
    assert annotation.parts() == (annotation,)


def test_doubts_and_planes_go_along_with_a_part_of_the_volume() -> None:
    plane = ObliquePlane((0.0, 0.0, 1.0), 12.0, 0.5)
    annotation = Annotation(
        ball(), ((2, 9), (2, 12)), as_drawn=ball(), doubts=(((2, 9), 1), ((2, 12), 1)),
        planes=(plane,),
    )  # fmt: skip
    part = annotation.cropped(Region((0, 0, 10), (20, 22, 20)))
    assert part.slices == ((2, 2),)
    assert part.doubts == (((2, 2), 1),)
    assert part.planes[0].offset == 2.0
    assert part.as_drawn is not None
    assert part.as_drawn.shape == (20, 22, 10)
    assert annotation.without((2, 9)).doubts == (((2, 12), 1),)


def test_all_that_was_said_turns_with_the_scan() -> None:
    labels = np.zeros((2, 3, 4), np.uint8)
    labels[0, 1, 1] = 5
    plane = ObliquePlane((0.0, 0.0, 1.0), 1.0, 0.5)
    annotation = Annotation(
        labels, ((1, 1), (2, 0), (2, 1)), main_axis=1, extra_values=(7,), as_drawn=labels,
        doubts=(((2, 0), 5), ((2, 1), 5)), planes=(plane,),
    )  # fmt: skip
    # Slices 0 and 1 of 4 become 3 and 2 across the first axis.
    turned = annotation.turned(Turn((2, 0, 1), (True, False, False)))
    assert np.argwhere(turned.labels).tolist() == [[2, 0, 1]]
    assert turned.as_drawn is not None
    assert np.array_equal(turned.as_drawn, turned.labels)
    assert turned.slices == ((0, 2), (0, 3), (2, 1))
    assert turned.doubts == (((0, 2), 5), ((0, 3), 5))
    assert (turned.main_axis, turned.values) == (2, (5, 7))
    assert turned.planes == (ObliquePlane((-1.0, 0.0, 0.0), -2.0, 0.5),)


def test_slices_that_oblique_planes_cross_are_not_whole() -> None:
    labels = np.full(SHAPE, 255, dtype=np.uint8)
    labels[:, :, 12] = 0
    labels[:10, :, 13] = 0
    plane = ObliquePlane((0.1, 0.0, 1.0), 13.0, 0.5)
    annotation = Annotation(labels, ((2, 12), (2, 13)), planes=(plane,))
    assert annotation.whole_slices == ((2, 12),)
    assert find_annotation(only(ball(), (2, 9)), GRID).whole_slices == ((2, 9),)


def test_structures_are_found_whatever_the_order_in_memory() -> None:
    labels = np.zeros((2, 3, 4), dtype=np.uint16)
    labels[0, 1, 2], labels[1, 2, 3], labels[1, 0, 0] = 5, 255, 300
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        laid = labels.transpose(order).copy().transpose(np.argsort(order))
        drawn = drawn_voxels(laid)
        assert drawn.dtype == bool
        assert np.argwhere(drawn).tolist() == [[0, 1, 2], [1, 0, 0]]
        assert holds_structure(laid)
        assert not holds_structure(np.where(laid == 255, laid, 0))
    assert drawn_voxels(labels[1]).tolist() == (labels[1] == 300).tolist()


def test_slices_are_taken_as_lists_and_as_arrays() -> None:
    assert whole_places(None) == whole_places(np.empty((0, 2))) == ()
    places = whole_places(np.array([[1, 3], [2, -1]]))
    assert places == ((1, 3), (2, -1))
    assert {type(number) for place in places for number in place} == {int}
    with pytest.raises(InputError, match=r"7 is no slice; expected two whole numbers"):
        whole_places(7)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 3, 4), (3, 1, 4), (3, 4, 1), (1, 1, 4), (4, 1, 1)])
def test_structures_are_found_on_a_single_slice_of_any_plane(
    shape: tuple[int, int, int], order: Literal["C", "F"]
) -> None:
    labels = np.zeros(shape, dtype=np.uint8, order=order)
    labels.flat[1:4] = 7, 255, 9
    assert np.array_equal(drawn_voxels(labels), (labels == 7) | (labels == 9))
    assert holds_structure(labels)
