"""A whole simulation: what it writes, and going on after an interruption."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fewslice.errors import FewsliceError, InputError, ReadError
from fewslice.evaluation.simulation import report, run
from fewslice.evaluation.simulation.report import SUMMARY, TABLES
from fewslice.evaluation.simulation.run import JOURNAL, simulate
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.evaluation.simulation.volume import run_volume
from fewslice.io import write_labels
from fewslice.volumes import Geometry, LabelMap
from tests.support.datasets import SHAPE, labels_of, write_case, write_dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures")]

SETTINGS = SimulationSettings(
    strategies=("strided-extent-known", "random"), budget=2, engine="interpolation", seeds=(0, 1)
)


@pytest.fixture(autouse=True)
def unplotted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, to save time."""
    monkeypatch.setattr(report, "_write_plots", lambda *_: None)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "Tiny", ("a", "b"))


def ran(
    folder: Path, output: Path, **changes: Any
) -> tuple[dict[str, Any], list[tuple[float, int]]]:
    said: list[tuple[float, int]] = []
    summary = simulate(
        folder,
        output,
        replace(SETTINGS, **changes),
        workers=1,
        progress=lambda done, total: said.append((done, total)),
    )
    return summary, said


def finished(output: Path) -> list[str]:
    lines = [json.loads(line) for line in (output / JOURNAL).read_text().splitlines()]
    return [line["key"] for line in lines if "key" in line]


def test_results_are_written_and_not_computed_again(tiny: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "out"
    summary, said = ran(tiny, output)
    # 2 cases, 2 structures, 2 strategies, 2 seeds
    assert said == [(done, 16) for done in range(1, 17)]
    assert summary == json.loads((output / SUMMARY).read_text())
    assert summary["failed"] == {}
    assert summary["settings"]["dataset"] == "Tiny"
    assert len(summary["settings"]["advice"]) == 64
    assert sorted(finished(output)) == sorted(
        f"{case}/{structure}/{strategy}/{seed}"
        for case in "ab"
        for structure in ("ball", "rod")
        for strategy in SETTINGS.strategies
        for seed in SETTINGS.seeds
    )
    for name in TABLES[:-1]:  # nothing was predicted
        assert (output / name).is_file()
    points = pd.read_csv(output / "points.csv")
    assert len(points) == 16 * 2

    journal = (output / JOURNAL).read_bytes()
    table = (output / "points.csv").read_bytes()
    again, said = ran(tiny, output)
    assert again == summary
    assert len(said) == 16
    assert (output / JOURNAL).read_bytes() == journal
    assert (output / "points.csv").read_bytes() == table


def test_an_interrupted_simulation_goes_on_with_what_is_missing(tiny: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    ran(tiny, whole)
    lines = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    # Killed in the middle of a line. One result is marked, to see that it is taken as it is.
    kept = [json.loads(line) for line in lines[:6]]
    kept[1]["result"][0]["seconds"] = 12345.0
    cut.mkdir()
    (cut / JOURNAL).write_bytes(
        b"".join(json.dumps(line).encode() + b"\n" for line in kept) + lines[6][:50]
    )
    ran(tiny, cut)
    assert sorted(finished(cut)) == sorted(finished(whole))
    assert finished(cut)[:5] == finished(whole)[:5]
    one, other = (pd.read_csv(folder / "points.csv") for folder in (whole, cut))
    assert (other["seconds"] == 12345.0).sum() == 1
    same = other["seconds"] != 12345.0
    pd.testing.assert_frame_equal(one[same], other[same])


def test_results_of_other_settings_are_not_mixed(tiny: Path, tmp_path: Path) -> None:
    ran(tiny, tmp_path / "out", seeds=(0,))
    with pytest.raises(InputError, match=r"other settings \(budget: 2 there, 3 now\)"):
        ran(tiny, tmp_path / "out", seeds=(0,), budget=3)


def test_cases_that_cannot_be_read_are_named_and_tried_again(tiny: Path, tmp_path: Path) -> None:
    write_case(tiny, "c")
    damaged = tiny / "imagesTs" / "b_0000.nii.gz"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"nothing")
    moved = Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.5))
    write_labels(tiny / "labelsTs" / "c.nii.gz", LabelMap(labels_of(), moved))
    summary, said = ran(tiny, tmp_path / "out")
    assert len(said) == 8
    assert list(summary["failed"]) == ["b", "c"]
    assert "b_0000.nii.gz" in summary["failed"]["b"]
    assert "c.nii.gz" in summary["failed"]["c"]
    assert summary["tasks"] == 2
    damaged.write_bytes(whole)
    summary, said = ran(tiny, tmp_path / "out")
    assert len(said) == 16
    assert list(summary["failed"]) == ["c"]
    assert summary["tasks"] == 4


def test_if_no_case_can_be_read_the_first_says_why(tiny: Path, tmp_path: Path) -> None:
    for case in "ab":
        (tiny / "imagesTs" / f"{case}_0000.nii.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"2 cases cannot be read; .*a_0000\.nii\.gz") as caught:
        ran(tiny, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_nothing_to_simulate(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"dataset\.json"):
        ran(tmp_path / "nowhere", tmp_path / "out")
    short = write_dataset(tmp_path / "Short", ("a",), labels={"none": 7})
    with pytest.raises(InputError, match="holds nothing to simulate: no structure lies on four"):
        ran(short, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_failures_are_named_and_tried_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(task: Any) -> Any:
        if task.case == "b":
            raise FewsliceError("The scan of b fell over; pick it up.")
        return run_volume(task)

    output = tmp_path / "out"
    monkeypatch.setattr(run, "run_volume", failing)
    summary, said = ran(tiny, output)
    assert len(said) == 16
    assert set(summary["failed"].values()) == {"The scan of b fell over; pick it up."}
    assert len(summary["failed"]) == 8
    assert all(key.startswith("b/") for key in summary["failed"])
    assert len(finished(output)) == 8
    monkeypatch.setattr(run, "run_volume", run_volume)
    summary, _ = ran(tiny, output)
    assert summary["failed"] == {}
    assert len(finished(output)) == 16


def test_if_all_fail_the_first_says_why(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(task: Any) -> Any:
        raise FewsliceError(f"No {task.case} today.")

    monkeypatch.setattr(run, "run_volume", failing)
    with pytest.raises(FewsliceError, match=r"All 16 runs failed; the first said: No a today\."):
        ran(tiny, tmp_path / "out")
