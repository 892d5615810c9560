"""The tables of the accuracy benchmark, on hand-made results."""

from __future__ import annotations

from argparse import ArgumentTypeError
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

accuracy = import_module("benchmarks.accuracy")


def rows(case: str, slices: int, dice: dict[str, float]) -> list[dict[str, object]]:
    return [
        {
            "set": "103",
            "case": case,
            "structure": "rod",
            "slices": slices,
            "engine": engine,
            "dice": value,
            "dice_extent": value,
            "beyond_ends": 0.25,
        }
        for engine, value in dice.items()
    ]


SCORES = pd.DataFrame(
    [
        *rows("a", 1, {"interpolation": 0.5, "random-walker": 0.6, "auto": 0.5}),
        *rows("a", 3, {"interpolation": 0.7, "random-walker": 0.8, "auto": 0.9}),
        *rows("b", 1, {"interpolation": 0.6, "random-walker": 0.5, "auto": 0.7}),
    ]
)


def test_goals_say_what_was_reached() -> None:
    lines = accuracy.goals(SCORES, "strided").splitlines()[2:]
    assert lines == [
        "| 103 | 1 | 2 | 0.550 | 0.550 | - | 0.600 | 0.65 | missed by 0.050 |",
        "| 103 | 3 | 1 | 0.700 | 0.800 | - | 0.900 | 0.88 | reached |",
    ]


def test_falls_list_the_exceptions() -> None:
    lines = accuracy.falls(SCORES).splitlines()
    counted = (
        "Of 3 {}, `auto` is more than 0.05 below the better of interpolation and random walker"
    )
    for line, what in zip(lines[:3:2], ("cases", "single structures"), strict=True):
        assert line.startswith(counted.format(what))
        assert line.endswith("on 1 (the largest fall is 0.100) and as much above it on 2.")
    assert lines[-1] == "| 103 | a | rod | 1 | 0.600 | 0.500 | 0.100 |"


def test_falls_of_a_case_are_of_the_mean_over_its_structures() -> None:
    # Walker and interpolation are .7 and .4 in the mean, auto .66, though one structure falls .18.
    disc = rows("c", 1, {"interpolation": 0.2, "random-walker": 0.6, "auto": 0.7})
    rod = rows("c", 1, {"interpolation": 0.6, "random-walker": 0.8, "auto": 0.62})
    scores = pd.DataFrame([*rod, *(row | {"structure": "disc"} for row in disc)])
    lines = accuracy.falls(scores).splitlines()
    assert "on 0 (the largest fall is 0.040) and" in lines[0]
    assert "on 1 (the largest fall is 0.180) and" in lines[2]


def test_more_slices_compares_the_same_tasks() -> None:
    lines = accuracy.more_slices(SCORES).splitlines()
    assert lines[0] == "| set | engine | 1 to 3 slices |"
    assert lines[2] == "| 103 | interpolation | +0.200 (n=1) |"
    assert lines[4] == "| 103 | network | - |"


def test_distances_are_pooled_in_groups() -> None:
    kept = {"set": "103", "slices": 3, "engine": "auto", "reference": 10}
    distances = pd.DataFrame(
        [
            kept | {"distance_slices": 1, "between": 1, "intersection": 9, "predicted": 10},
            kept | {"distance_slices": 3, "between": 1, "intersection": 8, "predicted": 10},
            kept | {"distance_slices": 4, "between": 1, "intersection": 6, "predicted": 10},
            kept | {"distance_slices": 1, "between": 0, "intersection": 5, "predicted": 10},
        ]
    )
    assert accuracy.by_distance(distances).splitlines()[2:] == [
        "| 103 | 3 | 1 | - | - | - | 0.900 |",
        "| 103 | 3 | 3 to 4 | - | - | - | 0.700 |",
        "| 103 | 3 | beyond the outermost | - | - | - | 0.500 |",
    ]


def test_the_figure_of_the_ends_is_drawn(tmp_path: Path) -> None:
    accuracy.ends_figure(SCORES, tmp_path / "ends.png")
    assert (tmp_path / "ends.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_is_told_the_plane_and_the_channels_of_a_set() -> None:
    choice = accuracy.Choice(engines=("network", "auto"), cases=7)
    told = accuracy.arguments(Path("data"), "111 PET", accuracy.RUNS["strided"], choice)
    assert told[0] == str(Path("data", "Dataset111_SarcomaPETCT"))
    options = dict(zip(told[1::2], told[2::2], strict=True))
    assert options == {
        "--plane": "auto",
        "--channels": "1",
        "--cases": "7",
        "--slices": "1,3,5",
        "--engines": "network,auto",
        "--annotator": "strided",
    }
    whole = accuracy.arguments(Path("data"), "111 both", accuracy.RUNS["strided"], choice)
    assert "--channels" not in whole


def test_names_are_parsed_and_unknown_ones_refused() -> None:
    parse = accuracy.names_in(accuracy.SETS)
    assert parse("111 CT, 110,110") == ("111 CT", "110")
    with pytest.raises(ArgumentTypeError, match="there is no '999'; choose from 004, 004 sag"):
        parse("110,999")


def test_a_report_without_the_classical_engines_leaves_out_the_falls(tmp_path: Path) -> None:
    only = SCORES[SCORES["engine"] == "auto"].drop(columns="set")
    where = accuracy.folder(tmp_path, "103", "strided")
    where.mkdir()
    only.to_csv(where / "scores.csv", index=False)
    shown = dict.fromkeys(["slices", "distance_slices", "between"], 1)
    sums = dict.fromkeys(["intersection", "predicted", "reference"], 1)
    distances = pd.DataFrame([{"engine": "auto", **shown, **sums}])
    distances.to_csv(where / "distances.csv", index=False)
    report = accuracy.report(tmp_path)
    assert "Never far below" not in report
    assert "| 103 | 1 | 2 | - | - | - | 0.600 | 0.65 | missed by 0.050 |" in report
