"""`fewslice train` and `fewslice models`: a model of the task from all that is annotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from fewslice.annotation.phrases import counted
from fewslice.cli import options
from fewslice.cli.exit_codes import INTERRUPTED
from fewslice.cli.pairs import parse_pair
from fewslice.cli.training_run import asked_to_stop, training_bar
from fewslice.errors import InputError
from fewslice.io.folder import read_as
from fewslice.io.scan_files import ScanFiles
from fewslice.training import store
from fewslice.training.inputs import Pair, pairs_in
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.train import TrainOutcome, train
from fewslice.workflow.training_task import TrainSettings


@click.command("train")
@click.argument("pairs", metavar="[SCAN[+CHANNEL...]=LABELS]...", nargs=-1)
@click.option(
    "--images", type=options.PATH, help="Folder of scans, CASE_0000.nii.gz, for --labels."
)
@click.option("--labels", type=options.PATH, help="Folder of their sparse labels, CASE.nii.gz.")
@click.option("--model", type=options.PATH, required=True, help="Model folder; created if missing.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=300,
    show_default=True,
    help="Time to train.",
)
@click.option(
    "--steps",
    type=options.POSITIVE,
    help="Train this many steps instead, however long they take; the result is then reproducible.",
)
@options.seed("Drives random choices.")
@click.option(
    "--hold-out",
    type=click.FloatRange(0, 0.5),
    default=0.2,
    show_default=True,
    help="Fraction of the annotated slices held out to compare models.",
)
@click.option(
    "--absent-unknown",
    is_flag=True,
    help="Treat a label drawn nowhere in a scan as not looked for there, not as absent.",
)
@click.option(
    "--no-support",
    is_flag=True,
    help="Keep no parts of scans with the model, even if they answer better than it does.",
)
@options.strict()
@options.ignore_label()
@options.spacing("all scans and their labels")
@options.alone("scans")
@options.dicom()
@options.names()
@click.option("--resume", is_flag=True, help="Continue an interrupted training.")
@options.quiet()
def train_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    pairs: tuple[str, ...],
    images: Path | None,
    labels: Path | None,
    model: Path,
    seconds: float,
    steps: int | None,
    seed: int,
    hold_out: float,
    absent_unknown: bool,
    no_support: bool,
    strict: bool,
    ignore_label: int | None,
    spacing: Spacing | None,
    alone: bool,
    series: str | None,
    fill_gaps: bool,
    names_file: Path | None,
    names: tuple[str, ...],
    resume: bool,
    quiet: bool,
) -> int | None:
    """Train a model of your own task on everything annotated so far.

    Labels are sparse, as for fewslice segment: a few slices of each scan are enough, and 255 means
    "not looked at". Give scans one by one (SCAN=LABELS), or a folder of scans and one of labels.
    Some annotated slices are held out for good; a new model is promoted only if it does better on
    them than the current one. It is also compared with the scans themselves as support; whichever
    does better answers later. fewslice segment SCAN --model FOLDER then segments scans without any
    annotation. After Ctrl-C, --resume continues. Works under torchrun with several processes.
    """
    from fewslice.training.scan import TaskSettings

    training = TaskSettings(seconds=seconds, steps=steps, seed=seed)
    segments = options.segments_given(names_file, names)
    settings = TrainSettings(
        training,
        hold_out,
        absent_unknown,
        spacing,
        strict,
        ignore_label,
        segments,
        support=not no_support,
    )
    found = _pairs(pairs, images, labels, alone)
    scans = read_as([scan for scan, _ in found], series, fill_gaps)
    given: list[Pair] = [(scan, drawn) for scan, (_, drawn) in zip(scans, found, strict=True)]
    with training_bar(quiet) as report, asked_to_stop() as stop:
        outcome = train(given, model, settings=settings, resume=resume, report=report, stop=stop)
    if outcome.leads:
        _show(outcome, model, quiet)
    return None if outcome.finished else INTERRUPTED


@click.command("models")
@click.argument("folder", type=options.PATH)
@click.option("--rollback", is_flag=True, help="Roll back to the version promoted before.")
def models_command(folder: Path, rollback: bool) -> None:
    """List the versions in a model FOLDER with their Dice on the slices held out at the time."""
    if rollback:
        click.echo(f"Version {store.roll_back(folder)} is in use again.")
    for version in store.versions(folder):
        mark = "promoted" if version.promoted else ""
        click.echo(
            f"{version.number:04d}  Dice {_dice(version.score)} (before {_dice(version.before)})  "
            f"{counted(version.slices, 'slice')} of {counted(version.scans, 'scan')}  "
            f"{_answered_by(version):<8}{mark}".rstrip()
        )


def _answered_by(version: store.Version) -> str:
    chosen = version.choice.chosen
    return "" if chosen == "model" else chosen


def _pairs(
    texts: Sequence[str], images: Path | None, labels: Path | None, alone: bool
) -> list[tuple[ScanFiles, Path]]:
    if (images is None) != (labels is None):
        raise InputError("--images and --labels belong together; give both folders or neither.")
    found = [parse_pair(text, alone=alone) for text in texts]
    if images is not None and labels is not None:
        found += pairs_in(images, labels, alone=alone)
    if not found:
        raise InputError(
            "There is nothing to learn from; give scans with their labels (SCAN=LABELS ...), or "
            "--images FOLDER --labels FOLDER."
        )
    return found


def _show(outcome: TrainOutcome, folder: Path, quiet: bool) -> None:
    if not outcome.finished:
        click.echo(
            f"fewslice: Interrupted at step {outcome.steps}; its state is {outcome.unfinished}: "
            "go on with the same command and --resume.",
            err=True,
        )
        return
    for sentence in outcome.skipped:
        click.echo(f"fewslice: {sentence}", err=True)
    if not quiet:
        for line in _summary(outcome, folder):
            click.echo(line)


def _summary(outcome: TrainOutcome, folder: Path) -> Iterator[str]:
    yield f"Trained     {outcome.steps} steps"
    for remark in outcome.remarks:
        yield f"            {remark}"
    if outcome.score is not None:
        yield (
            f"Held out    {counted(outcome.held_out, 'slice')}: Dice {_dice(outcome.score)}"
            + (
                f", the promoted model {_dice(outcome.before)}"
                if outcome.before is not None
                else ""
            )
        )
    what = "promoted" if outcome.promoted else "not promoted, the one in use stays"
    yield f"Version     {outcome.version:04d} in {folder}: {what}"


def _dice(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
