"""How fast the gap to a perfect result closes with the structure voxels that were annotated."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from fewslice.evaluation.simulation.study import FloatArray, Run, Study

_FEWEST = 3


@dataclass(frozen=True)
class Efficiency:
    """The fit for one strategy. rate, error: None where the model cannot be fitted."""

    strategy: str
    rate: float | None
    error: float | None
    points: int


def foreground_efficiency(study: Study) -> list[Efficiency]:
    """Fit nnActive's foreground efficiency (Lüth et al. 2025, arXiv 2511.19183) per strategy.

    dice(x) = c - (c - d0) exp(-b (x - x0)), least squares over all points. x: annotated structure
    voxels (their unit: `Study.foreground`). c: Dice with everything annotated, see `ceiling`.
    x0 and d0: the smallest x, and mean Dice at the first answer, of each task, the same for all
    strategies, so that only b differs. b, the rate, is the foreground efficiency: the higher, the
    more a voxel drawn helps. error: its standard error (the root of the variance that scipy's
    curve_fit returns).
    """
    top = ceiling(study)
    starts = _starts(study)
    return [_fit(study, strategy, top, starts) for strategy in study.strategies]


def ceiling(study: Study) -> float:
    """Return Dice with everything annotated, or the highest of any run if that is not known."""
    if study.full_dice is not None:
        return study.full_dice
    return max(float(run.dice.max()) for of in study.runs.values() for run in of.values())


def fitted_rate(beyond: FloatArray, gap: FloatArray, dice: FloatArray, top: float) -> FloatArray:
    """Return the rate b of dice = top - gap exp(-b beyond), and its standard error; float64 (2,).

    All float64 (points,). NaN for both where there are too few points or it does not converge.
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    failed = np.full(2, np.nan)
    if np.count_nonzero(beyond > 0) < _FEWEST or not (gap > 0).any():
        return failed
    scale = float(beyond.max())

    def model(at: FloatArray, rate: float) -> FloatArray:
        return np.asarray(top - gap * np.exp(-rate * at))

    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("error", OptimizeWarning)
        try:
            found, covariance = curve_fit(model, beyond / scale, dice, p0=[1.0])
        except (RuntimeError, ValueError, OptimizeWarning):
            return failed
    result = np.array([found[0], np.sqrt(covariance[0, 0])]) / scale
    return result if np.isfinite(result).all() else failed


def _fit(
    study: Study, strategy: str, top: float, starts: dict[str, tuple[float, float]]
) -> Efficiency:
    rows = [
        (x - starts[task][0], top - starts[task][1], dice)
        for (task, _), run in study.runs[strategy].items()
        for x, dice in zip(run.foreground, run.dice, strict=True)
    ]
    beyond, gap, dice = np.array(rows).T
    rate, error = map(float, fitted_rate(beyond, gap, dice, top))
    fitted = np.isfinite(rate)
    return Efficiency(strategy, rate if fitted else None, error if fitted else None, len(rows))


def _starts(study: Study) -> dict[str, tuple[float, float]]:
    """Return x0 and d0 of each task."""
    found: dict[str, list[Run]] = {}
    for runs in study.runs.values():
        for (task, _), run in runs.items():
            found.setdefault(task, []).append(run)
    return {
        task: (
            min(float(run.foreground.min()) for run in runs),
            float(np.mean([run.dice[0] for run in runs])),
        )
        for task, runs in found.items()
    }
