"""Slices of which little is known, beside whole ones."""

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.interpolation.sketched import expected_outline, is_ruled_out, is_sketched
from fewslice.engines.interpolation.slice_shapes import SliceShape, slice_shapes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region

SHAPE = (12, 10, 9)


def annotation(*marked: tuple[int, int, int, int]) -> Annotation:
    """Slices 2 and 6 are drawn: structure 1 on both. marked: (row, column, slice, label)."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:8, 3:7, (2, 6)] = 1
    slices = {2, 6}
    for row, column, index, label in marked:
        if index not in slices:
            labels[..., index] = UNKNOWN
        labels[row, column, index] = label
        slices.add(index)
    return Annotation(labels, tuple((2, index) for index in sorted(slices)))


def shapes(given: Annotation) -> tuple[SliceShape, ...]:
    return slice_shapes(given, Region((0, 0, 0), SHAPE), (1.0, 1.0, 1.0))


def test_a_fifth_of_a_slice_outlines_something() -> None:
    known = np.zeros((4, 5), dtype=bool)
    known[0, :4] = True
    assert not is_sketched(known)
    known[0, 3] = False
    assert is_sketched(known)


def test_marks_of_what_is_drawn_elsewhere_are_no_outline() -> None:
    clicked = annotation((5, 5, 4, 1), (0, 0, 4, 0), (9, 9, 8, 0))
    assert [shape.index for shape in shapes(clicked)] == [2, 6]


def test_marks_of_a_structure_that_is_drawn_nowhere_else_count() -> None:
    one, two, three = shapes(annotation((1, 8, 4, 2)))
    assert (one.index, two.index, three.index) == (2, 4, 6)
    # The other structure is what the drawn slices say, not absent.
    assert two.present.tolist() == [True, True]
    np.testing.assert_array_equal(two.distances[0], (one.distances[0] + three.distances[0]) / 2)
    assert two.distances[1, 1, 8] > 0


def test_marks_beside_scribbles_are_outlines_as_these_are() -> None:
    labels = np.full(SHAPE, UNKNOWN, np.uint8)
    labels[:3, :, 2] = 0  # a quarter of the slice
    labels[5, 5, (2, 4)] = 1
    labels[0, 0, 4] = 0
    assert [one.index for one in shapes(Annotation(labels, ((2, 2), (2, 4))))] == [2, 4]


def test_marks_alone_are_what_they_were() -> None:
    labels = np.full(SHAPE, UNKNOWN, np.uint8)
    labels[5, 5, 4] = 1
    labels[0, 0, 4] = 0
    (shape,) = shapes(Annotation(labels, ((2, 4),)))
    assert shape.present.tolist() == [True]


def test_what_slices_let_expect() -> None:
    low, high = np.full((1, 1), 2.0, np.float32), np.full((1, 1), 6.0, np.float32)
    drawn = [(2, low), (6, high)]
    assert expected_outline(3, drawn).item() == 3.0
    assert expected_outline(0, drawn).item() == 2.0
    assert expected_outline(8, drawn).item() == 6.0


def test_a_structure_is_ruled_out_where_nearly_all_of_it_is_denied() -> None:
    expected = np.full((5, 4), -1.0, np.float32)
    expected[0] = expected[1] = expected[2, :2] = 1.0  # ten pixels
    outside = np.zeros((5, 4), dtype=bool)
    outside[0] = outside[1] = True
    assert is_ruled_out(expected, outside)
    outside[1, 3] = False
    assert not is_ruled_out(expected, outside)
    assert not is_ruled_out(np.full((5, 4), -1.0, np.float32), outside)


def test_what_is_ruled_out_is_absent() -> None:
    given = annotation()
    labels = given.labels.copy()
    labels[..., 8] = UNKNOWN
    labels[3:8, 3:7, 8] = 0
    assert [one.index for one in shapes(given)] == [2, 6]
    _, _, end = shapes(Annotation(labels, (*given.slices, (2, 8))))
    assert (end.index, end.present.tolist()) == (8, [False])
