"""A simple engine that learns from support, for tests of what lies around engines.

It votes: a voxel is as likely of a class as the support scans say at the same relative place, times
how near its intensity is to the class's mean intensity, both in all scans with labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Prediction, Progress, Scan, SupportScan, silent
from fewslice.volumes.region import Region


@dataclass(frozen=True)
class Voting:
    """The engine. seen: the support scans it was given, for tests to look at."""

    seen: list[SupportScan] = field(default_factory=list, repr=False)

    @property
    def uses_support(self) -> bool:
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedVoting:
        self.seen[:] = support
        return PreparedVoting(scan, tuple(support))


@dataclass(frozen=True, eq=False)
class PreparedVoting:
    scan: Scan
    support: tuple[SupportScan, ...]

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        values = (0, *annotation.values)
        sources = list(self.support)
        if annotation.slices:
            sources.append(SupportScan(self.scan, annotation))
        score = np.stack([self._looks(value, sources) * self._votes(value) for value in values])
        probability = (score / score.sum(axis=0)).astype(np.float16)
        progress(1.0)
        return Prediction(Region((0, 0, 0), self.scan.shape), values, probability)

    def _looks(self, value: int, sources: list[SupportScan]) -> npt.NDArray[np.float64]:
        """Return the likeness of each voxel to a class, from its intensities where it is known."""
        found = np.concatenate(
            [
                each.scan.channels[0][each.annotation.known() & (each.annotation.labels == value)]
                for each in sources
            ]
        )
        mean = found.mean() if found.size else np.inf
        away = np.minimum(np.abs(self.scan.channels[0].astype(np.float64) - mean) * 4, 20)
        return np.asarray(np.exp(-away))

    def _votes(self, value: int) -> npt.NDArray[np.float64]:
        """Return the share of support scans with that label at the same relative place."""
        votes = np.full(self.scan.shape, 0.05)
        for each in self.support:
            place = np.ix_(
                *(
                    np.arange(mine) * theirs // mine
                    for mine, theirs in zip(self.scan.shape, each.scan.shape, strict=True)
                )
            )
            votes += (each.annotation.labels[place] == value) / len(self.support)
        return votes
