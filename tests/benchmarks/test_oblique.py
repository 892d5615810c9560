"""Simulated outlines in tilted planes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.oblique import Structure, in_planes, summary, taken_for_planes

from fewslice.volumes import Image
from fewslice.volumes.geometry import Geometry


def block() -> Structure:
    """Return a block of 10 x 6 x 7 voxels of 1 x 1 x 2 mm in a larger scan."""
    mask = np.zeros((16, 12, 13), dtype=bool)
    mask[3:13, 3:9, 3:10] = True
    geometry = Geometry.from_spacing(mask.shape, (1.0, 1.0, 2.0))
    return Structure("made up", "block", Image(np.zeros(mask.shape, np.float32), geometry), mask)


def test_without_a_tilt_the_middle_slice_is_drawn() -> None:
    structure = block()
    drawn, middles = in_planes(structure, 2, 0.0, 1, 0.0)
    assert middles == [6]
    np.testing.assert_array_equal(drawn[:, :, 6], structure.mask[:, :, 6])
    assert drawn.sum() == 60


def test_a_tilted_plane_takes_the_nearest_voxel_of_each_column() -> None:
    # .36 mm in a row of 1 mm are .18 slices of 2 mm, from slice 6 at row 7.5: .63 at rows 4, 11.
    drawn, middles = in_planes(block(), 2, float(np.degrees(np.arctan(0.36))), 1, 0.0)
    assert drawn.sum() == 60
    assert [int(np.argwhere(drawn[i, 5])[0, 0]) for i in (4, 5, 10, 11)] == [7, 6, 6, 5]
    assert middles == [6]


def test_several_planes_lie_in_the_middles_of_equal_parts() -> None:
    drawn, middles = in_planes(block(), 2, 0.0, 3, 0.0)  # slices 3 to 9
    assert middles == [4, 6, 8]
    assert drawn.sum() == 180


def test_slices_in_full_are_not_taken_for_planes() -> None:
    taken, total = taken_for_planes(block())
    assert taken == 0
    assert total > 30


def test_the_summary_counts_what_was_recognised() -> None:
    columns = ["set", "degrees", "found", "told", "silent", "as found", "as slices", "slices"]
    rows = [["x", 3, 2, True, False, 0.9, 0.5, 1.0], ["x", 3, 0, True, False, 0.7, 0.7, 0.8]]
    rows += [["x", 3, 0, False, True, 0.5, 0.6, 0.6]]
    last = summary(pd.DataFrame(rows, columns=columns)).splitlines()[-1]
    assert last == "| x | 3 | 3 | 1 | 1 | 1 | 0.700 | 0.600 | 0.800 |"
