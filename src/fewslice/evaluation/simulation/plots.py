"""Plots of a simulation, drawn without any state of matplotlib that others share."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.quality import GOOD_ENOUGH
from fewslice.evaluation.simulation.calibration import (
    Calibration,
    predictions,
    reliability,
    says_stop,
)
from fewslice.evaluation.simulation.curves import Curve, area, comparison_budgets
from fewslice.evaluation.simulation.penalty import mean_penalty
from fewslice.evaluation.simulation.reach import GOALS, costs
from fewslice.evaluation.simulation.study import TOLERANCE, FloatArray, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 130
# Okabe and Ito's colours, told apart by people with colour-vision deficiency, and three more of
# other brightness; markers and dashes help as well.
_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
    "#999933",
    "#7F7F7F",
)
_MARKERS = "osD^vPX<>*"
_BASELINES = ("random", "strided", "foreground-random")
_GRID: dict[str, Any] = {"alpha": 0.25, "linewidth": 0.8}
_QUIET = "#8A8A8A"
_TITLES = {
    "volume": "Finish this volume: mean Dice, and its 95 % confidence band",
    "pool": "Train the next model: mean Dice on test scans, and its 95 % confidence band",
}


def curves_figure(study: Study, curves: Sequence[Curve]) -> Figure:
    """Draw mean Dice with its band over slices and over seconds; baselines are dashed.

    Over slices of one volume, values at whole slices are joined by straight lines.
    """
    figure, axes = _panels(2, (6.2, 4.6), len(study.strategies))
    shown: list[FloatArray] = []
    for axis, by in zip(axes, ("slices", "seconds"), strict=True):
        for number, strategy in enumerate(study.strategies):
            curve = next(each for each in curves if (each.by, each.strategy) == (by, strategy))
            at = _places(study, curve)
            marks = _marker(number) if by == "slices" else {}
            name = f"{strategy} ({area(study, strategy, 'slices').mean():.3f})"
            axis.plot(
                curve.budgets[at], curve.dice[at], **_style(study, number), **marks, label=name
            )
            low, high = curve.low[at], curve.high[at]
            axis.fill_between(
                curve.budgets[at],
                low,
                high,
                color=_colour(number),
                alpha=0.2 if number == 0 else 0.1,
                linewidth=0,
            )
            shown += [curve.dice[at], low[np.isfinite(low)], high[np.isfinite(high)]]
        axis.set_xlabel(_label(study, by))
    for axis in axes:
        _dice_axis(axis, np.concatenate(shown))
    _slices_axis(axes[0])
    axes[1].set_xlim(left=0)
    axes[0].set_ylabel("Dice")
    _legend(figure, axes[0], "area under the curve over slices in brackets")
    figure.suptitle(_TITLES[study.question])
    return figure


def reach_figure(study: Study) -> Figure:
    """Draw which share of the runs has reached each goal, over slices."""
    figure, axes = _panels(len(GOALS), (4.6, 4.0), len(study.strategies))
    budgets = comparison_budgets(study)
    for axis, goal in zip(axes, GOALS, strict=True):
        for number, strategy in enumerate(study.strategies):
            needed = costs(study, strategy, "slices", goal)
            reached = (needed[:, None] <= budgets + TOLERANCE).sum(axis=0)
            share = reached / len(study.runs[strategy])
            axis.plot(budgets, share, **_style(study, number), **_marker(number), label=strategy)
        axis.set_title(f"Dice of at least {goal:.2f}", fontsize="medium")
        axis.set_ylim(-0.02, 1.02)
        _slices_axis(axis)
        axis.yaxis.set_major_formatter("{x:.0%}")
        axis.grid(**_GRID)
        _plain_frame(axis)
        axis.set_xlabel(_label(study, "slices"))
    axes[0].set_ylabel("runs that have reached it")
    _legend(figure, axes[0])
    figure.suptitle("How soon a goal is reached")
    return figure


def penalty_figure(strategies: Sequence[str], matrix: FloatArray) -> Figure:
    """Draw the pairwise penalty matrix: rows lose against columns; the last column is the mean."""
    count = len(strategies)
    longest = 0.08 * max(map(len, strategies))
    wide = 0.6 * (count + 2) + longest + 2.0
    figure = _figure((max(wide, 5.6), max(0.6 * count + 0.75 * longest + 1.2, 2.6)))
    axis = figure.add_subplot()
    gap = np.full((count, 1), np.nan)
    shown = np.hstack([matrix, gap, mean_penalty(matrix)[:, None]])
    shown[np.arange(count), np.arange(count)] = np.nan
    top = max(0.5, float(matrix.max()))
    picture = axis.imshow(shown, cmap="Oranges", vmin=0, vmax=top, aspect="equal")
    for row, column in np.argwhere(np.isfinite(shown)):
        value = shown[row, column]
        colour = "white" if value > 0.6 * top else "#333333"
        text = f"{value:.2f}".lstrip("0") if 0 < value < 1 else f"{value:.0f}"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    columns = [*range(count), count + 1]
    axis.set_xticks(columns, [*strategies, "mean"], rotation=40, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(count), list(strategies))
    axis.set_xlabel("… against")
    axis.set_ylabel("loses …")
    axis.set_frame_on(False)
    axis.set_xticks(np.arange(-0.5, count + 2), minor=True)
    axis.set_yticks(np.arange(-0.5, count), minor=True)
    axis.grid(which="minor", color="white", linewidth=1.5)
    axis.tick_params(which="both", length=0)
    bar = figure.colorbar(picture, ax=axis, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("share of budgets")
    figure.suptitle("How often a strategy is significantly worse (paired t-test, 5 %)")
    return figure


def calibration_figure(study: Study, quality: Calibration) -> Figure:
    """Draw predicted against true Dice, and the 10th percentile that stopping is decided by.

    quality: of all strategies together.
    """
    runs = [run for of in study.runs.values() for run in of.values()]
    predicted, low, dice = predictions(runs)
    figure, axes = _panels(2, (5.2, 5.1), 0)
    start = float(np.floor(10 * min(predicted.min(), low.min(), dice.min())) / 10)
    stop = says_stop(low)
    alpha = float(np.clip(60 / max(len(dice), 1), 0.08, 0.5))
    for axis, values in zip(axes, (predicted, low), strict=True):
        for of, colour in ((~stop, _COLOURS[0]), (stop, _COLOURS[1])):
            axis.scatter(values[of], dice[of], s=13, color=colour, alpha=alpha, linewidths=0)
        axis.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axis.set_xlim(start, 1.0)
        axis.set_ylim(start, 1.0)
        axis.set_aspect("equal")
        axis.grid(**_GRID)
        _plain_frame(axis)
        axis.set_ylabel("true Dice")
    _reliability_panel(axes[0], predicted, dice, quality)
    _stopping_panel(axes[1], quality)
    figure.suptitle(f"Predicted quality at {len(dice)} points")
    return figure


def _reliability_panel(
    axis: Axes, predicted: FloatArray, dice: FloatArray, quality: Calibration
) -> None:
    rows = reliability(predicted, dice)
    axis.plot(rows[:, 0], rows[:, 1], color="black", linewidth=1.4, zorder=3)
    sizes = 20 + 130 * rows[:, 2] / rows[:, 2].max()
    axis.scatter(
        rows[:, 0],
        rows[:, 1],
        s=sizes.tolist(),
        color="black",
        edgecolors="white",
        zorder=4,
        label="mean of each tenth (size: points)",
    )
    axis.set_xlabel("predicted Dice (median)")
    axis.set_title(
        f"mean absolute error {quality.error:.3f}, bias {quality.bias:+.3f}", fontsize="medium"
    )
    axis.legend(frameon=False, loc="lower right", fontsize="small")


def _stopping_panel(axis: Axes, quality: Calibration) -> None:
    axis.axvline(GOOD_ENOUGH, color=_COLOURS[1], linewidth=1, linestyle=":")
    axis.axhline(GOOD_ENOUGH, color=_COLOURS[1], linewidth=1, linestyle=":")
    axis.set_xlabel("10th percentile of the predicted Dice")
    axis.set_title(
        f"Dice is above in {quality.coverage:.0%} of the points (90 % intended)", fontsize="medium"
    )
    said = f"“you may stop” in {quality.runs_stopped} of {quality.runs} runs"
    if quality.runs_stopped:
        said += f",\nright in {quality.runs_right} of {quality.runs_stopped}"
    axis.text(
        0.97,
        0.03,
        said,
        transform=axis.transAxes,
        ha="right",
        color=_COLOURS[1],
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
    )


def _places(study: Study, curve: Curve) -> npt.NDArray[np.int64]:
    """Return the numbers of the budgets that are drawn: whole slices, or all."""
    if curve.by == "seconds" or study.question == "pool":
        return np.arange(len(curve.budgets), dtype=np.int64)
    whole = np.isclose(curve.budgets[:, None], comparison_budgets(study)).any(axis=1)
    return np.flatnonzero(whole).astype(np.int64)


def _panels(count: int, size: tuple[float, float], entries: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels side by side, with room for the rows of a legend below."""
    rows = ceil(entries / _columns(entries)) if entries else 0
    figure = _figure((size[0] * count, size[1] + 0.25 * rows + 0.3))
    return figure, [figure.add_subplot(1, count, number + 1) for number in range(count)]


