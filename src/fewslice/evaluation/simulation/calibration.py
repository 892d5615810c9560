"""Whether the predicted Dice can be believed, and "you may stop" above all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fewslice.active_learning.next_slice.quality import GOOD_ENOUGH
from fewslice.evaluation.simulation.study import TOLERANCE, FloatArray, Run, Study

_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How predicted and true Dice agree, over all points with a prediction.

    error: mean absolute difference of the predicted median and the truth; bias: mean of predicted
    minus true. coverage: share of points with Dice at least `predicted_low`, the 10th percentile:
    0.9 were right. calibration_error: mean over ten bins of the predicted Dice of |mean predicted -
    mean true|, weighted by their points (Guo et al. 2017, "On calibration of modern neural
    networks", for scores in place of classes).
    stop: share of points that say "you may stop" (promised at least 0.90); stop_right: of
    these, the share where Dice is at least 0.90. The same for the first such point of every run:
    runs, runs_stopped, runs_right (counts).
    NaN where there is nothing to take a mean of.
    """

    strategy: str
    points: int
    error: float
    bias: float
    calibration_error: float
    coverage: float
    stop: float
    stop_right: float
    runs: int
    runs_stopped: int
    runs_right: int


ALL = "all strategies"


def calibrations(study: Study) -> list[Calibration]:
    """Return one row per strategy that predicted anything, and one for all of them."""
    predicting = {
        strategy: [run for run in runs.values() if np.isfinite(run.predicted).any()]
        for strategy, runs in study.runs.items()
    }
    rows = [calibration(name, runs) for name, runs in predicting.items() if runs]
    if len(rows) > 1:
        rows.append(calibration(ALL, [run for runs in predicting.values() for run in runs]))
    return rows


def calibration(name: str, runs: Iterable[Run]) -> Calibration:
    """Return how predictions of these runs agree with the truth; at least one prediction."""
    runs = list(runs)
    predicted, low, dice = predictions(runs)
    known = [np.isfinite(run.predicted) & np.isfinite(run.predicted_low) for run in runs]
    promised = [run.promised[at] for run, at in zip(runs, known, strict=True)]
    stop = says_stop(np.concatenate(promised))
    firsts = [first for run in runs if (first := _first_stop(run)) is not None]
    return Calibration(
        name,
        len(dice),
        float(np.abs(predicted - dice).mean()),
        float((predicted - dice).mean()),
        _calibration_error(predicted, dice),
        float((dice >= low - TOLERANCE).mean()),
        float(stop.mean()),
        float(_good(dice[stop]).mean()) if stop.any() else np.nan,
        len(runs),
        len(firsts),
        int(sum(_good(np.array(firsts)))),
    )


def predictions(runs: Iterable[Run]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return predicted Dice, its 10th percentile and the true Dice of all points with them."""
    stacked = np.concatenate(
        [np.stack([run.predicted, run.predicted_low, run.dice]) for run in runs], axis=1
    )
    predicted, low, dice = stacked[:, np.isfinite(stacked[:2]).all(axis=0)]
    return predicted, low, dice


def says_stop(promised: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return where "you may stop" is said, bool (points,)."""
    return np.asarray(promised >= GOOD_ENOUGH - TOLERANCE)


def reliability(predicted: FloatArray, dice: FloatArray) -> FloatArray:
    """Return mean predicted, mean true Dice and points of each bin of width 0.1; (bins, 3)."""
    place = np.clip((predicted * _BINS).astype(np.int64), 0, _BINS - 1)
    rows = [
        (predicted[place == at].mean(), dice[place == at].mean(), (place == at).sum())
        for at in np.unique(place)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _calibration_error(predicted: FloatArray, dice: FloatArray) -> float:
    rows = reliability(predicted, dice)
    return float(np.average(np.abs(rows[:, 0] - rows[:, 1]), weights=rows[:, 2]))


def _good(dice: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(dice >= GOOD_ENOUGH - TOLERANCE)


def _first_stop(run: Run) -> float | None:
    at = np.flatnonzero(says_stop(run.promised))
    return float(run.dice[at[0]]) if at.size else None
