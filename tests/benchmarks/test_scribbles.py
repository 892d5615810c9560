"""The benchmark of scribbles, on made-up data."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewslice.io import write_labels
from fewslice.volumes import LabelMap
from tests.support.datasets import GEOMETRY, labels_of, write_dataset

scribbles = import_module("benchmarks.scribbles")


@pytest.mark.slow
def test_both_ways_are_measured(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data")
    (folder / "scribblesTs").mkdir()
    for number, name in enumerate("ab"):
        partial = np.full_like(labels_of(number), 255)
        partial[::2, ::2] = labels_of(number)[::2, ::2]
        write_labels(folder / "scribblesTs" / f"{name}.nii.gz", LabelMap(partial, GEOMETRY))
    found = scribbles.measure(folder, ("interpolation", "random-walker"), 2, 3)
    assert len(found) == 4
    assert (found["drawn"] > 0.8).all()
    assert (found["scribbled"] > 0.6).all()
    assert (found["scribbled"] != found["drawn"]).all()


def test_the_table_holds_means_and_their_ratio() -> None:
    found = pd.DataFrame(
        [("a", "x", 0.8, 0.7), ("b", "x", 0.6, 0.6)],
        columns=["case", "engine", "drawn", "scribbled"],
    )
    lines = scribbles.table(found, ("x",)).splitlines()
    assert lines[2] == "| x | 2 | 0.700 | 0.650 | 92.9 % |"
