"""Which structures are so small that they may be slips, counted by hand."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.few_voxels import few_voxels, few_voxels_remarks

SHAPE = (10, 12, 8)


def test_structures_of_hardly_any_voxels_are_counted() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 1:6, 2] = 1  # five on one slice
    labels[4, 1:5, 2] = 2  # four
    labels[6, 1:4, 2], labels[6, 1:3, 5] = 3, 3  # three and two on another
    labels[8, 1, (2, 5)] = 4
    slices = ((2, 2), (2, 5))
    assert few_voxels(Annotation(labels, slices)) == {2: 4, 4: 2}


def test_voxels_where_planes_cross_count_once() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4, 3:7, 2] = 7  # four voxels, on both slices
    labels[4, 9, 2:7] = 8
    assert few_voxels(Annotation(labels, ((0, 4), (2, 2)))) == {7: 4}


def test_slips_of_the_hand_are_named() -> None:
    assert few_voxels_remarks({1: 900, 2: 5}) == ()
    one, two = few_voxels_remarks({1: 900, 2: 1, 3: 4})
    assert one == "Label 2 holds only 1 voxel; erase it if it was a slip of the hand."
    assert two.startswith("Label 3 holds only 4 voxels;")
    assert one.code == two.code == "few-voxels-in-all"
