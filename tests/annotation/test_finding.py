import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.annotation.finding import find_annotation
from fewslice.errors import InputError
from fewslice.volumes.geometry import Geometry

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


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_plane_is_found(axis: int) -> None:
    found = find_annotation(only(ball(), (axis, 8), (axis, 12)), GRID)
    assert found.slices == ((axis, 8), (axis, 12))
    assert found.axis == axis


def test_slices_of_all_three_planes_are_recognised_in_one_map() -> None:
    drawn = ((0, 9), (0, 12), (1, 11), (2, 13))
    assert find_annotation(only(ball(), *drawn), GRID).slices == drawn


def test_naming_an_empty_slice_does_not_hide_the_planes_that_were_drawn() -> None:
    drawn = ((0, 9), (1, 11), (2, 13))
    found = find_annotation(only(ball(), *drawn), GRID, [(2, 1)])
    assert found.slices == ((0, 9), (1, 11), (2, 1), (2, 13))


def test_neighbouring_slices_with_a_thin_end_stay_in_their_plane() -> None:
    labels = only(ball(), *((2, index) for index in range(5, 11)))
    labels[:, :, 4] = 0
    labels[10, 11, 4] = 1
    assert find_annotation(labels, GRID).slices == tuple((2, index) for index in range(4, 11))


def test_a_named_empty_slice_counts_and_fixes_the_plane() -> None:
    # One slice across axis 0 only: its own map alone would be ambiguous with a single row.
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[5, 5, 5:9] = 1
    named = find_annotation(labels, GRID, [(0, 15)])
    assert named.slices == ((0, 5), (0, 15))


def test_a_negative_index_counts_from_the_end() -> None:
    assert find_annotation(only(ball(), (2, 12)), GRID, [(2, -1)]).slices == ((2, 12), (2, 23))


def test_named_slices_of_another_plane_leave_the_drawn_ones_to_the_named_axes() -> None:
    found = find_annotation(only(ball(), (0, 9), (2, 12)), GRID, [(0, 9), (2, 12), (2, 3)])
    assert found.slices == ((0, 9), (2, 3), (2, 12))


def test_a_slice_that_is_partly_unknown_was_looked_at() -> None:
    labels = only(ball(), (2, 12))
    labels[:9, :, 18] = 255
    assert find_annotation(labels, GRID).slices == ((2, 12), (2, 18))


def test_a_map_filled_with_unknown_has_only_the_scribbled_slices() -> None:
    labels = np.full(SHAPE, 255, dtype=np.uint8)
    labels[5:9, 8, 12] = 1
    labels[1:3, 8, 12] = 0
    labels[7, 6:9, 15] = 2
    annotation = find_annotation(labels, GRID)
    assert annotation.slices == ((2, 12), (2, 15))
    assert annotation.known().sum() == 9


def test_unknown_voxels_of_one_plane_do_not_annotate_the_planes_they_cross() -> None:
    labels = only(ball(), (2, 12), (0, 9))
    labels[:, :5, 12] = 255
    assert find_annotation(labels, GRID).slices == ((0, 9), (2, 12))
    filled = np.where(only(np.ones_like(labels), (2, 12), (0, 9)) > 0, labels, 255)
    assert find_annotation(filled.astype(np.uint8), GRID).slices == ((0, 9), (2, 12))


def test_background_scribbles_alone_annotate_a_slice_of_a_filled_map() -> None:
    labels = np.full(SHAPE, 255, dtype=np.uint8)
    labels[5:9, 8, 12] = 1
    labels[1:3, 8, 20] = 0
    assert find_annotation(labels, GRID, [(2, 12)]).slices == ((2, 12), (2, 20))


@pytest.mark.parametrize("fill", [0, 255])
def test_nothing_annotated_is_refused(fill: int) -> None:
    with pytest.raises(InputError, match="no annotated slice"):
        find_annotation(np.full(SHAPE, fill, dtype=np.uint8), GRID)


@pytest.mark.parametrize("named", [(2, 24), (0, -21), (3, 1)])
def test_a_slice_outside_is_refused(named: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"does not exist|no array axis"):
        find_annotation(only(ball(), (2, 12)), GRID, [named])


@settings(max_examples=30, deadline=None)
@given(
    permutation=st.permutations([0, 1, 2]),
    flips=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_flipping_and_permuting_the_map_flips_and_permutes_what_is_found(
    permutation: list[int], flips: list[bool]
) -> None:
    labels = only(ball(), (2, 9), (2, 15))
    moved = labels.transpose(permutation)
    axis = permutation.index(2)
    turned = np.flip(moved, tuple(each for each in range(3) if flips[each]))
    expected = sorted(SHAPE[2] - 1 - index if flips[axis] else index for index in (9, 15))
    found = find_annotation(turned, Geometry.from_spacing(turned.shape))
    assert found.slices == tuple((axis, index) for index in expected)


def test_with_support_named_slices_alone_are_an_annotation() -> None:
    empty = np.zeros(SHAPE, dtype=np.uint8)
    with pytest.raises(InputError, match="no annotated slice"):
        find_annotation(empty, GRID, [(2, 3)])
    with pytest.raises(InputError, match="no annotated slice"):
        find_annotation(empty, GRID, extra_values=(1,))
    named = find_annotation(empty, GRID, [(2, 3)], extra_values=(1,))
    assert named.blank
    assert (named.slices, named.axis, named.values) == (((2, 3),), 2, (1,))
    assert named.known().sum() == SHAPE[0] * SHAPE[1]


def test_every_slice_of_a_whole_organ_is_found_across_its_shortest_axis() -> None:
    grid = np.indices(SHAPE) - np.array([9, 10, 11]).reshape(3, 1, 1, 1)
    organ = (grid[0] / 4) ** 2 + (grid[1] / 8) ** 2 + (grid[2] / 9) ** 2 < 1
    found = find_annotation(organ.astype(np.uint8), GRID)
    assert found.slices == tuple((0, index) for index in range(6, 13))
