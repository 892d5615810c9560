import pandas as pd

from benchmarks import before_after


def scores(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [("004", case, "1", 3, engine, dice) for case, engine, dice in rows],
        columns=["set", "case", "structure", "slices", "engine", "dice"],
    )


def test_only_what_both_hold_is_compared() -> None:
    before = scores(("a", "auto", 0.5), ("b", "auto", 0.7), ("a", "network", 0.9))
    after = scores(("a", "auto", 0.6), ("b", "auto", 0.65), ("c", "auto", 0.1))
    lines = before_after.dice_table(before, after).splitlines()
    assert lines[2:] == ["| 004 | 3 | auto | 2 | 0.600 | 0.625 | +0.0250 |"]


def points(**runs: list[tuple[float, float]]) -> pd.DataFrame:
    rows = [("default", task, *each) for task, run in runs.items() for each in run]
    rows.append(("random", "a", 1.0, 0.99))
    return pd.DataFrame(rows, columns=["strategy", "task", "slices", "dice"])


def test_a_structure_that_one_of_both_fails_on_counts_for_both() -> None:
    before = points(a=[(1, 0.6), (2, 0.85), (3, 0.9)], b=[(1, 0.9)], c=[(6, 0.5)])
    after = points(a=[(1, 0.6), (6, 0.8)], b=[(1, 0.8), (2, 0.9)], c=[(6, 0.5)])
    assert before_after.slices_sentence(before, after, 6.0) == (
        "slices until 0.85: before 1.50 (2 of 2), after 4.50 (1 of 2)"
    )
