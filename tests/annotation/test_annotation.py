import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.annotation.finding import find_annotation
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region

SHAPE = (20, 22, 24)
GRID = Geometry.from_spacing(SHAPE)


def ball(shape: tuple[int, int, int] = SHAPE, radius: float = 8) -> npt.NDArray[np.uint8]:
    grid = np.indices(shape)
    centre = np.array(shape)[:, None, None, None] // 2
    inside: npt.NDArray[np.bool_] = ((grid - centre) ** 2).sum(axis=0) < radius**2
    return inside.astype(np.uint8)


def only(labels: npt.NDArray[np.uint8], *slices: tuple[int, int]) -> npt.NDArray[np.uint8]:
    sparse = np.zeros_like(labels)
    for axis, index in slices:
        place: list[slice | int] = [slice(None)] * 3
        place[axis] = index
        sparse[tuple(place)] = labels[tuple(place)]
    return sparse


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
