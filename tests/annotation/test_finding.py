from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.annotation.finding import find_annotation
from fewslice.errors import InputError
from fewslice.io import read_labels
from fewslice.volumes.geometry import Geometry
from tests.support import drawings
from tests.support.drawings import Labels, brushed, in_planes, on_slices, two_bodies
from tests.support.sparse_ball import GRID, SHAPE, ball, only

DATA = Path(__file__).parents[3] / "shared" / "data"
BODIES, BODIES_GRID = two_bodies(), drawings.GRID


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


@pytest.mark.parametrize("named", [("axial", 2), (2, 1.5), 2], ids=repr)
def test_a_named_slice_is_two_whole_numbers(named: Any) -> None:
    with pytest.raises(InputError, match="two whole numbers"):
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


def test_slices_that_hold_a_slip_are_not_annotated_and_the_voxel_stays_as_drawn() -> None:
    labels = on_slices(BODIES, (8, 18, 24))
    labels[2, 2, 13] = 1
    found = find_annotation(labels, BODIES_GRID)
    assert found.slices == ((2, 8), (2, 18), (2, 24))
    assert [remark.code for remark in found.remarks] == ["few-voxels"]
    assert "1 voxel on axial 13" in found.remarks[0]
    assert not found.labels[:, :, 13].any()
    assert not found.known()[:, :, 13].any()
    assert found.as_drawn is labels


def test_a_named_slice_is_annotated_whatever_it_holds() -> None:
    labels = on_slices(BODIES, (8, 18, 24))
    labels[2, 2, 13] = 1
    found = find_annotation(labels, BODIES_GRID, [(2, 13)])
    assert found.slices == ((2, 8), (2, 13), (2, 18), (2, 24))
    assert found.known()[:, :, 13].all()
    assert not found.remarks


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(brushed(on_slices(BODIES, (7, 15, 23)), (7, 15, 23), 2), id="rims"),
        pytest.param(
            on_slices(BODIES, (8, 16, 24), 1) + on_slices(BODIES, (12, 20, 28), 2), id="turns"
        ),
        pytest.param(in_planes(BODIES, (0.3, 0.1, 1), -8, 0, 8), id="oblique"),
    ],
)
def test_strictly_every_touched_slice_is_annotated(labels: npt.NDArray[np.uint8]) -> None:
    strict = find_annotation(labels, BODIES_GRID, strict=True)
    touched = np.flatnonzero(labels.any(axis=(0, 1)))
    assert strict.slices == tuple((2, int(index)) for index in touched)
    assert strict.known()[:, :, touched].all()
    assert not strict.remarks
    assert find_annotation(labels, BODIES_GRID).remarks


def test_rims_are_not_annotated() -> None:
    labels = brushed(on_slices(BODIES, (7, 15, 23)), (7, 15, 23), 1)
    found = find_annotation(labels, BODIES_GRID)
    assert found.slices == ((2, 7), (2, 15), (2, 23))
    (remark,) = found.remarks
    assert remark.code == "brush-rims"
    assert "Axial 6, 8, 14, 16, 22, 24 hold" in remark


def test_a_structure_drawn_on_other_slices_is_unknown_where_it_may_lie() -> None:
    labels = on_slices(BODIES, (8, 16, 24), 1) + on_slices(BODIES, (12, 20, 28), 2)
    found = find_annotation(labels, BODIES_GRID)
    assert found.slices == tuple((2, index) for index in (8, 12, 16, 20, 24, 28))
    known = found.known()
    assert known[:, :, 16][labels[:, :, 16] == 1].all()  # what is drawn
    assert not known[:, :, 16][BODIES[:, :, 16] == 2].any()  # where the other one is
    assert known[0, :, 16].all()  # far from both
    assert {remark.code for remark in found.remarks} == {"drawn-on-other-slices"}


