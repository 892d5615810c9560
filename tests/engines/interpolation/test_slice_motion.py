"""Motion from slice to slice: a rod that runs obliquely, planes, windows, and what is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.interpolation.slice_motion import SliceMotion, find_motions
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.memo import Memo
from fewslice.volumes.region import Region

SHAPE = (40, 44, 9)
SPACING = (1.0, 1.0, 3.0)


def rod() -> npt.NDArray[np.float32]:
    """Return a bright rod that moves by two rows and back by one column from slice to slice."""
    rows, columns, slices = np.ogrid[:40, :44, :9]
    square = (rows - 12 - 2 * slices) ** 2 + (columns - 26 + slices) ** 2
    return np.asarray(np.exp(-square / 40.0), dtype=np.float32)


def scan_of(image: npt.NDArray[np.float32], axis: int = 2) -> Scan:
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 3.0
    return Scan.from_spacing(image[None], spacing)


def drawn(*slices: int) -> Annotation:
    """Return the rod, drawn on some slices."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for at in slices:
        labels[..., at] = rod()[..., at] > 0.5
    return Annotation(labels, tuple((2, at) for at in slices))


def motion_of(scan: Scan, annotation: Annotation, region: Region | None = None) -> SliceMotion:
    box = region or Region((0, 0, 0), scan.shape)
    (found,) = find_motions(scan, box, slice_shapes(annotation, box, scan.spacing))
    return found


def towards(motion: SliceMotion, drawn_at: int, at: int) -> npt.NDArray[np.float64]:
    """Return by how many voxels the middle of the rod lies elsewhere on a drawn slice."""
    path = motion.path(drawn_at, at)
    grid = motion.grid
    middle = (12 + 2 * at, 26 - at)
    place = [
        int(np.abs(grid.centres(axis) - voxel).argmin())
        for axis, voxel in zip((0, 1), middle, strict=True)
    ]
    steps = np.array([grid.spacing[0], grid.spacing[1]])
    return np.asarray(path[:, place[0], place[1]] * steps, dtype=np.float64)


def test_paths_are_strung_together_from_a_drawn_slice_to_either_side() -> None:
    motion = motion_of(scan_of(rod()), drawn(4))
    assert motion.paths.shape[:2] == (1, 9)
    assert not motion.path(4, 4).any()
    for at in (1, 3, 6, 7):
        np.testing.assert_allclose(towards(motion, 4, at), (2 * (4 - at), at - 4), atol=0.6)


def test_each_drawn_slice_has_paths_to_all_others() -> None:
    motion = motion_of(scan_of(rod()), drawn(1, 7))
    assert motion.drawn == (1, 7)
    np.testing.assert_allclose(towards(motion, 1, 4), (-6, 3), atol=0.7)
    np.testing.assert_allclose(towards(motion, 7, 4), (6, -3), atol=0.7)
    assert motion.path(1, 3.6) is not None
    np.testing.assert_array_equal(motion.path(1, 3.6), motion.path(1, 4))


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1), (2, 1, 0)])
def test_planes_are_found_along_any_array_axis(order: tuple[int, int, int]) -> None:
    axis = order.index(2)
    labels = np.ascontiguousarray(drawn(4).labels.transpose(order))
    turned = motion_of(
        scan_of(rod().transpose(order).copy(), axis), Annotation(labels, ((axis, 4),))
    )
    straight = motion_of(scan_of(rod()), drawn(4))
    assert turned.plane == axis
    rows, columns = (order[other] for other in inplane_axes(axis))
    expected = straight.paths if rows < columns else straight.paths[:, :, ::-1].swapaxes(3, 4)
    np.testing.assert_allclose(turned.paths, expected, atol=0.02)


def test_of_several_planes_each_has_its_own() -> None:
    labels = drawn(4).labels.copy()
    labels[20] = rod()[20] > 0.5
    annotation = Annotation(labels, ((2, 4), (0, 20)))
    scan = scan_of(rod())
    box = Region((0, 0, 0), SHAPE)
    across_rows, across_slices = find_motions(scan, box, slice_shapes(annotation, box, SPACING))
    assert (across_rows.plane, across_rows.drawn) == (0, (20,))
    assert (across_slices.plane, across_slices.drawn) == (2, (4,))


def test_slices_without_a_structure_are_not_carried_from() -> None:
    annotation = replace(drawn(4), slices=((2, 0), (2, 4)))
    assert motion_of(scan_of(rod()), annotation).drawn == (4,)


def test_windows_change_in_steps_so_that_what_is_kept_serves_again() -> None:
    scan = scan_of(rod())
    scan = replace(scan, memo=Memo(scan.channels))
    first = motion_of(scan, drawn(3), Region((9, 9, 1), (33, 35, 6)))
    assert scan.memo is not None
    kept = scan.memo.nbytes
    assert kept > 0
    assert first.grid.region == Region((8, 8, 0), (34, 36, 9))
    again = motion_of(scan, drawn(3, 5), Region((8, 9, 0), (34, 36, 8)))
    assert again.grid == first.grid
    assert scan.memo.nbytes == kept
    alone = motion_of(scan_of(rod()), drawn(3, 5), Region((8, 9, 0), (34, 36, 8)))
    np.testing.assert_array_equal(again.paths, alone.paths)


@pytest.mark.parametrize("size", [(44, 40, 40), (45, 41, 22), (37, 29, 7)])
def test_what_was_asked_before_does_not_change_a_bit(size: tuple[int, int, int]) -> None:
    """Products of matrices differ in their last bits with the place of each in a batch."""
    noise = np.random.default_rng(0).random(size).astype(np.float32)
    labels = np.ones(size, dtype=np.uint8)
    box = Region((0, 0, 0), size)

    def found(scan: Scan, *slices: int) -> npt.NDArray[np.float32]:
        return motion_of(scan, Annotation(labels, tuple((2, at) for at in slices)), box).paths

    fresh = scan_of(noise)
    asked = replace(fresh, memo=Memo(fresh.channels))
    found(asked, 3)
    found(asked, 2, 5)
    np.testing.assert_array_equal(found(asked, 1, 4, 6), found(fresh, 1, 4, 6))


def test_large_windows_are_looked_at_more_coarsely() -> None:
    rng = np.random.default_rng(0)
    image = rng.random((300, 200, 3)).astype(np.float32)
    labels = np.zeros(image.shape, dtype=np.uint8)
    labels[20:280, 20:180, 1] = 1
    grid = motion_of(scan_of(image), Annotation(labels, ((2, 1),))).grid
    assert grid.shape[0] * grid.shape[1] <= 5000
    assert grid.shape[2] == 3
