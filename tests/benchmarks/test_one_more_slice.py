from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.held_out import Structure
from benchmarks.one_more_slice import dice, questions, table

from fewslice.engines import Scan


def structure(length: int) -> Structure:
    """Return a cube from voxel 2 on, so many voxels a side; people draw across axis 1."""
    mask = np.zeros((14, 14, 14), dtype=bool)
    mask[2 : 2 + length, 2 : 2 + length, 2 : 2 + length] = True
    scan = Scan.from_spacing(np.zeros((1, *mask.shape), dtype=np.float32), (1.0, 1.0, 1.0))
    return Structure("set", "cube", scan, mask, 1)


def test_middle_slices_come_first_and_one_a_quarter_in_last() -> None:
    two, three = questions(structure(10))  # slices 2 to 11: the sixth is 7, the third is 4
    assert two == (2, [(1, 7), (2, 7), (1, 4)])
    assert three == (3, [(1, 7), (2, 7), (0, 7), (2, 4)])
    assert not list(questions(structure(7)))


def test_dice_of_two_answers() -> None:
    one, other = np.zeros((2, 8), dtype=bool)
    one[:3], other[2:3] = True, True
    assert dice(one, other) == 0.5


def test_the_table_has_the_means_and_the_worst_loss() -> None:
    rows = [
        ["set", name, 2, answer, value, 1.0, 2.0]
        for name, values in (("a", (0.5, 0.75, 0.5)), ("b", (0.5, 0.5, 0.75)))
        for answer, value in zip(("fresh", "all planes", "kept"), values, strict=True)
    ]
    columns = ["set", "name", "planes", "answer", "dice", "as fresh", "seconds"]
    lines = table(pd.DataFrame(rows, columns=columns)).splitlines()
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[:7] == ["set", "2", "2", "0.500", "0.625", "0.625", "-0.250"]
    assert cells[-1] == "2.00"