def test_only_the_voxels_of_oblique_planes_are_known() -> None:
    labels = in_planes(BODIES, (0.4, 0, 1), -8, 0, 8)
    found = find_annotation(labels, BODIES_GRID)
    assert len(found.planes) == 3
    assert found.axis == 2
    assert found.whole_slices == ()
    known = found.known()
    assert known[labels > 0].mean() > 0.99
    np.testing.assert_array_equal(found.labels[labels > 0], labels[labels > 0])
    # Next to no voxel of a structure counts as background; a plane is found to a part of a voxel.
    assert known[(BODIES > 0) & (labels == 0)].sum() < 0.005 * (labels > 0).sum()
    assert 0.02 < known[BODIES == 0].mean() < 0.2
    (remark,) = found.remarks
    assert "strips of 3 planes" in remark
    assert "22 degrees" in remark  # arctan 0.4


def test_a_slip_aside_of_oblique_planes_says_nothing() -> None:
    labels = in_planes(BODIES, (0.4, 0, 1), -8, 0, 8)
    labels[1, 34, 1] = 2
    found = find_annotation(labels, BODIES_GRID)
    assert len(found.planes) == 3
    assert found.labels[1, 34, 1] == 255
    assert found.as_drawn is labels


def test_a_slice_named_empty_stays_empty_beside_oblique_planes() -> None:
    labels = in_planes(BODIES, (0.4, 0, 1), -8, 0, 8)
    found = find_annotation(labels, BODIES_GRID, [(2, 31)])
    assert len(found.planes) == 3
    assert found.whole_slices == ((2, 31),)
    assert found.known()[:, :, 31].all()


def ellipsoid(shape: tuple[int, int, int], radii: tuple[float, float, float]) -> Labels:
    """Return label 1 around the middle of a volume, radii in voxels."""
    away = np.indices(shape).T - (np.array(shape) - 1) / 2
    inside = ((away / radii) ** 2).sum(axis=-1).T < 1
    return np.asarray(inside, dtype=np.uint8)


def test_oblique_planes_are_known_by_their_strips_on_thick_slices() -> None:
    # Outlines reach 13 mm in each plane, three slices of 4 mm: as strips on two slices each.
    spacing = (1.0, 1.0, 4.0)
    body = ellipsoid((32, 30, 16), (6.5, 6.5, 5.5))
    labels = in_planes(body, (0.25, 0, 1), -12, 0, 12, spacing=spacing)
    found = find_annotation(labels, Geometry.from_spacing(labels.shape, spacing))
    assert len(found.planes) == 3
    assert found.axis == 2


def test_a_slight_tilt_is_told_on_thick_slices() -> None:
    # At 5 degrees a plane touches two slices of 3.3 mm, the next one as good as one.
    spacing = (1.2, 1.2, 3.3)
    body = ellipsoid((50, 48, 30), (11, 13, 8))
    labels = in_planes(body, (0.07, 0.05, 1), -15, -3, 4, 14, spacing=spacing)
    found = find_annotation(labels, Geometry.from_spacing(labels.shape, spacing))
    assert len(found.planes) == 4


def test_a_tilt_is_told_where_only_some_planes_reach_the_next_slice() -> None:
    # At 3 degrees a plane rises by .4 of a slice of 3.3 mm in 21 rows of 1.2 mm.
    spacing = (1.2, 1.2, 3.3)
    body = ellipsoid((50, 48, 30), (11, 13, 8))
    labels = in_planes(body, (0.052, 0, 1), -13.4, -1.65, 10, spacing=spacing)
    areas = np.count_nonzero(labels, axis=(0, 1))
    assert np.count_nonzero(areas) == 5  # the middle one is as good as a slice
    found = find_annotation(labels, Geometry.from_spacing(labels.shape, spacing))
    assert len(found.planes) == 3
    assert [remark.code for remark in found.remarks] == ["oblique-planes"]


def test_a_slice_that_holds_a_sliver_of_an_outline_is_not_known() -> None:
    labels = on_slices(BODIES, (8, 20), 1)
    rim = np.flatnonzero(labels[:, 20, 20])[-1]
    labels[rim, 16:25, 21], labels[rim, 16:25, 20] = labels[rim, 16:25, 20], 0
    assert 0 < np.count_nonzero(labels[:, :, 21]) <= 12
    found = find_annotation(labels, BODIES_GRID)
    assert found.slices == ((2, 8), (2, 20))
    assert not found.planes
    (remark,) = found.remarks
    assert remark.code == "few-voxels"
    assert "in a plane tilted a little" in remark


