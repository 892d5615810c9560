"""What strategies share: which rows may be asked, and putting scores in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates
from fewslice.errors import InputError
from fewslice.typing import Float64Array, Int64Array

# Scores closer than this (relative to the best) count as tied: rounding must not break ties.
_SAME = 1e-9


def open_rows(candidates: Candidates, count: int) -> Int64Array:
    """Return the rows that may be asked; none if all are annotated.

    Raises InputError if `count` is below 1, for that is no question.
    """
    if count < 1:
        raise InputError(f"Cannot suggest {count} slices; ask for one or more.")
    return candidates.open


def best_first(score: npt.ArrayLike, count: int, rng: np.random.Generator) -> Int64Array:
    """Return the places of the `count` greatest scores, best first; ties in random order."""
    values = np.asarray(score, dtype=np.float64)
    shuffled = rng.permutation(len(values))
    order: Int64Array = shuffled[np.argsort(-values[shuffled], kind="stable")][:count]
    return order


def best(score: Float64Array, rng: np.random.Generator) -> int:
    """Return the place of the greatest score, at random among those that equal it."""
    greatest = float(score.max())
    tied = np.flatnonzero(score >= greatest - _SAME * max(1.0, abs(greatest)))
    return int(rng.choice(tied))


def ranking(rows: npt.ArrayLike, score: npt.ArrayLike, reason: Sequence[str] | str) -> Ranking:
    """Put a ranking together; one reason may hold for all rows."""
    chosen = np.asarray(rows, dtype=np.int64)
    reasons = (reason,) * len(chosen) if isinstance(reason, str) else tuple(reason)
    return Ranking(chosen, np.asarray(score, dtype=np.float64), reasons)
