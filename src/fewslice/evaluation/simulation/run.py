"""A whole simulation: runs on as many processes as there are, journal, tables and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fewslice._version import __version__
from fewslice.annotation.phrases import counted
from fewslice.batch.jobs import CountProgress, Function, Job, uncounted
from fewslice.batch.journal import open_journal, resume
from fewslice.errors import FewsliceError, InputError
from fewslice.evaluation.dataset import CaseFiles, find_dataset, remarks_on
from fewslice.evaluation.simulation.pool import POOL_PART, PoolTask, pool_tasks, run_pool
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.evaluation.simulation.volume import Point, VolumeTask, run_volume, volume_tasks
from fewslice.networks.shipped import shipped_weights

JOURNAL = "journal.jsonl"


def simulate(  # noqa: PLR0913 - one argument per thing a person can choose
    folder: Path,
    output: Path,
    settings: SimulationSettings | None = None,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: CountProgress = uncounted,
) -> dict[str, Any]:
    """Simulate annotation of a fully labelled dataset; write tables, summary and plots.

    folder: a dataset in the nnU-Net convention. output: folder for the results; what an earlier,
    interrupted simulation with the same settings finished there is not computed again. scheduler,
    workers: see `fewslice.batch.jobs.stream`. Each run reads its own scans.

    Returns the summary, which is also in summary.json. Runs that failed, and cases that cannot be
    read, are named in its entry "failed" and tried again the next time. Raises InputError,
    ReadError or WriteError.
    """
    from fewslice.evaluation.simulation.report import write_report

    settings = settings or SimulationSettings()
    unread: dict[str, str] = {}
    function, tasks = _runs(folder.resolve(), settings, unread)
    if not tasks:
        raise _nothing(folder, unread)
    identity = identity_of(folder, settings)
    points: list[Point] = []
    failed: dict[str, str] = {}
    with open_journal(output / JOURNAL, identity) as journal:
        jobs = [Job(task.key, (task,)) for task in tasks]
        outcomes = resume(function, jobs, journal, scheduler=scheduler, workers=workers)
        for done, outcome in enumerate(outcomes, start=1):
            if outcome.failure is None:
                points += outcome.result
            else:
                failed[outcome.key] = outcome.failure
            progress(done, len(tasks))
    if not points:
        raise FewsliceError(
            f"All {len(tasks)} runs failed; the first said: {next(iter(failed.values()))}"
        )
    import pandas as pd

    order = {task.key: number for number, task in enumerate(tasks)}
    points.sort(key=lambda point: (order.get(_key(point), 0), point["step"]))
    remarks = remarks_on(_cases(folder, settings))
    facts = {**identity, "remarks": remarks, "failed": unread | failed}
    return write_report(output, pd.DataFrame(points), facts)


def _cases(folder: Path, settings: SimulationSettings) -> Iterator[CaseFiles]:
    """Yield the cases that runs read."""
    parts = {settings.part: settings.most_cases}
    if settings.question != "volume":
        parts = {settings.part: settings.test_cases, POOL_PART: settings.most_cases}
    for part, most in parts.items():
        yield from find_dataset(folder, part, most, settings.spacing).cases


def _runs(
    folder: Path, settings: SimulationSettings, unread: dict[str, str]
) -> tuple[Function, Sequence[VolumeTask | PoolTask]]:
    """Return all runs. unread: gets why a case has none; each run of a pool reads all cases."""
    if settings.question == "volume":
        return run_volume, volume_tasks(folder, settings, unread)
    return run_pool, pool_tasks(folder, settings)


def _nothing(folder: Path, unread: Mapping[str, str]) -> InputError:
    """Return the error where there is no run. unread: why cases cannot be read, by their names."""
    if unread:
        return InputError(
            f"{folder} holds nothing to simulate: {counted(len(unread), 'case')} cannot be read; "
            f"the first said: {next(iter(unread.values()))}"
        )
    return InputError(
        f"{folder} holds nothing to simulate: no structure lies on four slices of the plane."
    )


def _key(point: Point) -> str:
    return f"{point['task']}/{point['strategy']}/{point['seed']}"


def identity_of(folder: Path, settings: SimulationSettings) -> dict[str, Any]:
    """Return what makes two simulations comparable, as JSON values; kept with the results."""
    import hashlib

    from fewslice.active_learning.next_slice.gain_model import GAIN_MODEL_FILE

    dataset = find_dataset(folder, settings.part, settings.most_cases)
    described = asdict(settings)
    if settings.spacing is None:
        del described["spacing"]  # so that simulations from before there was this setting go on
    return {
        "dataset": dataset.name,
        "dataset.json": dataset.digest,
        **described,
        "weights": shipped_weights()[1],
        "advice": hashlib.sha256(GAIN_MODEL_FILE.read_bytes()).hexdigest(),
        "fewslice": __version__,
    }
