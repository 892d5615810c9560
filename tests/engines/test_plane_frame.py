"""Grids whose slices are oblique planes, and the way there and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.oblique import ObliquePlane
from fewslice.engines.base import Prediction, Scan
from fewslice.engines.plane_frame import PlaneFrame, _spread, plane_frame
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region
from tests.support.drawings import GRID, SHAPE, in_planes, two_bodies

BODIES = two_bodies()
NORMALS = [(0.2, 0.1, 1.0), (0.0, -0.6, 1.0), (1.0, 0.3, 0.2)]


def frame_of(normal: tuple[float, float, float], grid: Geometry = GRID) -> PlaneFrame:
    drawn = find_annotation(in_planes(BODIES, normal, -8, 0, 8), grid)
    assert len(drawn.planes) == 3
    return plane_frame(grid, drawn, drawn.planes)


def world(geometry: Geometry, voxels: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.asarray(voxels @ geometry.affine[:3, :3].T + geometry.affine[:3, 3])


@pytest.mark.parametrize("normal", NORMALS)
def test_voxels_of_the_grid_lie_where_its_geometry_says(normal: tuple[float, float, float]) -> None:
    moved = GRID.affine.copy()
    moved[:3, 3] = 11, -7, 30
    frame = frame_of(normal, Geometry(SHAPE, moved))
    mine = np.array([[0, 0, 0], [3, 5, 2], [1, 0, 4]], dtype=float)
    there = mine @ frame.to_scan[:, :3].T + frame.to_scan[:, 3]
    np.testing.assert_allclose(world(frame.geometry, mine), world(frame.scan, there), atol=1e-9)


@pytest.mark.parametrize("normal", NORMALS)
def test_nothing_is_mirrored(normal: tuple[float, float, float]) -> None:
    frame = frame_of(normal)
    assert np.linalg.det(frame.to_scan[:, :3]) > 0
    # Each axis of the grid grows as the scan's does, and is the nearest to it.
    assert (np.diag(frame.to_scan[:, :3]) > 0).all()


@pytest.mark.parametrize("normal", NORMALS)
def test_axes_of_the_grid_are_perpendicular_and_as_fine_as_the_scan(
    normal: tuple[float, float, float],
) -> None:
    frame = frame_of(normal)
    sides = frame.geometry.affine[:3, :3]
    gram = sides.T @ sides
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-9)
    assert max(frame.geometry.spacing) <= 1.5 * 1.2
    assert min(frame.geometry.spacing) >= 0.6


@pytest.mark.parametrize("normal", NORMALS)
def test_planes_become_slices_that_show_what_was_drawn(normal: tuple[float, float, float]) -> None:
    annotation = find_annotation(in_planes(BODIES, normal, -8, 0, 8), GRID)
    frame = plane_frame(GRID, annotation, annotation.planes)
    drawn = frame.annotation(annotation, annotation.planes)
    assert len(drawn.slices) == 3
    for axis, index in drawn.slices:
        pixels = np.argwhere(np.take(drawn.labels, [index], axis) < 255)
        pixels[:, axis] = index
        there = np.rint(pixels @ frame.to_scan[:, :3].T + frame.to_scan[:, 3]).astype(int)
        inside = ((there >= 0) & (there < SHAPE)).all(axis=1)
        truth = BODIES[tuple(there[inside].T)]
        said = drawn.labels[tuple(pixels[inside].T)]
        for value in (1, 2):
            both = ((truth == value) & (said == value)).sum()
            either = (truth == value).sum() + (said == value).sum()
            assert 2 * both >= 0.9 * either


def test_an_answer_comes_back_to_where_it_was_made() -> None:
    frame = frame_of((0.3, 0.2, 1.0))
    shown = frame.resampled(Scan((BODIES == 1).astype(np.float32)[None], GRID))
    one = shown.channels[0]
    assert shown.geometry is frame.geometry
    whole = Prediction(
        region=Region((0, 0, 0), frame.geometry.shape),
        values=(0, 1),
        probability=np.stack([1 - one, one]).astype(np.float16),
    )
    back = frame.brought_back(whole, 2)
    answer = np.zeros(SHAPE, dtype=bool)
    answer[back.region.slices] = back.probability[1] > 0.5
    inside = np.zeros(SHAPE, dtype=bool)
    inside[back.region.slices] = True
    truth = (BODIES == 1) & inside
    assert 2 * (answer & truth).sum() / (answer.sum() + truth.sum()) > 0.93
    np.testing.assert_allclose(back.probability.sum(axis=0), 1, atol=2e-3)


def test_planes_apart_by_no_whole_voxels_come_to_lie_near_slices() -> None:
    # 7.3 and 4.1 mm apart in slices of 1.5 mm: no step from 0.9 to 1.5 mm fits both exactly.
    labels = np.full(SHAPE, 255, dtype=np.uint8)
    planes = tuple(ObliquePlane((0.2, 0.0, 1.47), height, 0.4) for height in (12.0, 19.3, 23.4))
    for plane in planes:
        voxels = tuple(plane.voxels(SHAPE).T)
        labels[voxels] = BODIES[voxels]
    annotation = Annotation(labels, tuple((2, k) for k in range(SHAPE[2])), planes=planes)
    frame = plane_frame(GRID, annotation, planes)
    step = frame.geometry.spacing[2]
    first = frame.slices[0]
    placed = np.array([12.0 + (index - first) * step for index in frame.slices])
    np.testing.assert_allclose(placed, [12.0, 19.3, 23.4], atol=0.25 * 1.5)


def test_a_place_between_pixels_speaks_for_all_four() -> None:
    # .25 of a row and .5 of a column beyond pixel (0, 1); the second place is a pixel itself.
    image = _spread(np.array([[0.25, 1.5], [2.0, 0.0]]), np.array([8.0, 3.0]), (3, 3))
    np.testing.assert_allclose(image, [[0, 3, 3], [0, 1, 1], [3, 0, 0]])
