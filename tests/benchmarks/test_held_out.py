"""What is held out, and the tables, on results small enough to work out by hand."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from fewslice.engines import ENGINES
from fewslice.pretraining.tasks.sources import ScanSource

displaced = import_module("benchmarks.displaced")
held_out = import_module("benchmarks.held_out")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with four scans; label 5 is not outlined in the third."""
    folder = tmp_path / "Tiny"
    rng = np.random.default_rng(0)
    for kind in ("imagesTr", "labelsTr"):
        (folder / kind).mkdir(parents=True)
    labels = {"background": 0, "rod": 4, "plate": 5, "ball": 10}
    described = {"labels": labels, "annotated": {"scan2": ["rod", "ball"]}}
    (folder / "dataset.json").write_text(json.dumps(described))
    values = np.zeros((12, 14, 10), np.uint8)
    for number, value in enumerate((4, 5, 10)):
        values[2:9, 4 * number : 4 * number + 3, 1:9] = value
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    for at in range(4):
        image = values * 20.0 + rng.normal(size=values.shape)
        nib.save(
            nib.Nifti1Image(image.astype(np.float32), affine),
            folder / f"imagesTr/scan{at}_0000.nii.gz",
        )
        nib.save(nib.Nifti1Image(values, affine), folder / f"labelsTr/scan{at}.nii.gz")
    return tmp_path


def names(source: ScanSource, data: Path, scans: int = 9, most: int = 9) -> list[str]:
    return sorted(one.name for one in held_out._of_source(source, data, scans, most))


def test_every_so_many_scans_and_labels_are_taken(data: Path) -> None:
    scans = ScanSource("tiny", "Tiny", tasks=1, every_scan=2)
    # The plate of the third scan was not outlined.
    assert names(scans, data) == ["scan0 10", "scan0 4", "scan0 5", "scan2 10", "scan2 4"]
    assert len(names(scans, data, scans=1, most=2)) == 2
    labels = ScanSource("tiny", "Tiny", tasks=1, every_label=5)
    assert names(labels, data) == [
        "scan0 10", "scan0 5", "scan1 10", "scan1 5", "scan2 10", "scan3 10", "scan3 5",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_mixture_of_one_engine_is_that_engine(data: Path) -> None:
    source = ScanSource("tiny", "Tiny", tasks=1, every_scan=4)
    one = next(iter(held_out._of_source(source, data, 1, 1)))
    assert one.axis == 2
    rows = held_out.measure(one, None, [1, 3, 5])
    assert {row[2] for row in rows} == {1, 3}  # with five of eight slices little would be left
    score = {tuple(row[2:5]): row[5] for row in rows}
    assert all(0.9 < dice <= 1 for (count, *_), dice in score.items() if count == 3)
    # Averaged on the working grid, a mixture is what the engine of that name does.
    assert score[3, "0 0 10", "0 0 10"] == score[3, "network", "alone"]
    assert score[3, "2 3 5", "2 3 5"] == score[3, "auto", "alone"]
    annotation = displaced.drawn(one.mask, one.axis, 3)
    walked = ENGINES["random-walker"].prepare(one.scan).predict(annotation)
    dice = displaced.dice(walked, one.mask, annotation)
    assert score[3, "random-walker", "alone"] == pytest.approx(dice, abs=1e-3)
    partly = held_out.measure_partly(one, None, 0)
    assert {(row[2], row[3]) for row in partly} == {
        (way, engine) for way in ("scribbles", "dots") for engine in ("random-walker", "network")
    }
    assert all(0.5 < row[4] <= 1 for row in partly)


def test_tables_hold_means_of_sets_and_of_mixtures() -> None:
    found = pd.DataFrame(
        [
            [of, name, 3, engine, "0 10 0" if engine == "0 10 0" else "alone", dice]
            for of, name, plus in (("a", "x", 0.0), ("a", "y", 0.2), ("made-up fluid", "0", -0.1))
            for engine, dice in (
                ("auto", 0.75), ("interpolation", 0.5), ("random-walker", 0.625), ("network", 0.7),
                ("0 10 0", 0.625),
            )
            for dice in (dice + plus,)
        ],
        columns=["set", "name", "slices", "inside", "beyond", "dice"],
    )  # fmt: skip
    assert held_out.by_set(found).splitlines()[2:] == [
        "| a | 3 | 2 | 0.600 | 0.725 | 0.800 | 0.850 |",
        "| made-up fluid | 3 | 1 | 0.400 | 0.525 | 0.600 | 0.650 |",
    ]
    # Each set counts once, however many structures it has: (0.850 + 0.650) / 2.
    assert held_out.over_sets(found, {"a"}).splitlines()[2:] == [
        "| all | 3 | 2 | 0.5000 | 0.6250 | 0.7000 | 0.7500 |",
        "| left out of training | 3 | 1 | 0.6000 | 0.7250 | 0.8000 | 0.8500 |",
    ]
    rows = held_out.compared(found)
    assert list(rows) == ["set", "case", "structure", "slices", "engine", "dice"]
    assert rows["engine"].tolist() == ["auto", "interpolation", "random-walker", "network"] * 3
    lines = held_out.by_mixture(found).splitlines()
    assert lines[0] == "| between | beyond | scans, 3 | made-up, 3 |"
    assert "| 0 10 0 | 0 10 0 | 0.7250 | 0.5250 |" in lines


def test_ways_of_annotating_are_averaged() -> None:
    found = pd.DataFrame(
        [["a", "x", "dots", "network", 0.5], ["a", "y", "dots", "network", 0.75]],
        columns=["set", "name", "way", "engine", "dice"],
    )
    assert held_out.by_way(found).splitlines()[2:] == ["| dots | network | 2 | 0.625 |"]
