"""Retraining: from all annotation so far to a model of the task, promoted if it does better."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.errors import FewsliceError, InputError, ReadError, WriteError
from fewslice.slices.annotation import drawn_voxels, find_annotation
from fewslice.training.task_scan import TaskScan, TaskSettings, label_values
from fewslice.volumes import read_image, read_labels
from fewslice.volumes.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow import models
from fewslice.workflow.grids import AnyArray, on_one_grid
from fewslice.workflow.unfinished import UNFINISHED, read_state, write_state
from fewslice.workflow.wording import counted

if TYPE_CHECKING:
    from fewslice.training.distributed import Group
    from fewslice.training.task_held_out import Judged
    from fewslice.training.task_model import TaskModel
    from fewslice.training.task_trainer import TaskState, Trained

AnyPath = str | os.PathLike[str]
Pair = tuple[Image | AnyArray | AnyPath, LabelMap | AnyArray | AnyPath]

_SLICES = "slices.json"
_CHANNEL = "_0000"


@dataclass(frozen=True)
class RetrainSettings:
    """How to retrain. training: see `TaskSettings`. hold_out: part of the annotated slices that
    judges models and is never learned from. absent_unknown: whether a label drawn on no slice of
    a scan was not looked for there, so that it may be anywhere on its background.
    """

    training: TaskSettings = field(default_factory=TaskSettings)
    hold_out: float = 0.2
    absent_unknown: bool = False


@dataclass(frozen=True, eq=False)
class Retrained:
    """What came of retraining.

    model: what was trained, also if it is not promoted. version: its number in the model folder,
    None without a folder or if interrupted. promoted: whether it is in use now. score, before:
    Dice on the held-out slices of this model and of the one promoted before; None where there is
    nothing to compare. held_out: how many slices judged. skipped: a sentence for each scan left
    out. remarks: sentences a person should read. finished: False if it was interrupted; then
    `unfinished` is where its state lies. leads: whether this is the process, of several that train
    together, that writes and shows what there is.
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


def retrain(  # noqa: PLR0913 - most of it optional
    pairs: Sequence[Pair],
    model: AnyPath | None = None,
    *,
    settings: RetrainSettings | None = None,
    resume: bool = False,
    report: Callable[[float, str], None] = lambda fraction, words: None,
    stop: Callable[[], bool] = lambda: False,
) -> Retrained:
    """Train a model of the task on all that is annotated, and promote it if it does better.

    pairs: scans with their sparse labels, as paths, `Image` and `LabelMap`, or arrays; a scan that
    cannot be used is left out and named in the result. model: the model folder, made if it is
    missing; None trains without one. resume: go on with a training that was interrupted. report:
    called with the fraction done and the current loss. stop: asked after every step.

    Processes that torchrun started train together, each on batches of its own, and return the same;
    the first one alone judges and writes. All must see the same files.

    Raises InputError if nothing is annotated on any scan, ReadError if there is nothing to resume
    or it was of other annotation, WriteError if the folder cannot be written.
    """
    from fewslice.training.distributed import lead
    from fewslice.training.task_trainer import train_task_model

    settings = settings or RetrainSettings()
    folder = None if model is None else Path(model)
    with _processes(settings.training.device) as group:
        if folder is not None:
            lead(partial(_make, folder), group)
        task = _task(pairs, folder, settings)
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
        outcome = _blank(trained, task, group)
        if trained.finished:
            return _led(outcome, lambda: _judged(outcome, folder, task, trained, settings), group)
        if folder is None:
            return outcome
        _keep(folder, task.mark, trained.state, group)
        return replace(outcome, unfinished=folder / UNFINISHED)


@contextmanager
def _processes(device: str | None) -> Iterator[Group]:
    """Yield the processes that train together: those torchrun started, or this one alone."""
    import torch

    from fewslice.engines.model import best_device
    from fewslice.training.distributed import Group, process_group

    chosen = device or best_device()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Group(0, 1, torch.device(chosen))
        return
    with process_group(chosen.partition(":")[0]) as group:
        yield group


@dataclass(frozen=True, eq=False)
class _Task:
    """What there is to learn from and to judge by.

    learned: the scans without the held-out slices. roles: what earlier trainings held out and
    learned from. old: the promoted model. mark: changes with all that a training depends on.
    """

    scans: Sequence[TaskScan]
    skipped: tuple[str, ...]
    slices: Sequence[Judged]
    roles: dict[str, list[str]]
    held: frozenset[str]
    learned: Sequence[TaskScan]
    remarks: tuple[str, ...]
    old: TaskModel | None
    mark: str


