"""Which scans or slices of a pool to annotate next, so that the model learns most.

A pool streams: every scan is read by the worker that needs it and reduced to a few kilobytes a
slice there (`pool_rows`); only these come back, and the strategy ranks them all together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fewslice.active_learning.base import Ranking
from fewslice.active_learning.candidates import Candidates, stack
from fewslice.active_learning.scans import rank_scans
from fewslice.active_learning.strategies.registry import ALL_PLANES, find_strategy
from fewslice.annotation.phrases import counted
from fewslice.batch.jobs import CountProgress, Job, stream, uncounted
from fewslice.errors import InputError
from fewslice.io.scan_files import ScanFiles, scan_at
from fewslice.segmentation.posterior import Sampler
from fewslice.training.store import model_in_use
from fewslice.volumes import Image
from fewslice.volumes.coerce import AnyArray
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.pool_rows import (
    AnyLabels,
    NamedRows,
    PoolScan,
    RowSettings,
    named_rows,
)

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel

DEFAULT = "spread"
"""The strategy for pools: few slices of many scans, each structure in its turn, with noise."""

What = Literal["slices", "scans"]
AnyPath = str | os.PathLike[str]
Given = PoolScan | ScanFiles | AnyPath | Sequence[AnyPath] | Image | AnyArray


@dataclass(frozen=True)
class RankedItem:
    """Something worth annotating next.

    case: name of the scan. axis, index, plane: array axis, number and plane of the slice; None for
    a whole scan. score: the strategy's own; larger is better. seconds: of a person's time, by
    `fewslice.active_learning.cost`. reason: one sentence.
    """

    case: str
    axis: int | None
    index: int | None
    plane: str | None
    score: float
    seconds: float
    reason: str


@dataclass(frozen=True)
class SkippedScan:
    """A scan that could not be used. sentence: why. trace: for a log, if that was not foreseen."""

    case: str
    sentence: str
    trace: str | None = None


@dataclass(frozen=True)
class PoolRanking:
    """What `rank_pool` returns.

    items: best first. skipped: the scans left out. scans, slices: how many were looked at. open:
    how many slices of them are not annotated yet. strategy: its name. message: one sentence.
    remarks: case to what was assumed to read it and its labels, where that is not plain.
    """

    items: tuple[RankedItem, ...]
    skipped: tuple[SkippedScan, ...]
    scans: int
    slices: int
    open: int
    strategy: str
    message: str
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def rank_pool(  # noqa: PLR0913 - one argument per thing a person can choose
    pool: Iterable[
        PoolScan
        | ScanFiles
        | str
        | os.PathLike[str]
        | Sequence[str | os.PathLike[str]]
        | Image
        | AnyArray
    ],
    model: TaskModel | str | os.PathLike[str] | None = None,
    *,
    sampler: Sampler | None = None,
    count: int = 1,
    what: What = "slices",
    strategy: str | None = None,
    labels: Mapping[str, AnyLabels | os.PathLike[str]] | None = None,
    seed: int = 0,
    spacing: Spacing | None = None,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: CountProgress = uncounted,
) -> PoolRanking:
    """Say which slices, or whole scans, of a pool are worth annotating next.

    Scans are read one by one by whoever works on them, so a pool may be larger than memory. Scans
    that cannot be used are left out and named in the result.

    Parameters
    ----------
    pool
        Paths of files or DICOM folders (best, as only paths travel; several for a scan whose
        channels lie in files of their own), `ScanFiles` as `fewslice.io.folder.find_scans` gives
        them, `Image` objects, or arrays (i, j, k). Scans in
        memory are named by their number, from 0.
    model
        Of the task, from `load_model`, or the path of a model folder (best, as only paths travel).
    sampler
        Gives posterior samples of a scan instead of a model, see
        `fewslice.segmentation.posterior.Sampler`; it travels to the workers.
    count
        How many; fewer come back if there are no more.
    what
        "slices" or "scans".
    strategy
        A name in `fewslice.active_learning.strategies.registry.STRATEGIES`; None or "default" is
        spread.
    labels
        Case to what is annotated of it (path, `LabelMap` or array); these slices are not asked
        again.
    seed
        Of samples and ties: the same seed gives the same ranking.
    spacing
        mm per array axis of all scans, in place of what they say themselves.
    strict, ignore_label
        How labels are understood, as in `fewslice.segment`.
    scheduler, workers
        As in `fewslice.batch.jobs.stream`.
    progress
        Called with the number of scans done, and of the pool's if it has a length.

    Returns
    -------
    PoolRanking
        The items, best first, and what was left out.

    Raises
    ------
    InputError
        If the pool is empty, none of its scans can be used, or an argument is wrong.
    """
    name = DEFAULT if strategy is None or strategy == "default" else strategy
    chosen = find_strategy(name)
    asked = _sampler(model, sampler)
    if count < 1:
        raise InputError(f"The number of {what} to suggest is {count}; it must be at least 1.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it must be 0 or more.")
    if what not in ("slices", "scans"):
        raise InputError(f"Cannot rank {what!r} of a pool; choose slices or scans.")
    names: list[str] = []
    all_planes = name == ALL_PLANES and what == "slices"
    settings = RowSettings(seed, all_planes, spacing, ignore_label, strict)
    jobs = _jobs(pool, asked, settings, {} if labels is None else labels, names)
    found: dict[int, NamedRows] = {}
    skipped: dict[int, SkippedScan] = {}
    for outcome in stream(named_rows, jobs, scheduler=scheduler, workers=workers):
        number = int(outcome.key)
        if outcome.failure is None:
            found[number] = outcome.result
        else:
            skipped[number] = SkippedScan(names[number], outcome.failure, outcome.trace)
        done = len(found) + len(skipped)
        progress(done, len(pool) if isinstance(pool, Sized) else done)
    left_out = tuple(skipped[number] for number in sorted(skipped))
    if not found:
        raise _nothing(left_out)
    candidates = stack(found[number].rows for number in sorted(found))
    rng = np.random.default_rng(seed)
    if what == "scans":
        ranking = rank_scans(candidates, chosen, count, rng)
        items = _scan_items(ranking, candidates, names, found)
    else:
        items = _slice_items(chosen.rank(candidates, count, rng), candidates, names, found)
    message = _message(items, left_out, len(found), count, what)
    free = int(np.count_nonzero(~candidates.annotated))
    remarks = {names[number]: found[number].remarks for number in sorted(found)}
    return PoolRanking(
        items,
        left_out,
        len(found),
        len(candidates),
        free,
        name,
        message,
        {case: said for case, said in remarks.items() if said},
    )


def _sampler(model: TaskModel | str | os.PathLike[str] | None, sampler: Sampler | None) -> Sampler:
    if sampler is not None and model is None:
        return sampler
    if sampler is not None or model is None:
        raise InputError("A pool is ranked by a model or by a sampler; give one of the two.")
    from fewslice.training.dropout import Dropout

    if isinstance(model, str | os.PathLike):
        return Dropout(str(model_in_use(Path(model))[0]))
    return Dropout(model)


def _jobs(
    pool: Iterable[Given],
    sampler: Sampler,
    settings: RowSettings,
    labels: Mapping[str, AnyLabels | os.PathLike[str]],
    names: list[str],
) -> Iterator[Job]:
    """Yield a job for each scan; `names` collects what the scans are called."""
    for number, given in enumerate(pool):
        scan = _pool_scan(number, given)
        drawn = labels.get(scan.name)
        if drawn is not None:
            if isinstance(drawn, str | os.PathLike):
                drawn = str(Path(drawn).absolute())  # workers may be elsewhere
            scan = replace(scan, labels=drawn)
        names.append(scan.name)
        yield Job(str(number), (number, scan, sampler, settings))


def _pool_scan(number: int, given: Given) -> PoolScan:
    if isinstance(given, PoolScan):
        return given
    if isinstance(given, ScanFiles):
        return PoolScan(given.name, given)
    if isinstance(given, str | os.PathLike):
        given = [given]
    if not isinstance(given, Image | np.ndarray):
        files = scan_at([Path(each) for each in given])
        return PoolScan(files.name, files)
    return PoolScan(str(number), given)


def _slice_items(
    ranking: Ranking,
    candidates: Candidates,
    names: list[str],
    found: Mapping[int, NamedRows],
) -> tuple[RankedItem, ...]:
    items = []
    for row, score, reason in zip(ranking.chosen, ranking.score, ranking.reason, strict=True):
        scan, axis, index = (int(each) for each in candidates.place[row])
        seconds = float(candidates.seconds[row])
        plane, said = found[scan].planes[axis], found[scan].calling(reason)
        items.append(RankedItem(names[scan], axis, index, plane, float(score), seconds, said))
    return tuple(items)


def _scan_items(
    ranking: Ranking, candidates: Candidates, names: list[str], found: Mapping[int, NamedRows]
) -> tuple[RankedItem, ...]:
    items = []
    for scan, score, reason in zip(ranking.chosen, ranking.score, ranking.reason, strict=True):
        free = (candidates.place[:, 0] == scan) & ~candidates.annotated
        seconds = float(candidates.seconds[free].sum())
        case, said = names[int(scan)], found[int(scan)].calling(reason)
        items.append(RankedItem(case, None, None, None, float(score), seconds, said))
    return tuple(items)


def _nothing(skipped: tuple[SkippedScan, ...]) -> InputError:
    if not skipped:
        return InputError("The pool is empty; give at least one scan.")
    first = skipped[0]
    return InputError(
        f"None of the {counted(len(skipped), 'scan')} of the pool can be used; the first, "
        f"{first.case}: {first.sentence}"
    )


def _message(
    items: tuple[RankedItem, ...],
    skipped: tuple[SkippedScan, ...],
    scans: int,
    count: int,
    what: What,
) -> str:
    of = f"the pool of {counted(scans, 'scan')}"
    if skipped:
        of += f" ({len(skipped)} more could not be used)"
    if not items:
        return f"Everything in {of} is annotated: there is nothing left to ask."
    if len(items) < count:
        return f"These are all {what} of {of} that are not annotated: {len(items)}, not {count}."
    return f"The best of {of}, first things first."
