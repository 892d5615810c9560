import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fewslice.errors import InputError, WriteError
from fewslice.evaluation import cases, run
from fewslice.evaluation.dataset import CaseFiles
from fewslice.evaluation.run import evaluate
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.summary import text_table
from fewslice.evaluation.task import evaluate_case
from tests.support.datasets import write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures", "little_garbage")]

SETTINGS = Settings(engines=("interpolation",), slices=(1, 3))
TABLES = ("scores.csv", "distances.csv", "cases.csv")


def rows(output: Path, name: str) -> list[dict[str, str]]:
    with (output / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def numbers(output: Path) -> list[list[tuple[str, ...]]]:
    """Everything in the tables but times and memory, in no particular order."""
    left_out = {"seconds", "peak_memory_mb"}
    return [
        sorted(
            tuple(value for key, value in row.items() if key not in left_out)
            for row in rows(output, name)
        )
        for name in TABLES
    ]


@pytest.fixture
def unplotted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, to save time."""
    from fewslice.evaluation import plots

    monkeypatch.setattr(plots, "write_plots", lambda *_: None)


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch, unplotted: None) -> list[str]:
    """The names of the cases that were evaluated, in this process, as they are."""
    seen: list[str] = []

    def counted(case: CaseFiles, *rest: Any) -> Any:
        seen.append(case.name)
        return evaluate_case(case, *rest)

    monkeypatch.setattr(cases, "evaluate_case", counted)
    return seen


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "Tiny", ("a", "b", "c"))


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of an evaluation in this process."""
    output = tmp_path_factory.mktemp("results") / "done"
    evaluate(tiny, output, SETTINGS, jobs=1)
    return output


def copy(done: Path, output: Path) -> Path:
    output.mkdir()
    for name in (*TABLES, "settings.json"):
        (output / name).write_bytes((done / name).read_bytes())
    return output


def test_everything_is_written(done: Path) -> None:
    assert {path.name for path in done.iterdir()} == {
        *TABLES,
        *("settings.json", "summary.json", "dice.png", "distance.png", "cost.png"),
    }
    assert [path.name for path in run.written_files(done)] == [
        *("scores.csv", "distances.csv", "cases.csv", "summary.json"),
        *("cost.png", "dice.png", "distance.png"),
    ]
    assert len(rows(done, "scores.csv")) == 3 * 2 * 2
    assert all((done / name).read_bytes()[:4] == b"\x89PNG" for name in ("dice.png", "cost.png"))


def test_the_means_of_the_summary_are_those_of_the_table(done: Path) -> None:
    summary = json.loads((done / "summary.json").read_text())
    table = rows(done, "scores.csv")
    for record in summary["means"]:
        keys = ("structure", "engine", "slices")
        mine = [row for row in table if all(row[key] == str(record[key]) for key in keys)]
        assert len(mine) == record["tasks"] == 3
        for measure in ("dice", "hd95", "surface_dice", "beyond_ends", "seconds", "drawn"):
            mean = sum(float(row[measure]) for row in mine) / len(mine)
            assert record[measure] == pytest.approx(mean, abs=1e-6)
    assert len(summary["means"]) == 4
    for record in summary["overall"]:
        mine = [row for row in table if row["slices"] == str(record["slices"])]
        assert record["tasks"] == 6
        assert record["dice"] == pytest.approx(sum(float(r["dice"]) for r in mine) / 6, abs=1e-6)
    assert summary["dataset"] == {"name": "Tiny", "part": "Ts", "cases": 3}
    assert set(summary["versions"]) == {"fewslice", "python", "numpy", "scipy"}
    assert set(summary["tasks_skipped"].values()) == {0}
    assert summary["failed"] == {}
    assert summary["settings"]["slices"] == [1, 3]


def test_the_text_table_shows_the_overall_means(done: Path) -> None:
    summary = json.loads((done / "summary.json").read_text())
    title, head, interpolation, tasks = text_table(summary).splitlines()
    assert title.endswith("Tiny, cases: 3")
    assert head.split() == ["engine", "1", "slice", "3", "slices"]
    expected = [f"{record['dice']:.3f}" for record in summary["overall"]]
    assert interpolation.split() == ["interpolation", *expected]
    assert tasks.split() == ["tasks", "6", "6"]


@pytest.mark.usefixtures("unplotted")
def test_two_processes_give_the_same_numbers(done: Path, tiny: Path, tmp_path: Path) -> None:
    shown: list[tuple[float, int]] = []
    evaluate(
        tiny,
        tmp_path / "two",
        SETTINGS,
        jobs=2,
        progress=lambda finished, total: shown.append((finished, total)),
    )
    assert numbers(tmp_path / "two") == numbers(done)
    assert shown == [(0, 3), (1, 3), (2, 3), (3, 3)]
    mine, other = (
        json.loads((each / "summary.json").read_text()) for each in (done, tmp_path / "two")
    )
    for record in mine["means"] + other["means"] + mine["overall"] + other["overall"]:
        del record["seconds"], record["peak_memory_mb"]
    assert mine == other


def test_nothing_is_evaluated_twice(
    done: Path, tiny: Path, tmp_path: Path, evaluated: list[str]
) -> None:
    output = copy(done, tmp_path / "again")
    shown: list[tuple[float, int]] = []
    evaluate(tiny, output, SETTINGS, jobs=1, progress=lambda *where: shown.append(where))
    assert evaluated == []
    assert shown == [(3, 3)]
    assert numbers(output) == numbers(done)


@pytest.mark.parametrize("name", TABLES)
def test_a_run_goes_on_after_a_kill(
    done: Path, tiny: Path, tmp_path: Path, evaluated: list[str], name: str
) -> None:
    output = copy(done, tmp_path / "killed")
    text = (output / name).read_bytes()
    (output / name).write_bytes(text[:-7])  # in the middle of the last line
    evaluate(tiny, output, SETTINGS, jobs=1)
    assert evaluated == ["c"]
    assert numbers(output) == numbers(done)


def test_a_kill_between_two_tables_leaves_no_row_behind(
    done: Path, tiny: Path, tmp_path: Path, evaluated: list[str]
) -> None:
    output = copy(done, tmp_path / "killed")
    for name in ("distances.csv", "cases.csv"):
        lines = (output / name).read_text().splitlines(keepends=True)
        (output / name).write_text("".join(line for line in lines if not line.startswith("c,")))
    evaluate(tiny, output, SETTINGS, jobs=1)
    assert evaluated == ["c"]
    assert numbers(output) == numbers(done)


def test_more_cases_can_be_added_later(tiny: Path, tmp_path: Path, evaluated: list[str]) -> None:
    evaluate(tiny, tmp_path, SETTINGS, most_cases=1, jobs=1)
    summary = evaluate(tiny, tmp_path, SETTINGS, most_cases=2, jobs=1)
    assert evaluated == ["a", "b"]
    assert summary["dataset"]["cases"] == 2


def test_other_settings_are_refused(done: Path, tiny: Path) -> None:
    before = (done / "scores.csv").read_bytes()
    other = Settings(engines=("interpolation",), slices=(1, 5))
    with pytest.raises(InputError, match=r"slices: \[1, 3\] there, \[1, 5\] now.*another folder"):
        evaluate(tiny, done, other, jobs=1)
    assert (done / "scores.csv").read_bytes() == before


def test_a_folder_with_something_else_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match=r"not empty.*choose a new folder"):
        evaluate(tiny, tmp_path, SETTINGS, jobs=1)
    with pytest.raises(WriteError, match=r"thesis\.txt cannot be written"):
        evaluate(tiny, tmp_path / "thesis.txt", SETTINGS, jobs=1)