def _task(pairs: Sequence[Pair], folder: Path | None, settings: RetrainSettings) -> _Task:
    from fewslice.training.task_held_out import annotated_slices, choose_held_out, without_held_out

    scans, skipped = _usable(pairs, settings)
    slices = annotated_slices(scans)
    roles = _roles(folder)
    held = choose_held_out(
        slices,
        roles["held_out"],
        roles["learned"],
        part=settings.hold_out,
        seed=settings.training.seed,
    )
    learned = without_held_out(scans, slices, held)
    return _Task(
        scans=scans,
        skipped=skipped,
        slices=slices,
        roles=roles,
        held=held,
        learned=learned,
        remarks=_remarks(scans, settings, len(held)),
        old=_promoted(folder),  # before the long work: it may be damaged
        mark=_fingerprint(slices, learned, settings),
    )


def _require_same(task: _Task, group: Group) -> None:
    from fewslice.training.distributed import gather

    if len(set(gather(task.mark, group))) > 1:
        raise InputError(
            "The processes do not all see the same scans and labels; put these and the model "
            "folder where all machines find them under the same paths."
        )


def _led(outcome: Retrained, judge: Callable[[], Retrained], group: Group) -> Retrained:
    """Let the first process judge and write, and return what came of it in all of them."""
    from fewslice.training.distributed import gather, lead

    found: list[Retrained] = []
    lead(lambda: found.append(judge()), group)
    facts = [(each.version, each.promoted, each.score, each.before, each.remarks) for each in found]
    ((version, promoted, score, before, remarks),) = gather(facts, group)[0]
    return replace(
        outcome, version=version, promoted=promoted, score=score, before=before, remarks=remarks
    )


def _blank(trained: Trained, task: _Task, group: Group) -> Retrained:
    return Retrained(
        model=trained.model,
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


def pairs_in(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Return each label map of a folder with its scan in another: CASE.nii.gz, CASE_0000.nii.gz.

    A scan may also have the very name of its labels. Scans without labels are no concern here.
    Raises ReadError if a folder is missing or no label map has a scan.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            raise ReadError(f"{folder} is not a folder; expected one with volumes.")
    scans = {_stem(path): path for path in sorted(images.iterdir()) if _is_volume(path)}
    found = []
    for path in sorted(labels.iterdir()):
        if _is_volume(path):
            name = _stem(path)
            scan = scans.get(f"{name}{_CHANNEL}", scans.get(name))
            found.append((scan or images / f"{name}{_CHANNEL}.nii.gz", path))
    if not any(scan.exists() for scan, _ in found):
        raise ReadError(
            f"No label map in {labels} has a scan of its name in {images}; expected CASE.nii.gz "
            f"and CASE_0000.nii.gz (or another of {listed(VOLUME_SUFFIXES)})."
        )
    return found


def _is_volume(path: Path) -> bool:
    return suffix_of(path) in VOLUME_SUFFIXES and not path.name.startswith(".")


def _stem(path: Path) -> str:
    return path.name[: -len(suffix_of(path))]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The model folder {folder} cannot be made ({error.strerror or error}); choose another."
        ) from error
    if not os.access(folder, os.W_OK):
        raise WriteError(f"The model folder {folder} is write-protected; choose another one.")


def _usable(
    pairs: Sequence[Pair], settings: RetrainSettings
) -> tuple[list[TaskScan], tuple[str, ...]]:
    """Return the scans that can be learned from, and a sentence for each that cannot."""
    scans: list[TaskScan] = []
    skipped: list[str] = []
    for number, (image, labels) in enumerate(pairs, start=1):
        name = str(image) if isinstance(image, str | os.PathLike) else f"scan {number}"
        try:
            scans.append(_scan(name, image, labels, settings.absent_unknown))
        except FewsliceError as error:
            skipped.append(f"Left out {name}: {error}")
    if not scans:
        first = f" ({skipped[0]})" if skipped else ""
        raise InputError(
            f"There is no annotation to learn from{first}; give scans with labels in which a "
            "structure is drawn on at least one slice."
        )
    return _same_channels(scans, skipped)


def _same_channels(
    scans: list[TaskScan], skipped: list[str]
) -> tuple[list[TaskScan], tuple[str, ...]]:
    wanted = len(scans[0].channels)
    kept = [scan for scan in scans if len(scan.channels) == wanted]
    for scan in scans:
        if len(scan.channels) != wanted:
            skipped.append(
                f"Left out {scan.name}: it has {len(scan.channels)} channels, {scans[0].name} "
                f"has {wanted}."
            )
    return kept, tuple(skipped)


def _scan(
    name: str,
    image: Image | AnyArray | AnyPath,
    labels: LabelMap | AnyArray | AnyPath,
    absent_unknown: bool,
) -> TaskScan:
    scan = read_image(image) if isinstance(image, str | os.PathLike) else image
    drawn = read_labels(labels) if isinstance(labels, str | os.PathLike) else labels
    scan, drawn = on_one_grid(scan, drawn, image_is="the scan", labels_are="its label map")
    if not drawn_voxels(drawn.array).any():
        raise InputError("nothing is drawn on it (every voxel of its labels is 0 or 255).")
    annotation = find_annotation(drawn.array, scan.geometry)
    looked_for = annotation.drawn_values if absent_unknown else None
    return TaskScan(name, scan.channels, scan.geometry, annotation, looked_for)


def _roles(folder: Path | None) -> dict[str, list[str]]:
    """Return which slices earlier trainings held out and learned from."""
    empty: dict[str, list[str]] = {"held_out": [], "learned": []}
    if folder is None or not (folder / _SLICES).is_file():
        return empty
    try:
        content = json.loads((folder / _SLICES).read_bytes())
        return {name: [str(key) for key in content[name]] for name in empty}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{folder / _SLICES} is damaged ({error}); restore it from a copy, or use a new model "
            "folder: it says which slices models may be judged by."
        ) from error


