"""Which strategy loses against which: the pairwise penalty matrix."""

from __future__ import annotations

import numpy as np

from fewslice.evaluation.simulation.bootstrap import paired_p, resampling
from fewslice.evaluation.simulation.curves import comparison_budgets
from fewslice.evaluation.simulation.study import FloatArray, Study

SIGNIFICANT = 0.05


def penalty_matrix(study: Study) -> FloatArray:
    """Return the pairwise penalty matrix, float64 (strategies, strategies), values in [0, 1].

    matrix[i, j] is the share of budgets at which strategy i loses significantly against j. For each
    budget (`comparison_budgets`), the differences of Dice on shared units are put to a paired
    two-sided t-test at 5 %, and 1 / (number of budgets) is added to the loser's row. Ash et al.
    2020, "Deep batch active learning by diverse, uncertain gradient lower bounds" (BADGE), section
    4, where the loser is the column, as in nnActive (Lüth et al. 2025, arXiv 2511.19183); here it
    is the row. Units count as `bootstrap` says: with several tasks, each task once, with the mean
    of its seeds. Dice after fewer answers than a run begins with is its first.
    """
    budgets = comparison_budgets(study)
    count = len(study.strategies)
    matrix = np.zeros((count, count))
    for one in range(count):
        for other in range(one):
            names = study.strategies[one], study.strategies[other]
            matrix[one, other], matrix[other, one] = losses(study, *names, budgets)
    return matrix


def losses(study: Study, one: str, other: str, budgets: FloatArray) -> tuple[float, float]:
    """Return the share of budgets at which one loses against the other, and the other way round."""
    units = study.shared(one, other)
    if not units:
        return 0.0, 0.0
    differences = np.stack([_difference(study, one, other, unit, budgets) for unit in units])
    means = resampling(units).group_means(differences)
    significant = paired_p(means) < SIGNIFICANT
    ahead = means.mean(axis=0) > 0
    return float((significant & ~ahead).mean()), float((significant & ahead).mean())


def mean_penalty(matrix: FloatArray) -> FloatArray:
    """Return how much each strategy loses, a mean over the others; float64 (strategies,).

    Lower is better. 0 for a single strategy.
    """
    return np.asarray(matrix.sum(axis=1) / max(len(matrix) - 1, 1))


def _difference(
    study: Study, one: str, other: str, unit: tuple[str, int], budgets: FloatArray
) -> FloatArray:
    values = []
    for strategy in (one, other):
        run = study.runs[strategy][unit]
        dice = run.dice_at("slices", budgets)
        values.append(np.where(np.isfinite(dice), dice, run.dice[0]))
    return np.asarray(values[0] - values[1])
