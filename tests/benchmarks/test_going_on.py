from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.going_on import measure, places_of, table
from benchmarks.held_out import Structure

from fewslice.engines import Scan
from tests.support.phantoms import two_organs


def test_slices_lie_at_parts_of_the_extent_each_once() -> None:
    mask = np.zeros((4, 14, 4), dtype=bool)
    mask[1, 2:13, 1] = True  # slices 2 to 12
    assert places_of(mask, 1, (0.5, 0.1, 0.52, 1.0)) == [(1, 7), (1, 3), (1, 12)]


def test_the_first_slices_are_answered_as_afresh() -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    rows = measure(Structure("set", "organ", scan, phantom.truth == 1, 2), "interpolation")
    found = pd.DataFrame(rows)
    assert found[3].tolist() == [1, 2, 3, 4, 5] * 2
    first = found[found[3] <= 3]
    assert first[4].tolist() == first[5].tolist()
    assert (found[found[3] > 1][4] > 0.6).all()


def test_structures_on_few_slices_are_left_out() -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    few = phantom.truth == 1
    few[:, :, 8:] = False
    assert measure(Structure("set", "organ", scan, few, 2), "interpolation") == []


def test_means_and_the_worst_by_order_and_number() -> None:
    columns = ["set", "name", "order", "slices", "going on", "fresh", "s", "fresh s"]
    rows = [["a", "x", "up", 4, 0.75, 0.5, 1.0, 2.0], ["a", "y", "up", 4, 0.5, 0.75, 2.0, 4.0]]
    lines = table(pd.DataFrame(rows, columns=columns)).splitlines()
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == ["up", "4", "2", "0.625", "0.625", "-0.250", "1.50", "3.00"]
