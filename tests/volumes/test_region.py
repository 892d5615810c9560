import numpy as np

from fewslice.volumes.region import Region, bounding_region, margins_in_voxels


def test_the_box_is_tight_and_grows_within_the_volume() -> None:
    mask = np.zeros((10, 12, 14), dtype=bool)
    mask[2, 5, 7] = mask[4, 5, 13] = True
    box = bounding_region(mask)
    assert box == Region((2, 5, 7), (5, 6, 14))
    assert box.shape == (3, 1, 7)
    assert box.grown((1, 2, 3), mask.shape) == Region((1, 3, 4), (6, 8, 14))
    assert mask[box.slices].sum() == 2


def test_margins_are_rounded_up_in_voxels_and_never_zero() -> None:
    assert margins_in_voxels((0.0, 4.1, 10.0), (1.0, 2.0, 5.0)) == (1, 3, 2)


def test_a_box_moves_along_all_axes() -> None:
    assert Region((2, 5, 7), (5, 6, 14)).moved((1, -2, 0)) == Region((3, 3, 7), (6, 4, 14))


def test_a_region_reaches_as_far_as_asked() -> None:
    box = Region((1, 2, 3), (4, 5, 6))
    assert box.reaching(2, 1, 8) == Region((1, 2, 1), (4, 5, 9))
    assert box.reaching(0, 2) == box