def test_strips_in_no_common_plane_are_remarked() -> None:
    labels = np.zeros(BODIES.shape, dtype=np.uint8)
    labels[8:12, 8:12, 10] = 1  # a ring on the next slice: no plane has both
    labels[6:14, 6:14, 11] = 1
    labels[8:12, 8:12, 11] = 0
    found = find_annotation(labels, BODIES_GRID)
    assert not found.planes
    assert found.slices == ((2, 10), (2, 11))
    (remark,) = found.remarks
    assert remark.code == "maybe-oblique-planes"
    assert "axial 10, 11" in remark
    assert "strict=True" in remark
    assert not find_annotation(labels, BODIES_GRID, strict=True).remarks
    assert not find_annotation(labels, BODIES_GRID, [(2, 10), (2, 11)]).remarks


def test_slips_beside_drawn_slices_are_no_strips() -> None:
    labels = on_slices(BODIES, (12, 16, 20))
    labels[1:4, 1:4, 13] = 1
    labels[30:33, 1, 17] = 2
    found = find_annotation(labels, BODIES_GRID)
    assert not found.planes
    assert found.slices == ((2, 12), (2, 16), (2, 20))


def test_oblique_planes_are_found_across_a_structure_that_is_thin_along_them() -> None:
    # All planes are seen on 10 coronal slices, on more axial ones.
    body = ellipsoid((40, 30, 40), (14, 5.5, 14))
    labels = in_planes(body, (1, 0, 1), -8, 0, 8, spacing=(1, 1, 1))
    strict = find_annotation(labels, Geometry.from_spacing(labels.shape, (1, 1, 1)), strict=True)
    assert strict.axes == (1,)
    found = find_annotation(labels, Geometry.from_spacing(labels.shape, (1, 1, 1)))
    assert len(found.planes) == 3


def test_different_structures_on_slices_side_by_side_are_no_oblique_plane() -> None:
    labels = on_slices(BODIES, (12, 16, 20), 1) + on_slices(BODIES, (13, 17, 21), 2)
    found = find_annotation(labels, BODIES_GRID)
    assert not found.planes
    assert found.slices == tuple((2, index) for index in (12, 13, 16, 17, 20, 21))


def test_one_slice_with_rims_may_be_a_small_body_and_is_remarked_only() -> None:
    labels = brushed(on_slices(BODIES, (15,)), (15,), 2)
    found = find_annotation(labels, BODIES_GRID)
    assert found.slices == tuple((2, index) for index in range(13, 18))
    (remark,) = found.remarks
    assert remark.code == "maybe-brush-rims"
    assert "above and below axial 15" in remark


@settings(max_examples=25, deadline=None)
@given(indices=st.sets(st.integers(0, 31), min_size=2), axis=st.integers(0, 2))
def test_slices_drawn_in_full_are_taken_as_they_are(indices: set[int], axis: int) -> None:
    labels = only(np.moveaxis(BODIES, 2, axis), *((axis, index) for index in sorted(indices)))
    if not labels.any():
        return
    grid = Geometry.from_spacing(labels.shape)
    found, strict = find_annotation(labels, grid), find_annotation(labels, grid, strict=True)
    assert found.slices == strict.slices
    assert (found.remarks, found.doubts, found.planes) == ((), (), ())
    assert found.labels is labels


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled scans are not here")
def test_nothing_is_in_doubt_in_complete_label_maps() -> None:
    paths = sorted(DATA.glob("Dataset*/labelsTr/*.nii.gz"))[::8]
    assert paths
    for path in paths:
        complete = read_labels(path)
        if complete.values:
            found = find_annotation(complete.array, complete.geometry)
            assert (found.remarks, found.doubts, found.planes) == ((), (), ()), path.name
            assert found.labels is complete.array
