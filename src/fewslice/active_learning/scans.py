"""Which scan of a pool next: slices put together to scans, and any strategy over those."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.base import Ranking, Strategy
from fewslice.active_learning.candidates import Candidates
from fewslice.typing import Int64Array

_MEANS = (
    "voxels",
    "pixel_area",
    "foreground",
    "present",
    "entropy",
    "margin",
    "variance",
    "mutual_information",
    "class_entropy",
    "features",
)


def scan_candidates(candidates: Candidates) -> Candidates:
    """Return one row a scan, in ascending order of scan numbers, from the rows of its slices.

    Numbers are means over the slices that may still be asked, so that a scan does not win by
    having many slices, and one that is half annotated counts by what is left of it; `seconds` is
    their sum. points: those of its slice with the greatest mutual information, because batches
    compare point with point. annotated: all of its slices are (its numbers are then means over all
    of them). place: (scan, -1, -1). position: 0, for scans lie nowhere.
    """
    scans = np.unique(candidates.place[:, 0])
    rows = [np.flatnonzero(candidates.place[:, 0] == scan) for scan in scans]
    members = [_open_of(candidates, slices) for slices in rows]
    columns: dict[str, Any] = {name: _means(getattr(candidates, name), members) for name in _MEANS}
    columns["voxels"] = columns["voxels"].astype(np.int64)
    columns["place"] = np.stack((scans, -np.ones_like(scans), -np.ones_like(scans)), axis=1)
    columns["position"] = np.zeros(len(scans))
    columns["seconds"] = np.array(
        [candidates.seconds[member].sum() for member in members], dtype=np.float32
    )
    columns["annotated"] = np.array(
        [bool(candidates.annotated[slices].all()) for slices in rows], dtype=bool
    )
    loudest = [int(member[candidates.mutual_information[member].argmax()]) for member in members]
    columns["points"] = candidates.points[np.array(loudest, dtype=np.int64)]
    return Candidates(**{field.name: columns[field.name] for field in fields(Candidates)})


def rank_scans(
    candidates: Candidates, strategy: Strategy, count: int, rng: np.random.Generator
) -> Ranking:
    """Return up to `count` scans worth annotating next; `chosen` are scan numbers.

    The strategy sees scans as rows (`scan_candidates`), so that batches of scans are as varied as
    its batches of slices (`strided` is random here: nothing lies between scans). Scans with all
    slices annotated are never chosen.
    """
    scans = scan_candidates(candidates)
    ranking = strategy.rank(scans, count, rng)
    return Ranking(scans.place[ranking.chosen, 0], ranking.score, ranking.reason)


def _open_of(candidates: Candidates, slices: Int64Array) -> Int64Array:
    free = slices[~candidates.annotated[slices]]
    return free if len(free) else slices


def _means(values: npt.NDArray[Any], members: list[Int64Array]) -> npt.NDArray[np.float32]:
    means = [values[member].mean(axis=0, dtype=np.float64) for member in members]
    return np.array(means, dtype=np.float32).reshape(len(members), *values.shape[1:])