def test_numbers_below_one_are_refused(tiny: Path, tmp_path: Path) -> None:
    for wrong in ({"jobs": 0}, {"most_cases": 0}):
        with pytest.raises(InputError, match="at least 1"):
            evaluate(tiny, tmp_path, SETTINGS, **wrong)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unplotted")
def test_a_damaged_case_is_named_by_another_process_too(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    damaged = data / "imagesTs" / "a_0000.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:100])
    summary = evaluate(data, tmp_path / "out", SETTINGS, jobs=2)
    assert list(summary["failed"]) == ["a"]
    assert "a_0000.nii.gz" in summary["failed"]["a"]
    assert summary["dataset"]["cases"] == 1


def test_a_damaged_case_is_named_and_tried_again(tmp_path: Path, evaluated: list[str]) -> None:
    data = write_dataset(tmp_path / "data")
    damaged = data / "imagesTs" / "a_0000.nii.gz"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    summary = evaluate(data, tmp_path / "out", SETTINGS, jobs=1)
    assert list(summary["failed"]) == ["a"]
    assert "a_0000.nii.gz" in summary["failed"]["a"]
    assert summary["dataset"]["cases"] == 1
    damaged.write_bytes(whole)
    summary = evaluate(data, tmp_path / "out", SETTINGS, jobs=1)
    assert (summary["failed"], summary["dataset"]["cases"]) == ({}, 2)
    assert evaluated == ["a", "b", "a"]


def test_nothing_to_score_is_no_error(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", annotated={"a": []})
    summary = evaluate(data, tmp_path / "out", SETTINGS, jobs=1)
    assert (summary["means"], summary["overall"]) == ([], [])
    assert summary["structures_not_scored"]["not outlined in the case, so unknown"] == 4
    assert not list((tmp_path / "out").glob("*.png"))
    assert "-" in text_table(summary)


@pytest.mark.usefixtures("unplotted")
def test_tables_keep_text_as_text(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", ("NA", "007"), labels={"nan, no": 1})
    output = tmp_path / "out"
    summary = evaluate(data, output, Settings(("interpolation",), (3,)), jobs=1)
    assert [record["structure"] for record in summary["means"]] == ["nan, no"]
    table = pd.read_csv(output / "scores.csv", dtype=str, keep_default_na=False)
    assert sorted(table["case"]) == ["007", "NA"]
    assert evaluate(data, output, Settings(("interpolation",), (3,)), jobs=1) == summary
