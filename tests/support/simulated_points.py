"""Points of made-up simulations, with values that can be worked out by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fewslice.evaluation.simulation.study import Study, make_study

Values = Sequence[float]


def run(
    task: str,
    strategy: str,
    slices: Values,
    dice: Values,
    seed: int = 0,
    **columns: Sequence[Any],
) -> list[dict[str, Any]]:
    """Return the points of one run; a slice takes 10 s and draws a tenth of the structure."""
    rows = []
    for step, (spent, value) in enumerate(zip(slices, dice, strict=True)):
        row: dict[str, Any] = {
            "task": task,
            "strategy": strategy,
            "seed": seed,
            "step": step,
            "slices": spent,
            "drawn": int(spent),
            "questions": round(10 * (spent - int(spent))),
            "seconds": 10.0 * spent,
            "foreground": 0.1 * int(spent),
            "dice": value,
            "dice_open": value,
            "predicted": None,
            "predicted_low": None,
            "promised": columns.get("predicted_low", [None] * len(slices))[step],
            "kind": "draw",
            "axis": 2,
            "index": step,
        }
        rows.append(row | {name: values[step] for name, values in columns.items()})
    return rows


def table(*runs: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame([row for each in runs for row in each])


def study(*runs: list[dict[str, Any]], **identity: Any) -> Study:
    given: Mapping[str, Any] = {"question": "volume", "budget": 3.0, **identity}
    return make_study(table(*runs), given)