def _figure(size: tuple[float, float]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _style(study: Study, number: int) -> dict[str, Any]:
    """Return colour, dashes and width of a strategy; the first, which is on trial, is widest."""
    baseline = study.strategies[number].startswith(_BASELINES)
    return {
        "color": _colour(number),
        "linestyle": (0, (4, 2)) if baseline else "-",
        "linewidth": 2.6 if number == 0 else 1.6,
        "markersize": 6.5 if number == 0 else 5,
        "zorder": 4 if number == 0 else 3,
    }


def _label(study: Study, by: str) -> str:
    if by == "seconds":
        return "modelled seconds of a person's time"
    asked = study.question == "volume"
    return "slices (a question counts a tenth)" if asked else "drawn slices of the pool"


def _marker(number: int) -> dict[str, Any]:
    return {"marker": _MARKERS[number % len(_MARKERS)]}


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _dice_axis(axis: Axes, values: FloatArray) -> None:
    """Show what there is, from a multiple of 0.05 on, with the goals as fine lines."""
    bottom = float(np.floor(20 * values.min() - 0.2) / 20)
    top = float(np.ceil(20 * values.max() + 0.2) / 20)
    axis.set_ylim(max(0.0, bottom), top if top < 1 else 1.005)
    for goal in (each for each in GOALS if each <= top):
        axis.axhline(goal, color=_QUIET, linewidth=0.8, linestyle=":", zorder=1)
    axis.grid(**_GRID)
    _plain_frame(axis)


def _slices_axis(axis: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlim(left=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _plain_frame(axis: Axes) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _columns(entries: int) -> int:
    return min(max(entries, 1), 4)


def _legend(figure: Figure, axis: Axes, title: str | None = None) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=_columns(len(labels)),
        frameon=False,
        title=title,
        title_fontsize="small",
    )
