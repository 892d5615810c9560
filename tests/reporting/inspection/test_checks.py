"""Problems in sentences; those of whole scans are tested with `inspect`."""

from __future__ import annotations

from fewslice.reporting.inspection.checks import grid_problems, small_label_problems
from fewslice.reporting.inspection.scan_statistics import axis_facts
from fewslice.volumes import Geometry


def test_a_common_grid_is_no_problem() -> None:
    assert grid_problems(axis_facts(Geometry.from_spacing((512, 512, 90), (0.7, 0.7, 2.0)))) == ()


def test_slips_of_the_hand_are_named() -> None:
    assert small_label_problems({1: 900, 2: 5}) == ()
    one, two = small_label_problems({1: 900, 2: 1, 3: 4})
    assert one.startswith("Label 2 holds only 1 voxel;")
    assert two.startswith("Label 3 holds only 4 voxels;")
