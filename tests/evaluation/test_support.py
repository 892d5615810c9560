"""Evaluations in which other scans of the data set are given as support."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fewslice.engines import ENGINES
from fewslice.errors import InputError, ReadError
from fewslice.evaluation.dataset import Structure, find_dataset
from fewslice.evaluation.run import evaluate
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.summary import text_table
from fewslice.evaluation.support import SupportFrom, parse_support, support_pairs
from fewslice.evaluation.task import evaluate_case
from tests.support.datasets import labels_of, write_case, write_dataset
from tests.support.stand_in_engine import Voting

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn_figures", "little_garbage")]

BALL = Structure("ball", (1,))


@pytest.fixture
def voting(monkeypatch: pytest.MonkeyPatch) -> Voting:
    engine = Voting()
    monkeypatch.setitem(ENGINES, "voting", engine)
    return engine


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Two cases in Ts, three in Tr; the ball was not outlined in Tr's first."""
    known = {name: ["ball", "rod"] for name in "abst"} | {"r": ["rod"]}
    folder = write_dataset(tmp_path / "data", annotated=known)
    for number, name in enumerate("rst", start=2):
        write_case(folder, name, number, part="Tr")
    return folder


def names(folder: Path, structure: Structure, count: int) -> list[list[Any]]:
    """Return the first row of intensities of each scan chosen, to tell them apart."""
    case, *_ = find_dataset(folder).cases
    pairs = support_pairs(case, structure, find_dataset(folder, "Tr").cases, count)
    return [image.array[0, 0, :2].round(3).tolist() for image, _ in pairs]


def test_the_first_scans_in_which_the_structure_was_outlined_are_taken(tiny: Path) -> None:
    rods = names(tiny, Structure("rod", (2,)), 5)
    assert len(rods) == 3
    assert names(tiny, BALL, 5) == rods[1:]
    assert names(tiny, BALL, 1) == rods[1:2]
    assert names(tiny, Structure("ghost", (3,)), 5) == []


def test_a_structure_becomes_label_1_and_a_case_never_supports_itself(tiny: Path) -> None:
    first, second = find_dataset(tiny).cases
    ((image, labels),) = support_pairs(first, Structure("rod", (2,)), (first, second), 5)
    np.testing.assert_array_equal(labels.array, labels_of(1) == 2)
    assert image.geometry.same_grid(labels.geometry)
    all_known = replace(second, known=None)
    ((_, whole),) = support_pairs(first, Structure("both", (1, 2)), (all_known,), 1)
    np.testing.assert_array_equal(whole.array, labels_of(1) > 0)


def test_support_alone_is_scored_on_all_slices(tiny: Path, voting: Voting) -> None:
    settings = Settings(
        ("interpolation", "voting"), (0, 1), support=SupportFrom("Tr", 2), plane="axial"
    )
    result = evaluate_case(
        find_dataset(tiny).cases[0], settings, candidates=find_dataset(tiny, "Tr").cases
    )
    asked = [(row.structure, row.slices, row.engine) for row in result.scores]
    assert asked == [
        (structure, slices, engine)
        for structure in ("ball", "rod")
        for slices, engine in ((0, "voting"), (1, "interpolation"), (1, "voting"))
    ]
    assert {row.support for row in result.scores} == {2}
    for row in result.scores:
        if row.slices == 0:
            assert (row.drawn, row.empty) == (0, 0)
            assert row.dice == row.dice_volume > 0.9
            assert "rests on 2 support scans" in row.remarks
    assert {row.slices for row in result.distances} == {1}
    assert len(voting.seen) == 2


def test_a_structure_no_support_scan_holds_is_counted(tiny: Path, voting: Voting) -> None:
    described = json.loads((tiny / "dataset.json").read_text())
    described["annotated"] |= {"s": ["rod"], "t": ["rod"]}
    (tiny / "dataset.json").write_text(json.dumps(described))
    settings = Settings(("voting",), (0, 1), support=SupportFrom("Tr", 2))
    result = evaluate_case(
        find_dataset(tiny).cases[0], settings, candidates=find_dataset(tiny, "Tr").cases
    )
    found = [(row.structure, row.slices, row.support) for row in result.scores]
    assert found == [("ball", 1, 0), ("rod", 0, 2), ("rod", 1, 2)]
    assert result.case.nothing_drawn == 1


def test_a_whole_evaluation_with_support_can_go_on(
    tiny: Path, tmp_path: Path, voting: Voting
) -> None:
    output = tmp_path / "out"
    settings = Settings(("interpolation", "voting"), (0, 3), support=SupportFrom("Tr", 1))
    evaluate(tiny, output, settings, most_cases=1, jobs=1)
    summary = evaluate(tiny, output, settings, jobs=1)
    assert summary["settings"]["support"] == "Tr:1"
    assert summary["failed"] == {}
    head, columns, interpolation, learned, tasks = text_table(summary).splitlines()
    assert head.endswith("cases: 2, support: Tr:1")
    assert columns.split() == ["engine", "0", "slices", "3", "slices"]
    assert interpolation.split()[1] == "-"
    assert float(learned.split()[1]) > 0.9
    assert tasks.split() == ["tasks", "4", "4"]
    assert set(pd.read_csv(output / "scores.csv")["support"]) == {1}
    assert (output / "dice.png").exists()
    for other in (None, SupportFrom("Tr", 2)):
        changed = Settings(("interpolation", "voting"), (3,), support=other)
        with pytest.raises(InputError, match='support: "Tr:1" there'):
            evaluate(tiny, output, changed, jobs=1)


def test_support_alone_can_be_all_there_is(tiny: Path, tmp_path: Path, voting: Voting) -> None:
    settings = Settings(("voting",), (0,), support=SupportFrom("Tr", 1))
    evaluate(tiny, tmp_path / "out", settings, jobs=1)
    assert not (tmp_path / "out" / "distance.png").exists()
    assert (tmp_path / "out" / "cost.png").exists()


def test_no_slice_without_support_is_refused(voting: Voting) -> None:
    with pytest.raises(InputError, match="or 0 with support"):
        Settings(("voting",), (0, 1))
    with pytest.raises(InputError, match="none of interpolation, random-walker can"):
        Settings(("interpolation", "random-walker"), (0, 1), support=SupportFrom("Tr", 1))
    with pytest.raises(InputError, match="-1 slices"):
        Settings(("voting",), (-1,), support=SupportFrom("Tr", 1))


def test_a_part_that_is_not_there_is_named(tiny: Path, tmp_path: Path, voting: Voting) -> None:
    settings = Settings(("voting",), (0,), support=SupportFrom("Xy", 1))
    with pytest.raises(ReadError, match="labelsXy is not a folder"):
        evaluate(tiny, tmp_path / "out", settings, jobs=1)
    assert not (tmp_path / "out").exists()


def test_the_option_is_parsed() -> None:
    assert parse_support("Tr:5") == SupportFrom("Tr", 5)
    assert str(SupportFrom("Tr", 5)) == "Tr:5"
    for wrong in ("Tr", ":5", "Tr:", "Tr:0", "Tr:-1", "Tr:x"):
        with pytest.raises(InputError, match="write PART:COUNT"):
            parse_support(wrong)
