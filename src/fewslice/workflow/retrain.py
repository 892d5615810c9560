"""Retraining: from all annotation so far to a model of the task, promoted if it does better."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.errors import FewsliceError, InputError, ReadError, WriteError
from fewslice.slices.annotation import drawn_voxels, find_annotation
from fewslice.training.task_scan import TaskScan, TaskSettings, label_values
from fewslice.volumes import read_image, read_labels
from fewslice.volumes.atomic import atomic_path
from fewslice.volumes.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow import models
from fewslice.workflow.grids import AnyArray, on_one_grid
from fewslice.workflow.wording import counted

if TYPE_CHECKING:
    from fewslice.training.task_held_out import Judged
    from fewslice.training.task_model import TaskModel
    from fewslice.training.task_trainer import TaskState, Trained

AnyPath = str | os.PathLike[str]
Pair = tuple[Image | AnyArray | AnyPath, LabelMap | AnyArray | AnyPath]

UNFINISHED, _SLICES = "unfinished.safetensors", "slices.json"
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
    `unfinished` is where its state lies.
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

    Raises InputError if nothing is annotated on any scan, ReadError if there is nothing to resume
    or it was of other annotation, WriteError if the folder cannot be written.
    """
    from fewslice.training.task_held_out import annotated_slices, choose_held_out, without_held_out
    from fewslice.training.task_trainer import train_task_model

    settings = settings or RetrainSettings()
    folder = None if model is None else _folder(Path(model))
    scans, skipped = _usable(pairs, settings)
    slices = annotated_slices(scans)
    roles = _roles(folder)
    old = _promoted(folder)  # before the long work: it may be damaged
    held = choose_held_out(
        slices,
        roles["held_out"],
        roles["learned"],
        part=settings.hold_out,
        seed=settings.training.seed,
    )
    learned = without_held_out(scans, slices, held)
    mark = _fingerprint(slices, learned, settings)
    trained = train_task_model(
        learned,
        settings.training,
        state=_resumed(folder, mark) if resume else None,
        report=report,
        stop=stop,
        keep=None if folder is None else lambda state: _keep(folder, state, mark),
    )
    remarks = _remarks(scans, settings, len(held))
    if not trained.finished:
        if folder is not None:
            _keep(folder, trained.state, mark)
        outcome = replace(
            _blank(trained, len(held)),
            unfinished=None if folder is None else folder / UNFINISHED,
        )
    else:
        done = _Done(trained, scans, slices, held, learned)
        outcome = _judged(folder, old, done, roles, settings)
    return replace(outcome, skipped=skipped, remarks=(*remarks, *outcome.remarks))


def _blank(trained: Trained, held: int) -> Retrained:
    return Retrained(
        model=trained.model,
        version=None,
        promoted=False,
        score=None,
        before=None,
        held_out=held,
        steps=trained.state.step,
        skipped=(),
        remarks=(),
        finished=trained.finished,
    )


@dataclass(frozen=True, eq=False)
class _Done:
    trained: Trained
    scans: Sequence[TaskScan]
    slices: Sequence[Judged]
    held: frozenset[str]
    learned: Sequence[TaskScan]


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


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The model folder {folder} cannot be made ({error.strerror or error}); choose another."
        ) from error
    if not os.access(folder, os.W_OK):
        raise WriteError(f"The model folder {folder} is write-protected; choose another one.")
    return folder


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
    folder: Path | None,
    old: TaskModel | None,
    done: _Done,
    roles: dict[str, list[str]],
    settings: RetrainSettings,
) -> Retrained:
    """Compare with the promoted model on the held-out slices, and write the new version."""
    from fewslice.training.task_held_out import held_out_dice, mean_score

    trained = done.trained
    dice = held_out_dice(trained.model, done.scans, done.slices, done.held)
    score = mean_score(dice)
    plain = replace(_blank(trained, len(done.held)), score=score)
    if folder is None:
        return plain
    before = None
    if old is not None:
        before = mean_score(held_out_dice(old, done.scans, done.slices, done.held))
    better = old is None or (score is not None and before is not None and score > before)
    facts = {
        "score": score,
        "before": before,
        "dice": {str(value): each for value, each in dice.items()},
        "held_out_slices": len(done.held),
        "trained_slices": sum(len(scan.annotation.slices) for scan in done.learned),
        "trained_scans": len(done.learned),
        "steps": trained.state.step,
        "seconds": round(trained.state.seconds, 1),
        "settings": asdict(settings),
    }
    # First what was learned from: should the computer stop here, no slice changes sides later.
    learned = {each.key for each in done.slices} - done.held
    models.write_json(
        folder / _SLICES,
        {
            "held_out": sorted({*roles["held_out"], *done.held}),
            "learned": sorted({*roles["learned"], *learned}),
        },
    )
    number = models.save_version(folder, trained.model, facts, trained.state.losses)
    (models.promote if better else models.refuse)(folder, number)
    (folder / UNFINISHED).unlink(missing_ok=True)
    remarks = () if old is None or score is not None else (_NOT_JUDGED,)
    return replace(plain, version=number, promoted=better, before=before, remarks=remarks)


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


def _keep(folder: Path, state: TaskState, mark: str) -> None:
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
    told = {
        "mark": mark,
        "step": str(state.step),
        "seconds": str(state.seconds),
        "losses": json.dumps(state.losses),
    }
    with atomic_path(folder / UNFINISHED) as temporary:
        temporary.write_bytes(save(tensors, told))


def _resumed(folder: Path | None, mark: str) -> TaskState:
    from safetensors import SafetensorError, safe_open

    from fewslice.training.task_trainer import TaskState

    path = None if folder is None else folder / UNFINISHED
    if path is None or not path.is_file():
        raise ReadError(
            f"There is no interrupted training to go on with in {folder}; leave --resume out."
        )
    try:
        with safe_open(path, framework="pt") as opened:
            told = opened.metadata() or {}
            names = list(opened.keys())
            tensors = {name: opened.get_tensor(name) for name in names}
        state = TaskState(
            tensors,
            int(told["step"]),
            float(told["seconds"]),
            tuple((int(step), float(loss)) for step, loss in json.loads(told["losses"])),
        )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ReadError(f"{path} is damaged ({error}); leave --resume out.") from error
    if told.get("mark") != mark:
        raise ReadError(
            f"{path} is of a training on other annotation or with other settings; leave --resume "
            "out to begin anew."
        )
    return state
