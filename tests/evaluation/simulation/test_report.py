import json
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from fewslice.errors import WriteError
from fewslice.evaluation.simulation.report import PLOTS, TABLES, write_report, written_files
from fewslice.evaluation.simulation.study import COLUMNS
from fewslice.evaluation.simulation.text import text_table
from tests.support.simulated_points import run, table

pytestmark = pytest.mark.slow

IDENTITY: dict[str, Any] = {
    "question": "volume",
    "strategies": ["default", "strided"],
    "budget": 3.0,
    "dataset": "Tiny",
}


def points() -> pd.DataFrame:
    quality = [0.7, 0.93, None]
    return table(
        *[
            run(f"{case}/liver", "strided", [1, 2, 3], [0.5, 0.7, value])
            for case, value in (("a", 0.86), ("b", 0.88))
        ],
        *[
            run(
                f"{case}/liver",
                "default",
                [1, 1.1, 2.1],
                [0.5, 0.82, value],
                predicted=quality,
                predicted_low=quality,
            )
            for case, value in (("a", 0.85), ("b", 0.91))
        ],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "new" / "out"
    failed = {"c/liver/strided/0": "It cannot be read."}
    write_report(output, points(), {**IDENTITY, "failed": failed})
    return output


def test_everything_is_written_and_nothing_else(folder: Path) -> None:
    expected = {"summary.json", *TABLES, *PLOTS}
    assert {path.name for path in folder.iterdir()} == expected
    assert {path.name for path in written_files(folder)} == expected


def test_points_are_as_they_were(folder: Path) -> None:
    found = pd.read_csv(folder / "points.csv")
    assert list(found.columns) == list(COLUMNS)
    assert len(found) == 12
    assert found["predicted"].isna().sum() == 8


def test_the_summary_has_the_numbers(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["settings"] == IDENTITY
    assert (summary["tasks"], summary["seeds"], summary["budget"]) == (2, 1, 3)
    default, strided = summary["strategies"]
    assert (default["strategy"], default["runs"]) == ("default", 2)
    assert default["final_dice"] == pytest.approx(0.88)
    assert (default["final_dice_low"], default["final_dice_high"]) == pytest.approx((0.85, 0.91))
    assert strided["area_slices"] == pytest.approx((0.6 + 0.78 + 0.6 + 0.79) / 4)
    # The last 0.02 at 3 slices are not significant with two structures; 0.12 at 2 slices are.
    assert summary["penalty"]["loses_against"]["strided"] == pytest.approx(
        {"default": 1 / 3, "strided": 0}, abs=1e-6
    )
    assert {row["strategy"] for row in summary["comparisons"]} == {"default"}
    assert summary["calibration"][0]["points"] == 4
    assert summary["efficiency"]["full_dice"] == 1
    assert summary["failed"] == {"c/liver/strided/0": "It cannot be read."}


def test_tables_agree_with_the_summary(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    reach = pd.read_csv(folder / "reach.csv")
    assert reach.replace({np.nan: None}).to_dict("records") == summary["reach"]
    comparisons = pd.read_csv(folder / "comparisons.csv")
    assert len(comparisons) == 2 * len(summary["comparisons"]) == 2 * (2 + 9)
    penalty = pd.read_csv(folder / "penalty.csv")
    assert list(penalty.columns) == ["loses", "default", "strided", "mean"]
    assert penalty["default"].tolist() == pytest.approx([0, 1 / 3], abs=1e-6)
    assert set(pd.read_csv(folder / "curves.csv")["strategy"]) == {"default", "strided"}


def test_the_text_says_what_is_saved(folder: Path) -> None:
    lines = text_table(json.loads((folder / "summary.json").read_text())).splitlines()
    assert lines[0] == "Finish this volume, Tiny: 2 tasks, 1 seed, up to 3 slices"
    cells = ["1.1", "(2/2)", "2.1", "(2/2)", "2.5", "(1/2)"]
    # To 0.90: b needs 2.1, a never gets there and counts 3. The area is half the mean of
    # 0.066 + 0.835 + 0.765 and 0.066 + 0.865 + 0.819.
    assert lines[2].split() == ["default", "0.854", "0.880", *cells]
    assert lines[-1].startswith("default needs 30% fewer slices than strided to reach 0.85 (2 runs")


def test_plots_are_pictures(folder: Path) -> None:
    for name in PLOTS:
        picture = matplotlib.image.imread(folder / name)
        assert picture.std() > 0.05


def test_the_same_points_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = points().sample(frac=1, random_state=0)
    write_report(tmp_path, again, json.loads((folder / "summary.json").read_text())["settings"])
    for path in written_files(folder)[1:]:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("undrawn_figures")
def test_one_strategy_without_predictions_on_one_scan(tmp_path: Path) -> None:
    summary = write_report(tmp_path, table(run("a/b", "random", [1], [0.4])), {"budget": 5})
    assert summary["strategies"][0]["final_dice_low"] is None
    names = {path.name for path in written_files(tmp_path)}
    assert {"calibration.csv", "calibration.png", "penalty.png"} & names == set()
    assert "random" in text_table(summary)


@pytest.mark.usefixtures("undrawn_figures")
def test_files_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    write_report(tmp_path, points(), IDENTITY)
    write_report(tmp_path, table(run("a/b", "random", [1], [0.4])), {"budget": 5})
    assert not (tmp_path / "calibration.csv").exists()
    assert not (tmp_path / "penalty.png").exists()


@pytest.mark.usefixtures("undrawn_figures")
def test_a_pool_is_reported(tmp_path: Path) -> None:
    rounds = table(
        *[
            run("Tiny", name, [4, 8], [0.5, dice], seed=seed, foreground=[100, 300])
            for name, dice in (("default", 0.8), ("random", 0.7))
            for seed in range(3)
        ]
    )
    summary = write_report(tmp_path, rounds, {"question": "pool", "full_dice": 0.9})
    assert summary["penalty"]["budgets"] == [4, 8]
    assert summary["penalty"]["loses_against"]["random"]["default"] == 0.5
    assert summary["efficiency"]["foreground"].endswith("(300 voxels)")
    assert text_table(summary).startswith("Train the next model: 1 task, 3 seeds, up to 8 slices")


@pytest.mark.usefixtures("undrawn_figures")
def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot be written"):
        write_report(tmp_path / "file" / "out", points(), IDENTITY)