def _promoted(folder: Path | None) -> TaskModel | None:
    now = None if folder is None else models.promoted(folder)
    if folder is None or now is None:
        return None
    return models.load_model(models.version_folder(folder, now))


def _judged(
    outcome: Retrained,
    folder: Path | None,
    task: _Task,
    trained: Trained,
    settings: RetrainSettings,
) -> Retrained:
    """Compare with the promoted model on the held-out slices, and write the new version."""
    from fewslice.training.task_held_out import held_out_dice, mean_score

    dice = held_out_dice(trained.model, task.scans, task.slices, task.held)
    score = mean_score(dice)
    if folder is None:
        return replace(outcome, score=score)
    before = None
    if task.old is not None:
        before = mean_score(held_out_dice(task.old, task.scans, task.slices, task.held))
    better = task.old is None or (score is not None and before is not None and score > before)
    facts = {
        "score": score,
        "before": before,
        "dice": {str(value): each for value, each in dice.items()},
        "held_out_slices": len(task.held),
        "trained_slices": sum(len(scan.annotation.slices) for scan in task.learned),
        "trained_scans": len(task.learned),
        "steps": trained.state.step,
        "seconds": round(trained.state.seconds, 1),
        "settings": asdict(settings),
    }
    # First what was learned from: should the computer stop here, no slice changes sides later.
    learned = {each.key for each in task.slices} - task.held
    models.write_json(
        folder / _SLICES,
        {
            "held_out": sorted({*task.roles["held_out"], *task.held}),
            "learned": sorted({*task.roles["learned"], *learned}),
        },
    )
    number = models.save_version(folder, trained.model, facts, trained.state.losses)
    (models.promote if better else models.refuse)(folder, number)
    (folder / UNFINISHED).unlink(missing_ok=True)
    remarks = outcome.remarks
    if task.old is not None and score is None:
        remarks = (*remarks, _NOT_JUDGED)
    return replace(
        outcome, version=number, promoted=better, score=score, before=before, remarks=remarks
    )


_NOT_JUDGED = (
    "There is no held-out slice to compare the new model with the promoted one, which stays; "
    "annotate more slices (with three or more, one is held out)."
)


def _remarks(scans: Sequence[TaskScan], settings: RetrainSettings, held: int) -> tuple[str, ...]:
    remarks = []
    count = sum(len(scan.annotation.slices) for scan in scans)
    if not held and settings.hold_out > 0:
        remarks.append(
            f"With {counted(count, 'annotated slice')} none could be held out, so nobody knows how "
            "good this model is."
        )
    if settings.absent_unknown:
        return tuple(remarks)
    for value in label_values(scans):
        there = sum(value in scan.annotation.drawn_values for scan in scans)
        if there < len(scans):
            remarks.append(
                f"Label {value} is drawn in {there} of {len(scans)} scans; the annotated slices of "
                "the others teach that it is not there (--absent-unknown if nobody looked for it)."
            )
    return tuple(remarks)


def _fingerprint(
    slices: Sequence[Judged], learned: Sequence[TaskScan], settings: RetrainSettings
) -> str:
    """Return what must be the same for a training to go on: slices, drawings, settings."""
    digest = hashlib.sha256()
    for each in slices:
        digest.update(each.key.encode())
    for scan in learned:
        digest.update(scan.annotation.labels.tobytes())
    kept = replace(settings.training, seconds=0.0, steps=None, device=None)
    digest.update(repr((kept, settings.hold_out, settings.absent_unknown)).encode())
    return digest.hexdigest()


def _keep(folder: Path, mark: str, state: TaskState, group: Group) -> None:
    """Let the first process write the state."""
    from fewslice.training.distributed import lead

    lead(partial(write_state, folder, mark, state), group)
