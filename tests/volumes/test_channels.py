"""Channels on grids of their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import GeometryError, Remark, codes_of
from fewslice.volumes import Geometry, Image, StoredGeometry
from fewslice.volumes.channels import beyond, composed, overlap
from fewslice.volumes.orientation import Turn
from tests.support.volume_samples import oblique

SHAPE = (4, 3, 2)
GRID = Geometry.from_spacing(SHAPE, (2, 2, 3))
CT = Image(np.arange(24, dtype=np.int16).reshape(SHAPE), GRID, remarks=(Remark("a", "Said."),))
NAMES = ("ct", "pet")


def ramp(geometry: Geometry, slope: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Return what is linear in world coordinates, which linear interpolation keeps exactly."""
    voxels = np.indices(geometry.shape).reshape(3, -1).T
    world = voxels @ geometry.affine[:3, :3].T + geometry.affine[:3, 3]
    values: npt.NDArray[np.float64] = (world @ np.array(slope)).reshape(geometry.shape)
    return values


def test_channels_on_one_grid_are_taken_as_they_are() -> None:
    pet = Image((CT.array / 10).astype(np.float32), GRID)
    found = composed([CT, pet, CT], ("ct", "pet", "ct again"))
    assert found.array.shape == (3, *SHAPE)
    assert found.array.dtype == np.float32
    np.testing.assert_array_equal(found.array[1], pet.array)
    assert found.remarks == ("Said.",)
    assert composed([CT], ["ct"]) is CT


def test_a_channel_in_another_order_is_reordered_without_resampling() -> None:
    turn = Turn((2, 0, 1), (True, False, True))
    turned = Image(turn.array(CT.array), turn.geometry(GRID))
    found = composed([CT, turned], NAMES)
    np.testing.assert_array_equal(found.array, [CT.array, CT.array])
    assert found.array.dtype == np.int16
    assert codes_of(found.remarks) == {"a"}


def test_a_cropped_channel_is_padded_with_its_lowest_value() -> None:
    cropped = Image(CT.array[1:], GRID.cropped((1, 0, 0), SHAPE))
    found = composed([CT, cropped], NAMES)
    np.testing.assert_array_equal(found.array[1, 1:], CT.array[1:])
    assert (found.array[1, 0] == 6).all()  # one of four slices; 6 is the first value that is left
    remark = found.remarks[-1]
    assert remark == "pet does not show 25 % of ct, which gets its lowest value, 6."
    assert codes_of(found.remarks) == {"a", "channel-padded"}


def test_other_voxels_are_interpolated_by_their_place() -> None:
    # Coarser and oblique, around all of the scan: nothing is outside.
    around = oblique(spacing=(3.0, 4.0, 5.0)).copy()
    around[:3, 3] = np.array([3.0, 2.0, 1.5]) - around[:3, :3] @ np.array([5.0, 5.0, 5.0])
    coarse = Geometry((11, 11, 11), around)
    found = composed([CT, Image(ramp(coarse, (1.0, -2.0, 0.5)), coarse)], NAMES)
    np.testing.assert_allclose(found.array[1], ramp(GRID, (1.0, -2.0, 0.5)), atol=1e-4)
    assert codes_of(found.remarks) == {"a", "channel-resampled"}
    assert found.remarks[-1].endswith("is resampled to those of ct, linearly.")


def test_what_a_channel_does_not_show_gets_its_lowest_value() -> None:
    # Voxels of 4 mm with centres at x = 0 and 4 end at 6: of x = 0, 2, 4, 6 all are inside; moved
    # by 3.5 mm they begin at 1.5, and x = 0 is outside.
    pet = Geometry((2, 6, 6), np.diag([4.0, 1.0, 1.0, 1.0]))
    values = np.zeros(pet.shape, np.float32) + np.array([1, 5])[:, np.newaxis, np.newaxis]
    inside = composed([CT, Image(values, pet)], NAMES).array[1]
    np.testing.assert_allclose(inside[:, 1, 1], [1, 3, 5, 5])  # half a voxel beyond: the nearest
    moved = pet.affine.copy()
    moved[0, 3] = 3.5
    found = composed([CT, Image(values, Geometry(pet.shape, moved))], NAMES)
    np.testing.assert_allclose(found.array[1, :, 1, 1], [1, 1, 1.5, 3.5])
    assert (
        "linearly; it does not show 25 % of that, which gets its lowest value, 1."
        in found.remarks[-1]
    )
    outside = beyond(Geometry(pet.shape, moved), GRID)
    np.testing.assert_array_equal(outside.all(axis=(1, 2)), [True, False, False, False])


def test_finer_voxels_are_averaged_not_picked() -> None:
    # Alternating 0 and 2 in steps of .5 mm: 1 on average, whichever voxels of 2 mm are asked for.
    fine = Geometry.from_spacing((16, 3, 2), (0.5, 2, 3))
    values = np.zeros(fine.shape) + 2 * (np.arange(16) % 2)[:, np.newaxis, np.newaxis]
    found = composed([CT, Image(values, fine)], NAMES)
    np.testing.assert_allclose(found.array[1, 1:], 1, atol=0.02)  # the first lies on the edge


def test_other_places_are_refused() -> None:
    affine = GRID.affine.copy()
    affine[2, 3] = 500.5
    with pytest.raises(GeometryError, match="pet does not overlap ct anywhere"):
        composed([CT, Image(CT.array, Geometry(SHAPE, affine))], NAMES)


def test_channels_without_a_place_are_taken_by_their_shape() -> None:
    unplaced = StoredGeometry("array", {}, spacing_known=False, placed=False)
    pet = Image(CT.array, Geometry.from_spacing(SHAPE), unplaced)
    found = composed([CT, pet], NAMES)
    np.testing.assert_array_equal(found.array[1], CT.array)
    assert codes_of(found.remarks) == {"a", "channel-by-shape"}
    small = Image(CT.array[:2], Geometry.from_spacing((2, 3, 2)), unplaced)
    with pytest.raises(GeometryError, match="pet has 2x3x2 voxels, ct has 4x3x2, and not both"):
        composed([CT, small], NAMES)


def test_overlap_is_a_share_of_the_smaller_field_of_view() -> None:
    affine = GRID.affine.copy()
    affine[0, 3] = 4  # two of four voxels
    assert overlap(Geometry(SHAPE, affine), GRID) == overlap(GRID, Geometry(SHAPE, affine)) == 0.5
    assert overlap(GRID, GRID) == 1
    around = Geometry((20, 20, 20), np.diag([2.0, 2.0, 3.0, 1.0]))
    assert overlap(around, GRID) == overlap(GRID, around) == 1
    affine[0, 3] = 900
    assert overlap(GRID, Geometry(SHAPE, affine)) == 0
