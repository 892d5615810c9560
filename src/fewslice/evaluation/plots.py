"""Plots of an evaluation as PNG files, drawn without any state of matplotlib that others share."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.io import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 12
_BINS = 20
_ROUNDING = 1e-6
# Okabe and Ito's colours, told apart by people with colour-vision deficiency; markers help as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vPX"
_LETTERS_PER_INCH, _MARKER = 12, 6  # of a legend; letters that a marker takes the place of


def write_plots(
    folder: Path, scores: pd.DataFrame, distances: pd.DataFrame, engines: Sequence[str]
) -> None:
    """Write dice.png, distance.png and cost.png into a folder; nothing if there are no scores.

    scores, distances: the tables of `ScoreRow` and `DistanceRow`. engines: in the order in which
    they get their colours.
    """
    if scores.empty:
        return
    _save(dice_figure(scores, engines), folder / "dice.png")
    if not distances.empty:
        _save(distance_figure(distances, engines), folder / "distance.png")
    _save(cost_figure(scores, engines), folder / "cost.png")


def dice_figure(scores: pd.DataFrame, engines: Sequence[str]) -> Figure:
    """Draw mean Dice against the number of annotated slices: one panel overall and per structure.

    With more structures than panels, those with the lowest mean are shown. n is the number of
    tasks (case x structure) that the mean is over: short structures are not scored with many
    annotated slices, so points side by side may be means over different tasks.
    """
    structures, note = _shown(scores)
    panels = {"all structures": scores} if len(structures) != 1 else {}
    panels |= {name: scores[scores["structure"] == name] for name in structures}
    figure, axes = _panels(len(panels))
    counts = sorted(scores["slices"].unique())
    for axis, (name, chosen) in zip(axes, panels.items(), strict=True):
        for number, engine in enumerate(engines):
            mean = chosen[chosen["engine"] == engine].groupby("slices")["dice"].mean()
            at = [counts.index(count) for count in mean.index]
            axis.plot(at, mean.to_numpy(), **_style(number), label=engine)
        axis.set_title(_short(name))
        axis.set_xticks(range(len(counts)), _with_tasks(chosen, counts))
        axis.set_xlim(-0.3, len(counts) - 0.7)
        _dice_axis(axis)
        axis.set_xlabel("annotated slices")
    _finish(figure, f"Mean Dice on slices that were not annotated{note}", "Dice")
    return figure


def distance_figure(distances: pd.DataFrame, engines: Sequence[str]) -> Figure:
    """Draw Dice, pooled over voxels, against distance: a row in slices and one in mm.

    Each panel ends where the structures end: beyond, any answer has a Dice of 0.
    """
    from matplotlib.ticker import MaxNLocator

    counts = sorted(distances["slices"].unique())
    figure, axes = _panels(2 * len(counts), columns=len(counts))
    for number, count in enumerate(counts):
        chosen = distances[distances["slices"] == count]
        top, bottom = axes[number], axes[len(counts) + number]
        top.set_title(f"{count} annotated slice{'' if count == 1 else 's'}")
        for axis, unit in ((top, "slices"), (bottom, "mm")):
            _distance_panel(axis, chosen, unit, engines)
        top.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(figure, "Dice by distance from the nearest annotated slice", "pooled Dice")
    return figure


def _distance_panel(axis: Axes, rows: pd.DataFrame, unit: str, engines: Sequence[str]) -> None:
    column = f"distance_{unit}"
    end = float(rows.loc[rows["reference"] > 0, column].max())
    rows = rows[rows[column] <= end]
    width = bin_width(rows, column)
    for number, engine in enumerate(engines):
        place, dice = pooled_dice(rows[rows["engine"] == engine], column, width)
        axis.plot(place, dice, **_style(number), label=engine)
    axis.set_xlim(0, end * 1.06)
    axis.set_xlabel(f"distance ({unit})")
    _dice_axis(axis)


def cost_figure(scores: pd.DataFrame, engines: Sequence[str]) -> Figure:
    """Draw time and peak memory of an engine call: median, and the range of nine calls of ten."""
    figure, axes = _panels(2, columns=2)
    counts = sorted(scores["slices"].unique())
    for axis, column in zip(axes, ("seconds", "peak_memory_mb"), strict=True):
        for number, engine in enumerate(engines):
            calls = scores[scores["engine"] == engine].groupby("slices")[column]
            middle = calls.median()
            span = np.abs(np.stack([calls.quantile(0.05), calls.quantile(0.95)]) - middle.array)
            shift = (number - (len(engines) - 1) / 2) * 0.12
            at = [counts.index(count) + shift for count in middle.index]
            axis.errorbar(
                at,
                middle.to_numpy(),
                span,
                **(_style(number) | {"markersize": 5, "linewidth": 1.4}),
                label=engine,
                capsize=3,
                elinewidth=1,
            )
        axis.set_xticks(range(len(counts)), [str(count) for count in counts])
        axis.set_xlim(-0.5, len(counts) - 0.5)
        axis.set_xlabel("annotated slices")
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_title("time")
    axes[0].set_ylabel("seconds")
    axes[1].set_title("increase of resident memory")
    axes[1].set_ylabel("MB")
    _finish(figure, "Cost of a call (median; bars: 5 % to 95 %)")
    return figure


def bin_width(rows: pd.DataFrame, column: str) -> float:
    """Return how wide the groups of distances are: the coarsest spacing, or a multiple of it.

    rows: of `DistanceRow`, at least one. column: "distance_slices" or "distance_mm".
    """
    step = float((rows[column] / rows["distance_slices"]).max())
    return step * ceil(float(rows[column].max()) / (_BINS * step) - _ROUNDING)


def pooled_dice(rows: pd.DataFrame, column: str, width: float) -> tuple[list[float], list[float]]:
    """Return the mean distance, ascending, and the Dice of all voxels, of each group of distances.

    rows: of `DistanceRow`. column: "distance_slices" or "distance_mm". width: of a group; the
    first reaches from 0 to width, the end included.
    """
    if rows.empty:
        return [], []
    group = np.ceil(rows[column].to_numpy(dtype=np.float64) / width - _ROUNDING)
    sums = rows.groupby(group)[["intersection", "predicted", "reference"]].sum()
    places = rows.groupby(group)[column].mean()
    dice = 2 * sums["intersection"] / (sums["predicted"] + sums["reference"])
    return places.astype(float).tolist(), dice.tolist()


def _shown(scores: pd.DataFrame) -> tuple[list[str], str]:
    """Return the structures to show, and a remark for the title if that is not all of them."""
    structures = sorted(scores["structure"].unique())
    if len(structures) < MOST_PANELS:
        return structures, ""
    lowest = scores.groupby("structure")["dice"].mean().sort_values().index[: MOST_PANELS - 1]
    return sorted(lowest), f" ({len(lowest)} lowest of {len(structures)} structures)"


def _with_tasks(scores: pd.DataFrame, counts: Sequence[int]) -> list[str]:
    """Return the ticks: how many slices, and below it how many tasks the mean is over."""
    tasks = scores.groupby(["slices", "engine"]).size().groupby("slices").max()
    return [f"{count}\nn={tasks.get(count, 0)}" for count in counts]


def _panels(count: int, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = columns or min(count, 4)
    rows = ceil(count / columns)
    figure = Figure(figsize=(max(3.2 * columns, 6.4), 2.9 * rows + 1.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def _style(number: int) -> dict[str, Any]:
    """Return colour, marker and width of one engine: the first widest, so that equal ones show."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "markersize": max(8.5 - 2.5 * number, 3.5),
        "linewidth": max(3.0 - 1.0 * number, 1.0),
    }


def _dice_axis(axis: Axes) -> None:
    axis.set_ylim(0, 1.02)
    axis.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axis.grid(alpha=0.3)


def _finish(figure: Figure, title: str, up: str = "") -> None:
    """Add title, a common vertical label, and one legend below all panels, away from the data."""
    figure.suptitle(title)
    if up:
        figure.supylabel(up, fontsize="medium")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    # Engines of others are called by their file or server, which takes much of a line.
    longest = max(map(len, labels), default=1)
    columns = max(1, int(figure.get_figwidth() * _LETTERS_PER_INCH / (longest + _MARKER)))
    columns = min(columns, max(len(labels), 1))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _short(name: str) -> str:
    return name if len(name) <= 34 else f"{name[:33]}…"


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
