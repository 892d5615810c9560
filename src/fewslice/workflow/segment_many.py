"""Segmenting a folder of scans: each by the worker that has time, none twice after a restart."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fewslice._version import __version__
from fewslice.batch.jobs import CountProgress, Job, Outcome, uncounted
from fewslice.batch.journal import Journal, open_journal, resume
from fewslice.engines import find_engine
from fewslice.engines.identity import engine_identity
from fewslice.errors import InputError
from fewslice.io import DicomOutput, require_writable
from fewslice.io.atomic import failures_named
from fewslice.io.folder import find_labels, find_scans, read_as
from fewslice.io.formats import RESULT_ENDINGS, listed
from fewslice.io.scan_files import ScanFiles, scan_at
from fewslice.networks.shipped import shipped_weights
from fewslice.training.choice import Choice
from fewslice.training.store import choice_in_use, model_in_use
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.segments import Segment
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.segment_one import STAGING, Recipe, segment_one

JOURNAL = "segment-many.jsonl"
LOG = "segment-many.log"


@dataclass(frozen=True)
class FailedScan:
    """A scan that could not be segmented, and the sentence that says why."""

    case: str
    sentence: str


@dataclass(frozen=True)
class ManySegmented:
    """What `segment_many` returns; all by case.

    finished: what is known of each, as JSON values (see `segment_one`). earlier: how many of them
    were finished in an earlier run. failed: the others. strays: labels without a scan. log: where
    failures that were not foreseen are written in full, or None. remarks: what holds for all scans.
    """

    output: Path
    finished: tuple[dict[str, Any], ...]
    earlier: int
    failed: tuple[FailedScan, ...]
    strays: tuple[str, ...]
    log: Path | None = None
    remarks: tuple[str, ...] = ()


def segment_many(  # noqa: PLR0913 - one argument per thing a person can choose
    scans: Path,
    output: Path,
    *,
    labels: Path | None = None,
    model: Path | None = None,
    support: Sequence[tuple[Path | ScanFiles, Path]] = (),
    engine: str = "auto",
    largest_component: bool = False,
    spacing: Spacing | None = None,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
    series: str | None = None,
    fill_gaps: bool = False,
    alone: bool = False,
    suffix: str = RESULT_ENDINGS[0],
    dicom: DicomOutput | None = None,
    segments: tuple[Segment, ...] = (),
    scheduler: str | None = None,
    workers: int | None = None,
    progress: CountProgress = uncounted,
) -> ManySegmented:
    """Segment all scans of a folder; write ``CASE.nii.gz`` for each into another.

    scans: as `fewslice.io.folder.find_scans` finds them; alone: as there. series, fill_gaps: as in
    `fewslice.read_image`, of every scan in DICOM. suffix: one of RESULT_ENDINGS; in DICOM, results
    belong to the series of their scan, and dicom says the rest. segments: names and colours of
    structures. labels: folder with sparse labels, one named ``CASE.nii.gz`` for the scan CASE.
    model: of `fewslice.train`; scans need no labels then, and what is drawn stays. support: (scan,
    labels) of other scans, for an engine that can learn from them. spacing: mm per array axis of
    all scans, in place of what their files say, as in `fewslice.segment`; strict, ignore_label: as
    there. scheduler, workers: as in `fewslice.batch.jobs.stream`; workers read and write the files,
    so all paths must be the same for them. output: also keeps a journal, by which a run that was
    interrupted goes on; a scan whose files have changed since, or whose result is gone, is done
    again.

    Scans that cannot be segmented are named in the result. Raises InputError, ReadError or
    WriteError for folders or options that cannot be used.
    """
    if labels is None and model is None and not support:
        raise InputError(
            "There is nothing to go by; give a folder of labels (--labels), a model (--model), or "
            "other scans with labels (--support)."
        )
    recipe, identity = _recipe(model, support, engine, largest_component)
    if spacing is not None:
        recipe, identity = replace(recipe, spacing=spacing), identity | {"spacing": list(spacing)}
    if strict:
        recipe, identity = replace(recipe, strict=True), identity | {"strict": True}
    if ignore_label != UNKNOWN:
        recipe = replace(recipe, ignore_label=ignore_label)
        identity |= {"ignore_label": ignore_label}
    if suffix not in RESULT_ENDINGS:
        raise InputError(f"Results cannot end with {suffix!r}; choose {listed(RESULT_ENDINGS)}.")
    if suffix != RESULT_ENDINGS[0]:
        recipe, identity = replace(recipe, suffix=suffix), identity | {"suffix": suffix}
    if segments:
        named = [[each.value, each.name, each.colour] for each in segments]
        recipe, identity = replace(recipe, segments=segments), identity | {"segments": named}
    if dicom is not None:
        recipe, identity = replace(recipe, dicom=dicom), identity | {"dicom": repr(dicom)}
    drawn = {} if labels is None else find_labels(labels)
    found = read_as(find_scans(scans, drawn, alone=alone), series, fill_gaps)
    if labels is not None:
        _require_matching(drawn, labels, scans, found)
    _prepare(output, [scans, *([] if labels is None else [labels])])
    usable = [scan for scan in found if scan.name in drawn or model or support]
    jobs = {
        scan.name: _job(scan, drawn.get(scan.name), recipe, output.absolute()) for scan in usable
    }
    failed = [
        FailedScan(scan.name, f"It has no labels in {labels}.")
        for scan in found
        if scan.name not in jobs
    ]
    with open_journal(output / JOURNAL, identity) as journal:
        _forget_lost(journal, output)
        earlier = sum(job.key in journal.finished for job in jobs.values())
        outcomes: dict[str, Outcome] = {}
        progress(len(failed), len(found))
        for outcome in resume(
            segment_one, jobs.values(), journal, scheduler=scheduler, workers=workers
        ):
            outcomes[outcome.key] = outcome
            progress(len(failed) + len(outcomes), len(found))
        _tidy(output)
    pairs = [(name, outcomes[job.key]) for name, job in jobs.items()]
    failed += [FailedScan(name, each.failure) for name, each in pairs if each.failure is not None]
    return ManySegmented(
        output,
        tuple(each.result for _, each in pairs if each.failure is None),
        earlier,
        tuple(sorted(failed, key=lambda each: each.case)),
        tuple(sorted(drawn.keys() - {scan.name for scan in found})),
        _write_log(output / LOG, pairs),
        _model_remarks(model),
    )


def _model_remarks(model: Path | None) -> tuple[str, ...]:
    """Say once that not the network answered, instead of with every scan."""
    choice = Choice() if model is None else choice_in_use(model)
    return () if choice.chosen == "model" else (str(choice.remark),)


def _recipe(
    model: Path | None,
    support: Sequence[tuple[Path | ScanFiles, Path]],
    engine: str,
    largest_component: bool,
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe and what identifies it: results of another one are not mixed in."""
    identity: dict[str, Any] = {"fewslice": __version__, "largest_component": largest_component}
    if model is not None:
        if support or engine != "auto":
            raise InputError(
                "A model segments by itself; leave out the engine and support scans, or the model."
            )
        folder, digest = model_in_use(model)
        return Recipe(engine, str(folder), (), largest_component), identity | {"model": digest}
    pairs = tuple((_absolute(scan), str(drawn.absolute())) for scan, drawn in support)
    identity |= {"engine": engine_identity(find_engine(engine)), "weights": shipped_weights()[1]}
    identity["support"] = [_fingerprint([*scan.paths, Path(drawn)]) for scan, drawn in pairs]
    return Recipe(engine, None, pairs, largest_component), identity


