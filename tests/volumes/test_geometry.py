"""Geometry: hand-worked values, and properties against nibabel."""

from __future__ import annotations

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.errors import GeometryError
from fewslice.volumes import Geometry, require_same_grid
from tests.support.volume_samples import AFFINES, affines

SHAPE = (5, 6, 7)


def test_spacing_and_axes_worked_by_hand() -> None:
    # Column 0 is (0, 1, 0): array axis 0 goes to Anterior by 1 mm. Column 1 is (0, 0, -1.5): to
    # Inferior by 1.5 mm. Column 2 is (2, 0, 0): to the Right by 2 mm.
    geometry = Geometry(SHAPE, AFFINES["permuted"])
    assert geometry.spacing == (1.0, 1.5, 2.0)
    assert geometry.axis_codes == ("A", "I", "R")
    assert geometry.world_axes == (1, 2, 0)


def test_from_spacing_lies_along_ras() -> None:
    geometry = Geometry.from_spacing((2, 3, 4), (0.5, 1, 2))
    assert geometry.axis_codes == ("R", "A", "S")
    assert np.array_equal(geometry.affine, np.diag([0.5, 1, 2, 1]))


@pytest.mark.parametrize("spacing", [(0, 1, 1), (-1, 1, 1), (np.nan, 1, 1), (1, 1)])
def test_from_spacing_refuses_what_is_no_spacing(spacing: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match="three positive numbers"):
        Geometry.from_spacing((2, 3, 4), spacing)


def test_another_spacing_worked_by_hand() -> None:
    """Axis 0 goes to Anterior, axis 1 to Inferior, axis 2 to the Right; all start at (1, 2, 3)."""
    affine = np.array([[0, 0, 2.0, 1], [1.0, 0, 0, 2], [0, -1.5, 0, 3], [0, 0, 0, 1]])
    expected = [[0, 0, 7, 1], [5, 0, 0, 2], [0, -6, 0, 3], [0, 0, 0, 1]]
    found = Geometry(SHAPE, affine).with_spacing((5, 6, 7))
    np.testing.assert_allclose(found.affine, expected, atol=1e-12)
    assert found.shape == SHAPE


