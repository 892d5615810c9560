"""What every strategy is: from candidates to a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.candidates import Candidates


@dataclass(frozen=True, eq=False)
class Ranking:
    """What to annotate next, best first.

    chosen: int64 (n,), row numbers of the candidates (of `rank_scans`: scan numbers). score:
    float64 (n,), the number the strategy decided by; larger is better, and scores of different
    strategies cannot be compared. reason: one short sentence each; a `Remark` speaks of structures
    by the numbers of their classes, and who knows more calls them by their names.
    """

    chosen: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.chosen)


class Strategy(Protocol):
    """A way of choosing. A strategy holds its settings only and is immutable."""

    def rank(self, candidates: Candidates, count: int, rng: np.random.Generator) -> Ranking:
        """Return up to `count` rows worth annotating next.

        Never an annotated row, never one twice; fewer than `count` if no more are left, and none
        (an empty ranking) if there are no candidates or all are annotated. Ties are broken by
        `rng`: the same seed gives the same ranking. Raises InputError if count is below 1.
        """
        ...
