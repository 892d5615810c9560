"""The comparison with baselines, on made-up data."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import ENGINES, Scan
from tests.support.datasets import write_dataset

comparison = import_module("benchmarks.comparison")
baselines = import_module("benchmarks.baselines")


def test_what_is_in_the_work_file_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "data")
    monkeypatch.setattr(comparison, "SETS", {"x": ("data", "axial")})
    asked = list(comparison.questions(tmp_path, 2, (3,)))
    assert [each.structure.name for each in asked] == ["ball", "rod"]
    row = comparison.answered(asked[1], "interpolation", None)
    assert row[:5] == ("x", "b", "rod", "3", "interpolation")
    assert float(row[5]) > 0.8
    work = tmp_path / "work.csv"
    for part in (comparison.COLUMNS, row, comparison.answered(asked[0], "interpolation", None)):
        comparison.append(work, part)
    found = comparison.measure(asked, ("interpolation",), work, 1, None)
    assert len(found) == 2


def test_baselines_are_no_engines_that_people_can_name() -> None:
    there = comparison.baselines(None)
    assert there["auto 30 s"].finetuning.seconds == 30
    assert not set(there) & set(ENGINES)


def test_the_table_is_over_tasks_that_all_engines_have() -> None:
    found = pd.DataFrame(
        [
            ("x", "a", "rod", 3, "one", 0.5, 0.5, 1.0),
            ("x", "a", "rod", 3, "two", 0.7, 0.7, 3.0),
            ("x", "b", "rod", 3, "one", 0.9, 0.9, 5.0),
        ],
        columns=comparison.COLUMNS,
    )
    assert comparison.table(found, ("one", "two")).splitlines()[2:] == [
        "| x | 3 | 1 | 0.500 | 0.700 |",
        "| **all** | | 1 | 0.500 | 0.700 |",
        "| **seconds**, median | | | 1.0 | 3.0 |",
    ]


@pytest.mark.slow
def test_the_u_net_learns_a_bright_disc() -> None:
    rows, columns = np.ogrid[:40, :36]
    disc = (rows - 20) ** 2 + (columns - 18) ** 2 < 80
    image = np.random.default_rng(0).normal(scale=0.2, size=(1, 40, 36, 7)).astype(np.float32)
    image[0][disc] += 1
    labels = np.zeros((40, 36, 7), dtype=np.uint8)
    labels[disc, 1] = labels[disc, 5] = 3
    engine = baselines.UNet(seconds=300.0, steps=40)
    found = engine.prepare(Scan.from_spacing(image, (1, 1, 1))).predict(
        Annotation(labels, ((2, 1), (2, 5)))
    )
    assert found.values == (0, 3)
    answer = found.probability[1] > 0.5
    truth = np.repeat(disc[..., None], 7, axis=2)[found.region.slices]
    shared = np.count_nonzero(answer & truth)
    assert 2 * shared / (answer.sum() + truth.sum()) > 0.7
