"""How often "you may stop" is said and right on kinds of structures left out; draws a plot.

    python -m benchmarks.stopping_kinds --work DIR [-o reliability.png]

Reads the rows that `benchmarks.advice collect` wrote. Each kind is judged by models and multiples
that did not see it. Prints, for each Dice that people may want, how many answers are told to be
good enough, how many of these are, and of how many good ones. The plot shows the Dice to expect
against the true one, by kind.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.accuracy import markdown
from benchmarks.advice_fit import load
from benchmarks.boosting import Table
from benchmarks.quality_fit import left_out_quality, logit
from fewslice.typing import Float64Array

GOALS = (0.80, 0.85, 0.90, 0.95)
_MARGIN = 0.03  # by so much above a goal an answer is clearly good


def goals_table(table: Table, low: Float64Array) -> str:
    """Return Markdown: a row for each goal. low: logits of the low number of each answer."""
    rows = []
    for goal in GOALS:
        told, good = low >= logit(goal), table.y >= goal
        clear = table.y >= goal + _MARGIN
        right = f"{np.mean(good[told]):.1%}" if told.any() else "-"
        rows.append(
            [
                f"{goal:.2f}",
                str(int(told.sum())),
                right,
                f"{int((told & good).sum())} of {int(good.sum())}",
                f"{int((told & clear).sum())} of {int(clear.sum())}",
            ]
        )
    head = ["goal", "told to stop", "rightly", "of so many that reach it", "of those .03 above"]
    return markdown(head, rows)


def kinds_table(table: Table, median: Float64Array, low: Float64Array) -> str:
    """Return Markdown: a row for each kind left out, at a goal of .90."""
    rows = []
    for kind in np.unique(table.source):
        of = table.source == kind
        told = of & (low >= logit(0.90))
        right = f"{np.mean(table.y[told] >= 0.90):.0%}" if told.any() else "-"
        error = np.abs(_probability(median[of]) - table.y[of]).mean()
        holds = np.mean(logit(table.y[of]) >= low[of])
        good = f"{int(np.sum(table.y[of] >= 0.90))} of {int(of.sum())}"
        rows.append([str(kind), good, f"{error:.3f}", f"{holds:.0%}", str(int(told.sum())), right])
    head = ["kind left out", "reach .90", "error", "at least the low number", "told", "rightly"]
    return markdown(head, rows)


def draw(table: Table, median: Float64Array, output: Path) -> None:
    """Draw the true Dice over the one to expect, a panel for each kind."""
    from matplotlib import pyplot

    kinds = np.unique(table.source)
    across = 5
    figure, panels = pyplot.subplots(
        -(-len(kinds) // across), across, figsize=(11, 2.2 * -(-len(kinds) // across)),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for panel, kind in zip(panels.ravel(), kinds, strict=False):
        of = table.source == kind
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        panel.plot(_probability(median[of]), table.y[of], ".", markersize=3)
        panel.set_title(str(kind), fontsize=9)
    for panel in panels.ravel()[len(kinds) :]:
        panel.set_visible(False)
    figure.supxlabel("Dice to expect, by models that did not see the kind")
    figure.supylabel("Dice")
    figure.tight_layout()
    figure.savefig(output, dpi=90)


def _probability(logits: Float64Array) -> Float64Array:
    return np.asarray(1 / (1 + np.exp(-logits)))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, help="the plot")
    given = parser.parse_args()
    table = load(given.work, ("state",))["state"]
    median, low, _ = left_out_quality(table, by_source=True)
    expected = _probability(median)
    print(
        f"{len(table.y)} answers; correlation with Dice "
        f"{np.corrcoef(expected, table.y)[0, 1]:.3f}, mean error "
        f"{np.abs(expected - table.y).mean():.3f}\n"
    )
    print(f"{goals_table(table, low)}\n\n{kinds_table(table, median, low)}")
    if given.output is not None:
        draw(table, median, given.output)


if __name__ == "__main__":
    main()
