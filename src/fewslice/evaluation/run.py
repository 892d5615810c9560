"""The whole evaluation: cases to tables to summary and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fewslice._version import __version__
from fewslice.batch.jobs import CountProgress, uncounted
from fewslice.engines import find_engine
from fewslice.engines.identity import engine_identity
from fewslice.errors import InputError
from fewslice.evaluation.cases import run_cases
from fewslice.evaluation.dataset import Dataset, find_dataset
from fewslice.evaluation.rows import CaseFailure
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.summary import load_table, summarise
from fewslice.evaluation.tables import open_results, write_json
from fewslice.networks.shipped import shipped_weights
from fewslice.processors import available_processors

SUMMARY = "summary.json"


def evaluate(  # noqa: PLR0913 - one argument per thing a person can choose
    folder: Path,
    output: Path,
    settings: Settings | None = None,
    *,
    part: str = "Ts",
    most_cases: int | None = None,
    jobs: int | None = None,
    progress: CountProgress = uncounted,
) -> dict[str, Any]:
    """Evaluate engines on a fully labelled dataset; write tables, summary and plots.

    folder: a dataset in the nnU-Net convention (see `dataset`). output: folder for the results; if
    it holds those of an earlier run with the same settings, cases in its tables are not evaluated
    again. part: "Ts" for imagesTs. most_cases: only the first ones by name. jobs: cases evaluated
    at once, None for the number of processors.

    Returns the summary, which describes everything in the tables of `output`. Cases that cannot
    be read are named in its entry "failed" and tried again by the next run. Raises ReadError or
    InputError for a dataset, settings or a folder that cannot be used, WriteError if results
    cannot be written.
    """
    settings = settings or Settings()
    jobs = available_processors() if jobs is None else jobs
    if jobs < 1 or (most_cases is not None and most_cases < 1):
        raise InputError("The numbers of jobs and of cases must be at least 1.")
    dataset = _find(folder, part, settings, most_cases)
    support = settings.support
    candidates = _find(folder, support.part, settings).cases if support else ()
    identity = settings_record(dataset, settings)
    results = open_results(output, identity)
    finished = set(results.finished)
    waiting = [case for case in dataset.cases if case.name not in finished]
    total, done = len(dataset.cases), len(dataset.cases) - len(waiting)
    progress(done, total)
    failed: dict[str, str] = {}

    def show(more: float) -> None:
        progress(done + more, total)

    for outcome in run_cases(waiting, settings, jobs, show, candidates):
        if isinstance(outcome, CaseFailure):
            failed[outcome.name] = outcome.reason
        else:
            results.append(outcome)
    return _conclude(output, identity, failed)


def _find(folder: Path, part: str, settings: Settings, most: int | None = None) -> Dataset:
    dataset = find_dataset(folder, part, most, settings.spacing)
    return dataset if settings.channels is None else dataset.with_channels(settings.channels)


def settings_record(dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """Return what makes two evaluations comparable, as JSON values; stored with the results."""
    chosen = {"spacing": settings.spacing, "channels": settings.channels}
    given = {name: list(value) for name, value in chosen.items() if value is not None}
    return {
        "dataset": dataset.name,
        "part": dataset.part,
        "dataset.json": dataset.digest,
        "plane": settings.plane,
        "annotator": settings.annotator,
        "slices": list(settings.slices),
        "seed": settings.seed,
        "support": None if settings.support is None else str(settings.support),
        "engines": {name: engine_identity(find_engine(name)) for name in settings.engines},
        "weights": shipped_weights()[1],
        "fewslice": __version__,
        **given,
    }


def written_files(output: Path) -> tuple[Path, ...]:
    """Return the paths of the results in a folder, for a person to look at."""
    names = ("scores.csv", "distances.csv", "cases.csv", SUMMARY)
    found = [output / name for name in names] + sorted(output.glob("[!.]*.png"))
    return tuple(path for path in found if path.exists())


def _conclude(output: Path, identity: dict[str, Any], failed: dict[str, str]) -> dict[str, Any]:
    from fewslice.evaluation.plots import write_plots

    results = open_results(output, identity)
    summary = summarise(results, identity, failed)
    write_json(output / SUMMARY, summary)
    write_plots(
        output,
        load_table(results, "scores.csv"),
        load_table(results, "distances.csv"),
        tuple(identity["engines"]),
    )
    return summary
