"""Tables of pieces and single slices, from rows written by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.held_out import Structure
from benchmarks.pieces_and_one_slice import SOURCES, compared, measure

from fewslice.engines import Scan

COLUMNS = ["kind", "set", "structure", "slices", "engine", "Dice"]


def rows(dice: float) -> pd.DataFrame:
    names = ("interpolation", "random-walker", "auto")
    return pd.DataFrame(
        [
            ["pieces", "a", f"ribs ({case})", 3, name, dice + 0.1 * (case == "two")]
            for case in ("one", "two")
            for name in names
        ],
        columns=COLUMNS,
    )


def test_means_before_and_after_stand_side_by_side() -> None:
    by_kind, by_structure = compared(rows(0.5), rows(0.6)).split("\n\n")
    assert by_kind.splitlines()[-1] == (
        "| pieces | 3 | 2 | 0.550 | 0.650 | 0.550 | 0.650 | 0.550 | 0.650 |"
    )
    assert by_structure.splitlines()[-1].startswith("| pieces | a | ribs | 3 | 2 | 0.550 | 0.650 |")


def test_rows_hold_what_was_asked_for() -> None:
    """Two bars through all slices: three slices give them back, and seven would be too many."""
    mask = np.zeros((30, 30, 12), dtype=bool)
    mask[5:10, 5:10] = mask[20:25, 20:25] = True
    scan = Scan.from_spacing(mask[None].astype(np.float32), (1, 1, 1))
    structure = Structure("a", "bars", scan, mask, 2)
    found = measure("pieces", structure, (3, 7), ("interpolation",))
    assert found == [["pieces", "a", "bars", 3, "interpolation", pytest.approx(1.0, abs=0.05)]]


def test_nothing_of_the_evaluation_sets_is_measured() -> None:
    folders = {Path(source.folder).name for source in SOURCES}
    assert not [name for name in folders if name[7:10] in {"102", "103", "104"}]