def _absolute(scan: Path | ScanFiles) -> ScanFiles:
    files = scan_at(scan) if isinstance(scan, Path) else scan
    return replace(files, images=tuple(path.absolute() for path in files.images))


def _require_matching(
    drawn: Mapping[str, Path], labels: Path, scans: Path, found: Sequence[ScanFiles]
) -> None:
    """Raise InputError if no label map belongs to a scan."""
    if not drawn.keys() & {scan.name for scan in found}:
        raise InputError(
            f"No label map in {labels} has the name of a scan in {scans} (such as "
            f"{found[0].name}.nii.gz); rename them, or leave --labels out."
        )


def _prepare(output: Path, inputs: Sequence[Path]) -> None:
    """Make the folder. Raises unless files can be written there that are no inputs."""
    with failures_named(output):
        output.mkdir(parents=True, exist_ok=True)
    if any(output.resolve() == folder.resolve() for folder in inputs):
        raise InputError(
            f"The output folder {output} holds inputs as well, which are never changed; choose "
            "another folder."
        )
    require_writable(output / "case.nii.gz")


def _job(scan: ScanFiles, labels: Path | None, recipe: Recipe, output: Path) -> Job:
    files = [*scan.images, *([] if labels is None else [labels])]
    drawn = None if labels is None else str(labels)
    read = "".join(f" {each}" for each in (scan.series, scan.fill_gaps) if each)
    key = f"{scan.name} {_fingerprint(files)}{read}"
    return Job(key, (scan, drawn, recipe, str(output)))


def _fingerprint(files: Sequence[Path]) -> str:
    """Return a few letters that change when files do: their names, sizes and times."""
    seen: list[object] = []
    for path in files:
        try:
            found = path.stat()
            seen.append((path.name, found.st_size, found.st_mtime_ns))
        except OSError:  # whoever reads it will say what is wrong
            seen.append(path.name)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]


def _forget_lost(journal: Journal, output: Path) -> None:
    """Forget results whose file is no longer there."""
    for key, result in list(journal.finished.items()):
        if not (output / result["output"]).is_file():
            del journal.finished[key]


def _tidy(output: Path) -> None:
    """Remove what workers that were killed left half written."""
    for place in output.glob(f"{STAGING}*"):
        shutil.rmtree(place, ignore_errors=True)


def _write_log(path: Path, pairs: Sequence[tuple[str, Outcome]]) -> Path | None:
    """Add what was not foreseen to the log."""
    traces = [f"{name}\n{each.trace}\n" for name, each in pairs if each.trace is not None]
    if not traces:
        return None
    with failures_named(path), path.open("a", encoding="utf-8") as stream:
        stream.writelines(traces)
    return path


def as_dict(found: ManySegmented) -> Mapping[str, Any]:
    """Return a result as JSON values."""
    return {
        "output": str(found.output),
        "finished": list(found.finished),
        "earlier": found.earlier,
        "failed": {each.case: each.sentence for each in found.failed},
        "strays": list(found.strays),
        "log": None if found.log is None else str(found.log),
        "remarks": list(found.remarks),
    }
