"""From the tables to means: pandas over the CSV files of a results folder."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fewslice._version import __version__
from fewslice.evaluation.tables import TABLES, Results

if TYPE_CHECKING:
    import pandas as pd

MEASURES = (
    "drawn",
    "dice",
    "dice_extent",
    "hd95",
    "mean_surface_distance",
    "surface_dice",
    "dice_volume",
    "beyond_ends",
    "seconds",
    "peak_memory_mb",
)
"""The columns of scores.csv of which means are taken."""

_TYPES = {"str": "str", "int": "int64", "float": "float64"}


def load_table(results: Results, name: str) -> pd.DataFrame:
    """Return one table of the folder, sorted so that its order does not depend on the run."""
    import pandas as pd

    annotations = TABLES[name].__annotations__
    table = pd.read_csv(
        results.path(name),
        dtype={column: _TYPES[kind] for column, kind in annotations.items()},
        keep_default_na=False,
    )
    keys = [key for key in ("case", "structure", "slices", "engine", "slice") if key in table]
    return table.sort_values(keys, kind="stable", ignore_index=True)


def means(scores: pd.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """Return one record per group: its keys, the number of tasks and the mean of each measure."""
    if scores.empty:
        return []
    grouped = scores.groupby(list(by), sort=True)
    table = grouped[list(MEASURES)].mean()
    table.insert(0, "tasks", grouped.size())
    return [
        {str(key): _plain(value) for key, value in record.items()}
        for record in table.reset_index().to_dict("records")
    ]


def summarise(
    results: Results, settings: Mapping[str, Any], failed: Mapping[str, str]
) -> dict[str, Any]:
    """Return the summary of everything in the folder, JSON values only.

    `means` and `overall` hold the means over tasks (case x structure); tasks that were skipped are
    in neither, so means with different numbers of slices may be over different tasks. `drawn` is
    the mean number of slices really outlined: an annotator may draw fewer than were asked for.
    failed: the cases that could not be evaluated, and why.
    """
    scores, cases = load_table(results, "scores.csv"), load_table(results, "cases.csv")
    total = cases[["mostly_annotated", "nothing_drawn", "absent", "unknown"]].sum()
    return {
        "dataset": {"name": settings["dataset"], "part": settings["part"], "cases": len(cases)},
        "settings": dict(settings),
        "versions": _versions(),
        "overall": means(scores, ("engine", "slices")),
        "means": means(scores, ("structure", "engine", "slices")),
        "tasks_skipped": {
            "more than half of the structure's slices annotated": int(total["mostly_annotated"]),
            "no annotated slice holds the structure": int(total["nothing_drawn"]),
        },
        "structures_not_scored": {
            "absent from the case": int(total["absent"]),
            "not outlined in the case, so unknown": int(total["unknown"]),
        },
        "remarks": {row.case: row.remarks for row in cases.itertuples() if row.remarks},
        "failed": dict(sorted(failed.items())),
    }


def text_table(summary: Mapping[str, Any]) -> str:
    """Return mean Dice on not annotated slices as readable text: engines by number of slices."""
    settings = summary["settings"]
    found = {(each["engine"], each["slices"]): each for each in summary["overall"]}
    engines, slices = list(settings["engines"]), settings["slices"]
    wide = max(len(name) for name in (*engines, "tasks", "engine"))
    lines = [
        f"Mean Dice on not annotated slices, {summary['dataset']['name']}, "
        f"cases: {summary['dataset']['cases']}"
        + (f", support: {settings['support']}" if settings.get("support") else "")
        + (
            f", channels: {','.join(map(str, settings['channels']))}"
            if settings.get("channels")
            else ""
        ),
        "engine".ljust(wide) + "".join(f"{_slices(count):>11}" for count in slices),
    ]
    for engine in engines:
        cells = [found.get((engine, count), {}).get("dice") for count in slices]
        lines.append(engine.ljust(wide) + "".join(_cell(value) for value in cells))
    tasks = [
        max(found.get((engine, count), {}).get("tasks", 0) for engine in engines)
        for count in slices
    ]
    lines.append("tasks".ljust(wide) + "".join(f"{count:>11}" for count in tasks))
    return "\n".join(lines)


def _slices(count: int) -> str:
    return f"{count} slice" if count == 1 else f"{count} slices"


def _cell(value: float | None) -> str:
    return f"{'-' if value is None else f'{value:.3f}':>11}"


def _plain(value: Any) -> Any:
    """Return a plain Python number or text; floats with the digits that mean something."""
    if hasattr(value, "item"):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value


def _versions() -> dict[str, str]:
    import numpy as np
    import scipy

    return {
        "fewslice": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": str(scipy.__version__),
    }
