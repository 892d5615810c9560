"""Retraining: from all annotation so far to a model of the task, promoted if it does better."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.annotation.phrases import counted
from fewslice.errors import FewsliceError, InputError, Remark, WriteError
from fewslice.training import store
from fewslice.training.choice import Choice
from fewslice.training.holdout import add_roles
from fewslice.training.inputs import AnyPath, Pair
from fewslice.training.resume_state import UNFINISHED, read_state, write_state
from fewslice.volumes.segments import Segment
from fewslice.workflow.training_remarks import known_segments
from fewslice.workflow.training_task import TrainingTask, TrainSettings, training_task

if TYPE_CHECKING:
    from fewslice.networks.distributed import Group
    from fewslice.training.model import TaskModel
    from fewslice.training.trainer import TaskState, Trained


@dataclass(frozen=True, eq=False)
class TrainOutcome:
    """What came of retraining.

    model: what was trained, also if it is not promoted. version: its number in the model folder,
    None without a folder or if interrupted. promoted: whether it is in use now. score, before:
    Dice on the held-out slices of this model and of the one promoted before; None where there is
    nothing to compare. held_out: how many slices judged. skipped: a sentence for each scan left
    out. remarks: sentences a person should read. finished: False if it was interrupted; then
    `unfinished` is where its state lies. leads: whether this is the process, of several that train
    together, that writes and shows what there is. choice: who answers: the network, the scans it
    learned from, or their mean; score is that of whoever does.
    """

    model: TaskModel
    version: int | None
    promoted: bool
    score: float | None
    before: float | None
    held_out: int
    steps: int
    skipped: tuple[str, ...]
    remarks: tuple[str, ...]
    finished: bool
    unfinished: Path | None = None
    leads: bool = True
    choice: Choice = field(default_factory=Choice)


def train(  # noqa: PLR0913 - most of it optional
    pairs: Sequence[Pair],
    model: AnyPath | None = None,
    *,
    settings: TrainSettings | None = None,
    resume: bool = False,
    report: Callable[[float, str], None] = lambda fraction, words: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainOutcome:
    """Train a model of the task on all that is annotated, and promote it if it does better.

    Part of the annotated slices is held out for good and judges every version. Processes that
    torchrun started train together, each on batches of its own, and return the same; the first
    alone judges and writes.

    Parameters
    ----------
    pairs
        Scans with their sparse labels: paths (several for a scan whose channels lie in files of
        their own, as in `read_image`), `Image` and `LabelMap`, or arrays (for folders, see
        `fewslice.training.inputs.pairs_in`). A scan that cannot be used is left out and named in
        the result.
    model
        Model folder, made if it is missing; None keeps the model in memory only.
    settings
        Of the training, and which part of the slices is held out.
    resume
        Go on with a training that was interrupted.
    report
        Called with the fraction done, 0 to 1, and the current loss in words.
    stop
        Asked after every step; True ends the training, to be resumed.

    Returns
    -------
    TrainOutcome
        The model, its Dice on held-out slices and that of the one before, and whether it was
        promoted.

    Raises
    ------
    InputError
        If nothing is annotated on any scan, or the promoted model has other channels.
    ReadError
        If there is nothing to resume, or it was of other annotation.
    WeightsError
        If the promoted model is damaged.
    WriteError
        If the folder cannot be written.
    """
    from fewslice.training.trainer import train_task_model

    settings = settings or TrainSettings()
    folder = None if model is None else Path(model)
    with _processes(settings.training.device) as group, _made(folder, group):
        task = training_task(pairs, folder, settings)
        _require_same(task, group)
        trained = train_task_model(
            task.learned,
            settings.training,
            state=read_state(folder, task.mark) if resume else None,
            report=report,
            stop=stop,
            keep=None if folder is None else lambda state: _keep(folder, task.mark, state, group),
            group=group,
        )
        outcome = _blank(trained, task, group, settings.segments)
        if trained.finished:
            report(1.0, "comparing on held-out slices")
            return _led(outcome, lambda: _judged(outcome, folder, task, trained, settings), group)
        if folder is None:
            return outcome
        _keep(folder, task.mark, trained.state, group)
        return replace(outcome, unfinished=folder / UNFINISHED)


@contextmanager
def _processes(device: str | None) -> Iterator[Group]:
    """Yield the processes that train together: those torchrun started, or this one alone."""
    import torch

    from fewslice.engines.network.inference import best_device
    from fewslice.networks.distributed import Group, process_group

    chosen = device or best_device()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Group(0, 1, torch.device(chosen))
        return
    with process_group(chosen.partition(":")[0]) as group:
        yield group


def _require_same(task: TrainingTask, group: Group) -> None:
    from fewslice.networks.distributed import gather

    if len(set(gather(task.mark, group))) > 1:
        raise InputError(
            "The processes do not all see the same scans and labels; put these and the model "
            "folder where all machines find them under the same paths."
        )


def _led(outcome: TrainOutcome, judge: Callable[[], TrainOutcome], group: Group) -> TrainOutcome:
    """Let the first process judge and write, and return what came of it in all of them."""
    from fewslice.networks.distributed import gather, lead

    found: list[TrainOutcome] = []
    lead(lambda: found.append(judge()), group)
    facts = [
        (each.version, each.promoted, each.score, each.before, each.remarks, each.choice)
        for each in found
    ]
    ((version, promoted, score, before, remarks, choice),) = gather(facts, group)[0]
    return replace(
        found[0] if found else outcome,
        version=version,
        promoted=promoted,
        score=score,
        before=before,
        remarks=remarks,
        choice=choice,
    )


def _blank(
    trained: Trained, task: TrainingTask, group: Group, segments: tuple[Segment, ...]
) -> TrainOutcome:
    return TrainOutcome(
        model=replace(trained.model, segments=known_segments(task.scans, segments)),
        version=None,
        promoted=False,
        score=None,
        before=None,
        held_out=len(task.held),
        steps=trained.state.step,
        skipped=task.skipped,
        remarks=task.remarks,
        finished=trained.finished,
        leads=group.leads,
    )


@contextmanager
def _made(folder: Path | None, group: Group) -> Iterator[None]:
    """Make the model folder, and remove it where the body raises before anything is in it."""
    from fewslice.networks.distributed import lead

    if folder is None:
        yield
        return
    new: list[Path] = []
    lead(lambda: new.extend(_make(folder)), group)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # what holds something is left
            for each in new:
                each.rmdir()
        raise


def _make(folder: Path) -> list[Path]:
    """Make a folder; return it, and those around it, that were not there, the innermost first."""
    try:
        new = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The model folder {folder} cannot be made ({error.strerror or error}); choose another."
        ) from error
    if not os.access(folder, os.W_OK):
        raise WriteError(f"The model folder {folder} is write-protected; choose another one.")
    return new


def _judged(
    outcome: TrainOutcome,
    folder: Path | None,
    task: TrainingTask,
    trained: Trained,
    settings: TrainSettings,
) -> TrainOutcome:
    """Compare with the promoted model on the held-out slices, and write the new version."""
    from fewslice.training.held_out import held_out_dice, mean_score

    outcome = _answered_best(outcome, task) if settings.support else outcome
    dice = held_out_dice(outcome.model, task.scans, task.slices, task.held)
    score = mean_score(dice)
    if folder is None:
        return replace(outcome, score=score, remarks=_told(outcome, task, settings, score))
    before = None
    if task.old is not None:
        before = mean_score(held_out_dice(task.old, task.scans, task.slices, task.held))
    better = task.old is None or (score is not None and before is not None and score > before)
    numbers = task.scans[0].numbering
    facts = {
        "score": score,
        "before": before,
        "dice": {str(numbers.value(value)): each for value, each in dice.items()},
        "held_out_slices": len(task.held),
        "trained_slices": sum(len(scan.annotation.slices) for scan in task.learned),
        "trained_scans": len(task.learned),
        "steps": trained.state.step,
        "seconds": round(trained.state.seconds, 1),
        "settings": asdict(settings),
    }
    # First what was learned from: should the computer stop here, no slice changes sides later.
    learned = {each.key for each in task.slices} - task.held
    add_roles(folder, task.roles, task.held, learned)
    number = store.save_version(folder, outcome.model, facts, trained.state.losses, outcome.choice)
    (store.promote if better else store.refuse)(folder, number)
    (folder / UNFINISHED).unlink(missing_ok=True)
    remarks = _told(outcome, task, settings, score) if better else outcome.remarks
    if task.old is not None and score is None:
        remarks = (*remarks, _NOT_JUDGED)
    return replace(
        outcome, version=number, promoted=better, score=score, before=before, remarks=remarks
    )


def _answered_best(outcome: TrainOutcome, task: TrainingTask) -> TrainOutcome:
    """Let whoever does best on held-out slices answer for the model."""
    from fewslice.training.comparison import with_best_answerer
    from fewslice.training.held_out import judges_of

    judges = judges_of(task.slices, task.held, task.roles.learned)
    try:
        model, choice = with_best_answerer(
            outcome.model, task.learned, task.scans, task.slices, judges
        )
    except FewsliceError as error:  # what was trained is not lost for that
        said = f"The model was not compared with its scans as support: {error}"
        return replace(outcome, remarks=(*outcome.remarks, said))
    remarks = outcome.remarks
    if choice.sentence:
        remarks = (*remarks, choice.sentence)
    if model.support is not None:
        remarks = (*remarks, _keeps(len(model.support.scans)))
    return replace(outcome, model=model, choice=choice, remarks=remarks)


def _told(
    outcome: TrainOutcome, task: TrainingTask, settings: TrainSettings, score: float | None
) -> tuple[str, ...]:
    """Return the remarks, and that a model which was not compared with support is a poor one."""
    from fewslice.training.comparison import slices_alone

    if not settings.support or outcome.choice.dice or score is None:
        return outcome.remarks
    try:
        alone = slices_alone(task.scans, task.slices, task.held)
    except FewsliceError:  # which was said of the other comparison
        return outcome.remarks
    if alone is None or score >= alone:
        return outcome.remarks
    return (*outcome.remarks, Remark("model-below-slices", _below(score, alone)))


def _below(score: float, alone: float) -> str:
    return (
        f"Nobody knows whether this model is of use: it has a Dice of {score:.3f} on held-out "
        f"slices, where the other slices drawn on the same scan give {alone:.3f} without it, and "
        "there is no other scan to compare on; draw slices on more scans and train again."
    )


def _keeps(scans: int) -> str:
    return (
        f"The model therefore holds parts of {counted(scans, 'scan')}: keep it as private as the "
        "scans themselves, or train with --no-support."
    )


_NOT_JUDGED = (
    "There is no held-out slice to compare the new model with the promoted one, which stays; "
    "for that, annotate three slices or more, and hold some of them out."
)


def _keep(folder: Path, mark: str, state: TaskState, group: Group) -> None:
    """Let the first process write the state."""
    from fewslice.networks.distributed import lead

    lead(partial(write_state, folder, mark, state), group)
