import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.seeds import seeds_on_grid
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid


def test_labels_become_class_numbers_and_unknown_stays_unknown() -> None:
    labels = np.zeros((4, 4, 3), dtype=np.uint16)
    labels[0, :, 1] = 300
    labels[1, :, 1] = 7
    labels[2, :, 1] = 255
    region = Region((0, 0, 0), (4, 4, 3))
    seeds = seeds_on_grid(
        Annotation(labels, ((2, 1),)), WorkingGrid(region, region.shape, (1.0, 1.0, 1.0))
    )
    np.testing.assert_array_equal(seeds[:, 0, 1], [2, 1, -1, 0])
    assert (seeds[:, :, [0, 2]] == -1).all()


def test_a_slice_across_a_resampled_axis_lands_where_it_lies() -> None:
    labels = np.zeros((12, 6, 4), dtype=np.uint8)
    labels[7] = 1
    region = Region((0, 0, 0), (12, 6, 4))
    grid = WorkingGrid(region, (4, 6, 4), (1.0, 1.0, 1.0))
    seeds = seeds_on_grid(Annotation(labels, ((0, 7),)), grid)
    assert (seeds[2] == 1).all()  # voxels 6, 7 and 8 are the third of four
    assert (seeds[[0, 1, 3]] == -1).all()


def test_a_slice_outside_of_the_region_is_left_out() -> None:
    labels = np.zeros((6, 6, 6), dtype=np.uint8)
    labels[:, :, 5] = 1
    region = Region((0, 0, 0), (6, 6, 4))
    grid = WorkingGrid(region, region.shape, (1.0, 1.0, 1.0))
    assert (seeds_on_grid(Annotation(labels, ((2, 5),)), grid) == -1).all()
