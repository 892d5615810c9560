"""Confidence intervals by resampling, and the paired t-test.

Seeds of the same task are no independent evidence (some strategies do the same with each seed), so
with several tasks it is tasks that are resampled, each with all its seeds; with one task, seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.evaluation.simulation.study import FloatArray, Unit

RESAMPLES = 2000
_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Resampling:
    """How units are resampled.

    group: int64 (units,), which units are drawn together. counts: int64 (RESAMPLES, groups), how
    often each group is in each resample; every row sums to the number of groups.
    """

    group: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def mean_interval(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the 2.5th and 97.5th percentile of means over units (percentile bootstrap).

        values: float64 (units, ...), finite. NaN where there is only one group.
        Efron and Tibshirani 1993, "An introduction to the bootstrap", section 13.3.
        """
        return self._interval(self._sums(values) / self._sums(np.ones_like(values)))

    def ratio_interval(self, above: FloatArray, below: FloatArray) -> tuple[float, float]:
        """Return the interval of mean(above) / mean(below); both float64 (units,), below > 0."""
        low, high = self._interval(self._sums(above) / self._sums(below))
        return float(low), float(high)

    def group_means(self, values: FloatArray) -> FloatArray:
        """Return the mean of each group, (groups, ...); values: float64 (units, ...)."""
        sums, counts = (self._by_group(each) for each in (values, np.ones_like(values)))
        return sums / counts

    def _sums(self, values: FloatArray) -> FloatArray:
        return np.tensordot(self.counts.astype(np.float64), self._by_group(values), axes=1)

    def _by_group(self, values: FloatArray) -> FloatArray:
        sums = np.zeros((self.counts.shape[1], *values.shape[1:]))
        np.add.at(sums, self.group, values)
        return sums

    def _interval(self, resampled: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.counts.shape[1] < 2:
            unknown = np.full(resampled.shape[1:], np.nan)
            return unknown, unknown
        low, high = np.percentile(resampled, _PERCENTILES, axis=0)
        return low, high


def resampling(units: Sequence[Unit], seed: int = 0) -> Resampling:
    """Return how these units are resampled: by task, or by seed if there is one task only."""
    if not units:
        return Resampling(np.zeros(0, np.int64), np.zeros((RESAMPLES, 0), np.int64))
    by_task = len({task for task, _ in units}) > 1
    names = [task if by_task else str(number) for task, number in units]
    group = np.unique(names, return_inverse=True)[1].astype(np.int64)
    count = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.integers(count, size=(RESAMPLES, count)) + count * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count)
    return Resampling(group, counts.astype(np.int64))


def grouped_by(units: Sequence[Unit]) -> str:
    """Return what is taken as independent, in words."""
    several = len({task for task, _ in units}) > 1
    return "tasks, each with the mean of its seeds" if several else "seeds"


def paired_p(differences: FloatArray) -> FloatArray:
    """Return the p value of the two-sided t-test that the mean difference is 0 (Student 1908).

    differences: float64 (n, ...); returns (...). t = mean / (s / sqrt(n)), s the standard deviation
    with n - 1 in the denominator, has a t distribution of n - 1 degrees of freedom. 1 where all
    differences are 0, 0 where all are the same otherwise; NaN if n is below 2. The same as
    scipy.stats.ttest_1samp, without its warnings where differences hardly differ.
    """
    from scipy.special import stdtr

    count = len(differences)
    if count < 2:
        return np.full(differences.shape[1:], np.nan)
    error = differences.std(axis=0, ddof=1) / np.sqrt(count)
    mean = np.abs(differences.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(count - 1, -mean / error)
    return np.asarray(np.where(differences.any(axis=0), p, 1.0))
