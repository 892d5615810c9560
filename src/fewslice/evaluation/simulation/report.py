"""From the points of a simulation to tables, a summary and plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.evaluation.simulation.bootstrap import grouped_by, resampling
from fewslice.evaluation.simulation.calibration import Calibration, calibrations
from fewslice.evaluation.simulation.curves import (
    CURVE_BUDGETS,
    Curve,
    area,
    comparison_budgets,
    curve_rows,
    final_dice,
    learning_curves,
)
from fewslice.evaluation.simulation.efficiency import ceiling, foreground_efficiency
from fewslice.evaluation.simulation.penalty import mean_penalty, penalty_matrix
from fewslice.evaluation.simulation.reach import Comparison, comparisons, reach_table
from fewslice.evaluation.simulation.study import COLUMNS, FloatArray, Study, make_study
from fewslice.evaluation.tables import write_json
from fewslice.io.atomic import atomic_path, failures_named

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = "summary.json"
TABLES = (
    "points.csv",
    "curves.csv",
    "reach.csv",
    "comparisons.csv",
    "penalty.csv",
    "efficiency.csv",
    "calibration.csv",
)
PLOTS = ("curves.png", "reach.png", "penalty.png", "calibration.png")


_APART = ("remarks", "failed")


def write_report(output: Path, points: pd.DataFrame, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Write the tables `TABLES`, the plots `PLOTS` and summary.json; return the summary.

    output: a folder, made if it is not there; files of an earlier report in it are removed. points:
    the columns `COLUMNS`, in any order of rows; None and NaN both say that nothing was predicted.
    identity: what was simulated, JSON values, as `make_study` reads it: "settings" in the summary,
    but for "failed" (runs that failed, and why) and "remarks" (what was assumed to read cases),
    which are entries of their own there.

    Tables and plots of predicted quality are written only if there is any, and the plot of
    penalties only with two strategies or more.

    Raises InputError if there are no points and WriteError if the folder cannot be written.
    """
    study = make_study(points, identity)
    curves, rows = learning_curves(study), list(comparisons(study))
    matrix, quality = penalty_matrix(study), calibrations(study)
    summary = summarise(study, identity, matrix, rows, quality)
    with failures_named(output):
        output.mkdir(parents=True, exist_ok=True)
        for path in written_files(output):
            path.unlink()  # none of an earlier report may stay beside the new ones
        _write_tables(output, points, summary)
        _write_csv(output / "curves.csv", curve_rows(curves))
        _write_csv(output / "comparisons.csv", map(asdict, rows))
        write_json(output / SUMMARY, summary)
        _write_plots(output, study, curves, matrix, quality)
    return summary


def summarise(
    study: Study,
    identity: Mapping[str, Any],
    matrix: FloatArray,
    rows: Sequence[Comparison],
    quality: Sequence[Calibration],
) -> dict[str, Any]:
    """Return the summary, JSON values only; None where there is no number.

    The first entries say what the numbers are over; the formulas are in the modules of this folder.
    "comparisons" holds those of the first strategy, comparisons.csv all of them.
    """
    names = study.strategies
    budgets = comparison_budgets(study)
    content = {
        "question": study.question,
        "settings": {name: each for name, each in identity.items() if name not in _APART},
        "tasks": len({task for task, _ in study.units}),
        "seeds": len({seed for _, seed in study.units}),
        "runs": {name: len(study.runs[name]) for name in names},
        "budget": study.budget,
        "independent": grouped_by(study.units),
        "strategies": _strategies(study, matrix),
        "reach": [asdict(row) for row in reach_table(study)],
        "comparisons": [asdict(row) for row in rows if row.strategy == names[0]],
        "penalty": {
            "budgets": budgets.tolist(),
            "loses_against": {
                name: dict(zip(names, map(float, row), strict=True))
                for name, row in zip(names, matrix, strict=True)
            },
        },
        "efficiency": {
            "foreground": study.foreground,
            "full_dice": ceiling(study),
            "full_dice_known": study.full_dice is not None,
            "strategies": [asdict(each) for each in foreground_efficiency(study)],
        },
        "calibration": [asdict(each) for each in quality],
        **{name: dict(identity.get(name, {})) for name in _APART},
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def written_files(output: Path) -> tuple[Path, ...]:
    """Return the paths of the results in a folder, for a person to look at."""
    names = (SUMMARY, *TABLES, *PLOTS)
    return tuple(output / name for name in names if (output / name).exists())


def _strategies(study: Study, matrix: FloatArray) -> list[dict[str, Any]]:
    """Return a record per strategy: areas, final Dice and penalty, with 95 % intervals."""
    records = []
    for name, penalty in zip(study.strategies, mean_penalty(matrix), strict=True):
        grouping = resampling(study.shared(name))
        measures = {f"area_{by}": area(study, name, by) for by in CURVE_BUDGETS}
        measures["final_dice"] = final_dice(study, name)
        record: dict[str, Any] = {"strategy": name, "runs": len(study.runs[name])}
        for measure, values in measures.items():
            low, high = grouping.mean_interval(values)
            record |= {measure: values.mean(), f"{measure}_low": low, f"{measure}_high": high}
        records.append(record | {"penalty": penalty})
    return records


def _write_tables(output: Path, points: pd.DataFrame, summary: Mapping[str, Any]) -> None:
    ordered = points.sort_values(["task", "strategy", "seed", "step"], kind="stable")
    others = [name for name in ordered.columns if name not in COLUMNS]
    _write_table(output / "points.csv", ordered[[*COLUMNS, *others]])
    losses = summary["penalty"]["loses_against"]
    _write_csv(
        output / "penalty.csv",
        [
            {"loses": each["strategy"], **losses[each["strategy"]], "mean": each["penalty"]}
            for each in summary["strategies"]
        ],
    )
    _write_csv(output / "reach.csv", summary["reach"])
    _write_csv(output / "efficiency.csv", summary["efficiency"]["strategies"])
    if summary["calibration"]:
        _write_csv(output / "calibration.csv", summary["calibration"])


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    import pandas as pd

    _write_table(path, pd.DataFrame([_plain(row) for row in rows]))


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _write_plots(
    output: Path,
    study: Study,
    curves: Sequence[Curve],
    matrix: FloatArray,
    quality: Sequence[Calibration],
) -> None:
    from fewslice.evaluation.simulation import plots

    figures = {
        "curves.png": plots.curves_figure(study, curves),
        "reach.png": plots.reach_figure(study),
    }
    if len(matrix) > 1:
        figures["penalty.png"] = plots.penalty_figure(study.strategies, matrix)
    if quality:
        figures["calibration.png"] = plots.calibration_figure(study, quality[-1])
    for name, figure in figures.items():
        with atomic_path(output / name) as temporary:
            figure.savefig(temporary, dpi=plots.DPI)


def _plain(value: Any) -> Any:
    """Return plain Python values; floats with the digits that mean something, None for NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
