"""When runs are told to stop, counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.stopping_runs import (
    FIELDS,
    Stop,
    apart,
    bars_table,
    bunched_table,
    early_dice,
    goals_table,
    kinds_table,
    lowest_bar,
    stops,
    told_cells,
    trade_table,
)


def run(name: str, dice: list[float], low: list[float], kind: str = "organ") -> list[list[object]]:
    return [
        [kind, name, at + 1.0, "draw", true, true, said, said]
        for at, (true, said) in enumerate(zip(dice, low, strict=True))
    ]


POINTS = pd.DataFrame(
    [
        # There with the second slice, told with the third.
        *run("late", [0.80, 0.93, 0.94, 0.95], [0.5, 0.8, 0.91, 0.92]),
        # Told at .91, before it is .03 above.
        *run("early", [0.91, 0.94], [0.90, 0.91]),
        # Told wrongly; rightly only later, never .03 above.
        *run("wrong", [0.80, 0.89, 0.92], [0.1, 0.90, 0.90], "tube"),
        # There and never told.
        *run("never", [0.95, 0.90], [0.2, 0.3], "tube"),
    ],
    columns=FIELDS,
)


def test_when_each_run_is_there_and_told() -> None:
    assert stops(POINTS, 0.90) == [
        Stop("organ", 3.0, True, 2.0),
        Stop("organ", 1.0, True, 2.0),
        Stop("tube", 2.0, False, np.inf),
        Stop("tube", np.inf, False, 1.0),
    ]
    assert [stop.late for stop in stops(POINTS, 0.90)][:2] == [1.0, 0.0]


def test_answers_and_runs_that_were_told() -> None:
    # Six answers, one of .89; three runs, one of them wrongly at first.
    assert told_cells(POINTS, 0.90) == ["6", "83% (5)", "3", "67% (2)"]
    assert told_cells(POINTS, 0.95) == ["0", "-", "0", "-"]


def test_of_runs_that_got_there_one_in_three_was_told_by_then() -> None:
    row = next(line for line in goals_table(POINTS).splitlines() if "| 0.90 |" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[5:] == ["3", "33% (1)", "67% (2)", "0.5"]


def test_a_lower_bar_tells_more_runs_sooner_and_fewer_of_them_rightly() -> None:
    lines = trade_table(POINTS, 0.90, (0.90, 0.80)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    # From .80 on "late" is told with its second slice, which is .93; all others are told as before.
    assert [row[0] for row in cells] == ["0.900", "0.800"]
    assert cells[0][3:] == ["3", "67% (2)", "3", "33% (1)", "67% (2)", "0.5"]
    assert cells[1][1:] == ["7", "86% (6)", "3", "67% (2)", "3", "67% (2)", "67% (2)", "0.0"]


def test_kinds_are_counted_apart() -> None:
    lines = kinds_table(POINTS, 0.90).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert ["organ", "2", "2", "100% (2)", "2", "50% (1)", "100% (2)", "0.5"] in cells
    assert ["tube", "2", "1", "0% (0)", "1", "0% (0)", "0% (0)", "-"] in cells


def test_the_lowest_bar_is_where_enough_of_what_is_said_is_still_right() -> None:
    # Seven of eight are right down to .6, eight of nine down to .5, eight of ten down to .4.
    dice = [0.95, 0.95, 0.89, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.5]
    low = [0.99, 0.98, 0.97, 0.93, 0.92, 0.91, 0.7, 0.6, 0.5, 0.4]
    points = pd.DataFrame(run("one", dice, low), columns=FIELDS)
    assert lowest_bar(points, 0.90) == 0.5
    assert lowest_bar(points, 0.96) == np.inf
    row = next(line for line in bars_table(points).splitlines() if "| 0.90 |" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][1:4] == ["0.500", "9", "89% (8)"]


def test_the_dice_of_runs_told_too_early() -> None:
    assert early_dice(POINTS, 0.90) == [0.89]
    assert early_dice(POINTS, 0.85) == []


def test_what_people_are_told_who_draw_neighbouring_slices_only() -> None:
    dice, promised, low = [0.95, 0.85, 0.92, 0.5], [0.91, 0.90, 0.89, 0.2], [0.90, 0.8, 0.7, 0.1]
    points = pd.DataFrame({"dice": dice, "promised": promised, "low": low})
    row = next(line for line in bunched_table(points).splitlines() if "| 0.90 |" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["0.90", "2 of 4", "2", "50% (1)", "1", "100% (1)"]


def test_structures_that_are_named_are_counted_apart() -> None:
    named, others = apart(POINTS, pd.Series(["early", "wrong", "wrong", "unknown"]))
    assert set(named["name"]) == {"early", "wrong"}
    assert set(others["name"]) == {"late", "never"}
