"""Problems in sentences; those of whole scans are tested with `inspect`."""

from __future__ import annotations

from fewslice.reporting.inspection.checks import grid_problems
from fewslice.reporting.inspection.scan_statistics import axis_facts
from fewslice.volumes import Geometry


def test_a_common_grid_is_no_problem() -> None:
    assert grid_problems(axis_facts(Geometry.from_spacing((512, 512, 90), (0.7, 0.7, 2.0)))) == ()
