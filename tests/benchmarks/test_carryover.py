"""The benchmark of support scans, on made-up data with a stand-in engine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from fewslice.engines import ENGINES
from fewslice.evaluation.dataset import Structure
from tests.support.datasets import write_case, write_dataset
from tests.support.stand_in_engine import Voting

carryover = import_module("benchmarks.carryover")
BOTH = carryover.Target("data", Structure("both", (1, 2)), "axial", 2)
ROD = carryover.Target("data", Structure("rod", (2,)), "axial", 5)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(ENGINES, "voting", Voting())
    write_dataset(tmp_path / "data")
    for number, name in enumerate("rst", start=2):
        write_case(tmp_path / "data", name, number, part="Tr")
    return tmp_path


@pytest.mark.slow
def test_every_kind_is_measured_where_an_engine_can(data: Path) -> None:
    engines = ("interpolation", "voting")
    found = carryover.measure(data, (BOTH, ROD), engines, 2, data / "work.csv")
    voting = found[found["engine"] == "voting"]
    assert len(voting) == 2 * 2 * 3
    assert set(found[found["engine"] == "interpolation"]["kind"]) == {carryover.SLICE}
    assert voting.groupby("structure")["support"].max().to_dict() == {"both": 2, "rod": 3}
    assert (voting[voting["kind"] == carryover.SUPPORT]["dice"] > 0.9).all()
    alone = voting[voting["kind"] == carryover.SLICE]
    assert set(alone["support"]) == {0}


@pytest.mark.slow
def test_what_is_in_the_work_file_is_not_done_again(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = data / "work.csv"
    carryover.measure(data, (ROD,), ("voting",), 1, work)
    assert capsys.readouterr().out.count("\n") == 3
    again = carryover.measure(data, (ROD,), ("voting",), 2, work)
    assert capsys.readouterr().out.count("\n") == 3
    assert sorted(again["case"]) == ["a"] * 3 + ["b"] * 3


def test_the_table_holds_means(tmp_path: Path) -> None:
    work = tmp_path / "work.csv"
    carryover.append(work, carryover.COLUMNS)
    for row in (
        ("D", "a", "rod", "x", carryover.SUPPORT, 5, 0.8, 3.0),
        ("D", "b", "rod", "x", carryover.SUPPORT, 5, 0.9, 5.0),
        ("D", "a", "rod", "x", carryover.BOTH, 5, 0.5, 4.0),
        ("D", "a", "rod", "y", carryover.SLICE, 0, 0.25, 1.0),
    ):
        carryover.append(work, row)
    lines = carryover.table(carryover.read(work), ("x", "y", "z")).splitlines()
    assert lines[2:] == [
        "| D | rod | 5 | x | 2 | 0.850 | 0.500 | - | 4.0 |",
        "| D | rod | 0 | y | 1 | - | - | 0.250 | 1.0 |",
    ]
    assert len({line.count("|") for line in lines}) == 1