@given(affine=affines(), spacing=st.tuples(*[st.floats(1e-3, 1e3)] * 3))
@settings(deadline=None)
def test_another_spacing_turns_and_moves_nothing(
    affine: npt.NDArray[np.float64], spacing: tuple[float, float, float]
) -> None:
    before = Geometry(SHAPE, affine)
    after = before.with_spacing(spacing)
    np.testing.assert_allclose(after.spacing, spacing, rtol=1e-9)
    assert after.axis_codes == before.axis_codes
    assert not {"direction", "origin", "shape"} & set(after.differences(before))
    back = after.with_spacing(before.spacing)
    np.testing.assert_allclose(back.affine, affine, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spacing", [(0, 1, 1), (1, 1, np.inf), (1, 1)])
def test_another_spacing_must_be_one(spacing: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError, match="three positive numbers"):
        Geometry(SHAPE, np.eye(4)).with_spacing(spacing)


@pytest.mark.parametrize(
    ("affine", "found"),
    [
        (np.diag([0.0, 1, 1, 1]), "spacing is 0, 1, 1 mm"),
        (np.diag([np.nan, 1, 1, 1]), "finite"),
        (np.eye(3), "4x4"),
        (np.array([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
    ],
)
def test_impossible_affines_are_refused(affine: npt.NDArray[np.float64], found: str) -> None:
    with pytest.raises(GeometryError, match=found):
        Geometry(SHAPE, affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 1)])
def test_impossible_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(GeometryError, match="three axes"):
        Geometry(shape, np.eye(4))


def test_affine_cannot_be_changed() -> None:
    given_affine = np.eye(4)
    geometry = Geometry(SHAPE, given_affine)
    given_affine[0, 0] = 9
    assert geometry.affine[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2


@given(affines())
@settings(deadline=None)
def test_axis_codes_agree_with_nibabel(affine: npt.NDArray[np.float64]) -> None:
    cosines = np.sort(np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)), axis=0)
    if (cosines[2] < 0.8).any():
        return  # near 45 degrees two answers are right
    assert Geometry(SHAPE, affine).axis_codes == nibabel.aff2axcodes(affine)


@given(affines())
@settings(deadline=None)
def test_world_axes_use_each_axis_once(affine: npt.NDArray[np.float64]) -> None:
    assert sorted(Geometry(SHAPE, affine).world_axes) == [0, 1, 2]


@given(affines())
@settings(deadline=None)
def test_a_grid_is_the_same_as_itself_in_single_precision(affine: npt.NDArray[np.float64]) -> None:
    geometry = Geometry(SHAPE, affine)
    assert geometry.same_grid(geometry)
    assert geometry.same_grid(Geometry(SHAPE, affine.astype(np.float32)))


@given(affines(), st.sampled_from([0, 1, 2]), st.floats(0.05, 2))
@settings(max_examples=50, deadline=None)
def test_a_shift_of_a_part_of_a_voxel_is_named(
    affine: npt.NDArray[np.float64], axis: int, part: float
) -> None:
    moved = affine.copy()
    moved[axis, 3] += part * np.linalg.norm(affine[:3, :3], axis=0).min()
    assert Geometry(SHAPE, affine).differences(Geometry(SHAPE, moved)) == ("origin",)


@given(affines(), st.sampled_from([0, 1, 2]), st.floats(0.02, 2))
@settings(max_examples=50, deadline=None)
def test_a_moved_corner_through_spacing_is_named(
    affine: npt.NDArray[np.float64], axis: int, part: float
) -> None:
    scaled = affine.copy()
    scaled[:3, axis] *= 1 + part / SHAPE[axis]  # the far corner moves by `part` of a voxel
    assert Geometry(SHAPE, affine).differences(Geometry(SHAPE, scaled)) == ("spacing",)


def test_a_flip_is_a_difference_of_direction() -> None:
    flipped = np.diag([-1.0, 1, 1, 1])
    assert Geometry(SHAPE, np.eye(4)).differences(Geometry(SHAPE, flipped)) == ("direction",)


def test_a_different_shape_is_named_first_and_hides_no_other_field() -> None:
    assert Geometry((1, 2, 3), np.eye(4)).differences(Geometry(SHAPE, np.diag([2.0] * 4))) == (
        "shape",
        "spacing",
    )


@pytest.mark.parametrize(
    ("theirs", "advice"),
    [
        (Geometry.from_spacing(SHAPE, (1, 1, 2)), "copy the header of the image to the label map"),
        (Geometry.from_spacing((7, 5, 6)), "do not resample"),
        (Geometry.from_spacing((3, 3, 3), (2, 2, 2)), "resample the label map to the image with"),
        (Geometry((3, 3, 3), np.diag([1.0, 1, 1, 1]) + 99 * np.eye(4, k=3)), "do not even overlap"),
    ],
)
def test_the_error_names_both_grids_and_what_helps(theirs: Geometry, advice: str) -> None:
    mine = Geometry.from_spacing(SHAPE)
    with pytest.raises(GeometryError) as caught:
        require_same_grid(mine, theirs, "the image", "the label map")
    text = str(caught.value)
    assert text.startswith("The image and the label map do not lie on the same grid (")
    assert advice in text
    for field in mine.differences(theirs):
        assert f"{field}: {mine.describe(field)} against {theirs.describe(field)}" in text
    require_same_grid(mine, mine, "the image", "the label map")


def test_every_field_is_described() -> None:
    geometry = Geometry(SHAPE, AFFINES["permuted"])
    assert geometry.describe("shape") == "5x6x7"
    assert geometry.describe("origin") == "5, -3, 8 mm"
    assert geometry.describe("direction") == "AIR [0, 1, 0; 0, 0, -1; 1, 0, 0]"
