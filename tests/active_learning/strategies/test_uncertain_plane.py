import numpy as np
import pytest

from fewslice.active_learning.candidates import Place, slice_facts, stack
from fewslice.active_learning.strategies.uncertain_plane import (
    PlaneOfMaximumUncertainty,
    best_slice,
    best_tilted,
    planes_of_maximum_uncertainty,
)


def test_best_slice_is_the_greatest_integral_over_mm2() -> None:
    field = np.zeros((4, 5, 6))
    field[2, :, :] = 0.5  # 30 voxels of 2 x 3 mm² across axis 0
    found = best_slice(field, (1.0, 2.0, 3.0))
    assert (found.axis, found.index, found.normal) == (0, 2, (1.0, 0.0, 0.0))
    assert found.uncertainty == pytest.approx(0.5 * 30 * 6)
    assert found.offset == 2.0


def test_coarse_slices_are_not_favoured() -> None:
    field = np.zeros((4, 4, 4))
    field[1, :, :] = 1  # 16 voxels of 5 mm² each
    field[:, :, 3] += 1.2  # 16 voxels of 1 mm² each
    assert best_slice(field, (1.0, 1.0, 5.0)).axis == 0


def test_tilted_plane_is_found() -> None:
    i, _, k = np.mgrid[:40, :40, :40]
    field = np.exp(-(((i - k) / 1.5) ** 2))
    plane = best_tilted(field, (1.0, 1.0, 1.0))
    along = np.array(plane.normal) @ np.array([1, 0, -1]) / np.sqrt(2)
    assert abs(along) > 0.995
    assert abs(plane.offset) < 1.5
    # The diagonal is 40 · √2 mm long and 40 mm wide.
    assert plane.uncertainty == pytest.approx(40 * 40 * np.sqrt(2), rel=0.25)
    assert plane.uncertainty > 2 * best_slice(field, (1.0, 1.0, 1.0)).uncertainty


def test_tilted_plane_in_mm_not_voxels() -> None:
    i, _, k = np.mgrid[:40, :20, :20]
    field = np.exp(-(((i - 2 * k) / 1.5) ** 2))  # 45° at spacing (1, 1, 2)
    plane = best_tilted(field, (1.0, 1.0, 2.0))
    assert abs(np.array(plane.normal) @ np.array([1, 0, -1])) / np.sqrt(2) > 0.98


def test_tilting_must_be_worth_it() -> None:
    field = np.zeros((20, 20, 20))
    field[:, 7, :] = 1
    (plane,) = planes_of_maximum_uncertainty(field, (1.0, 1.0, 1.0))
    assert (plane.axis, plane.index) == (1, 7)


def test_a_tilted_plane_is_taken_where_it_holds_more_than_any_slice() -> None:
    i, _, k = np.mgrid[:30, :30, :30]
    field = np.exp(-(((i - k) / 1.5) ** 2))
    (tilted,) = planes_of_maximum_uncertainty(field, (1.0, 1.0, 1.0))
    (upright,) = planes_of_maximum_uncertainty(field, (1.0, 1.0, 1.0), tilted=False)
    assert tilted.axis is None
    assert tilted.index is None
    assert upright.axis in (0, 2)
    assert tilted.uncertainty > upright.uncertainty


def test_next_plane_is_elsewhere() -> None:
    field = np.zeros((30, 10, 10))
    field[5], field[6], field[25] = 1.0, 0.95, 0.5
    found = planes_of_maximum_uncertainty(field, (1.0, 1.0, 1.0), count=2, tilted=False)
    assert [(plane.axis, plane.index) for plane in found] == [(0, 5), (0, 25)]


def test_no_uncertainty_no_plane() -> None:
    assert planes_of_maximum_uncertainty(np.zeros((3, 3, 3)), (1.0, 1.0, 1.0), 4) == ()
    assert best_tilted(np.zeros((3, 3, 3)), (1.0, 1.0, 1.0)).uncertainty == 0


def test_many_voxels_are_put_together() -> None:
    i, j, k = np.mgrid[:60, :60, :60]
    field = np.exp(-(((i + j + k - 90) / 2.5) ** 2)) + 1e-6
    plane = best_tilted(field, (1.0, 1.0, 1.0))
    assert abs(np.array(plane.normal).sum()) / np.sqrt(3) > 0.99
    assert abs(plane.offset) == pytest.approx(90 / np.sqrt(3), abs=3)


def test_distance_to_a_plane() -> None:
    field = np.zeros((3, 4, 5))
    field[:, 2, :] = 1
    plane = best_slice(field, (1.0, 2.0, 3.0))
    assert plane.distance((3, 4, 5), (1.0, 2.0, 3.0))[1, :, 1].tolist() == [4, 2, 0, 2]


def test_strategy_compares_planes_by_mm2_and_spreads_out() -> None:
    half = np.full((1, 2, 3, 3), 0.5)
    rows = [
        slice_facts(half, Place(0, 2, index, 2.0 * index, pixel_area=1.0)) for index in range(8)
    ]
    rows.append(slice_facts(half, Place(0, 0, 1, 1.0, pixel_area=1.5)))
    found = PlaneOfMaximumUncertainty().rank(stack(rows), 3, np.random.default_rng(0))
    assert found.chosen[0] == 8
    assert abs(int(found.chosen[1]) - int(found.chosen[2])) >= 4  # another plane is as good again
    nats = 9 * np.log(2)
    assert found.score[0] == pytest.approx(1.5 * nats, rel=1e-5)
    assert found.score[1] == pytest.approx(nats, rel=1e-5)
