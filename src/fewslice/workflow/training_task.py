"""What there is to learn from and to judge by in a training, and by which settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.errors import InputError
from fewslice.training import store
from fewslice.training.holdout import SliceRoles, read_roles
from fewslice.training.inputs import Pair, usable_scans
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.segments import Segment
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.training_remarks import training_remarks

if TYPE_CHECKING:
    from fewslice.training.held_out import Judged
    from fewslice.training.model import TaskModel


@dataclass(frozen=True)
class TrainSettings:
    """How to retrain. training: see `TaskSettings`. hold_out: part of the annotated slices that
    judges models and is never learned from. absent_unknown: whether a label drawn on no slice of
    a scan was not looked for there, so that it may be anywhere on its background. spacing: mm per
    array axis of all scans, in place of what they say themselves. strict: whether every 0 on every
    slice that holds a label is background, ignore_label: which label means "not looked at", as in
    `fewslice.segment`. segments: names and colours of structures, in place of those that labels
    bring along; the model keeps them. support: whether to compare with what the scans answer as
    support without training, and to keep parts of them with the model where that does better.
    """

    training: TaskSettings = field(default_factory=TaskSettings)
    hold_out: float = 0.2
    absent_unknown: bool = False
    spacing: Spacing | None = None
    strict: bool = False
    ignore_label: int | None = UNKNOWN
    segments: tuple[Segment, ...] = ()
    support: bool = True


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """What there is to learn from and to judge by.

    learned: the scans without the held-out slices. roles: what earlier trainings held out and
    learned from. old: the promoted model. mark: changes with all that a training depends on.
    """

    scans: Sequence[TaskScan]
    skipped: tuple[str, ...]
    slices: Sequence[Judged]
    roles: SliceRoles
    held: frozenset[str]
    learned: Sequence[TaskScan]
    remarks: tuple[str, ...]
    old: TaskModel | None
    mark: str


def training_task(
    pairs: Sequence[Pair], folder: Path | None, settings: TrainSettings
) -> TrainingTask:
    """Read scans and labels, and set aside the slices that judge. Raises what `train` does."""
    from fewslice.training.held_out import annotated_slices, choose_held_out, without_held_out

    scans, skipped = usable_scans(
        pairs,
        settings.absent_unknown,
        settings.spacing,
        strict=settings.strict,
        ignore_label=settings.ignore_label,
    )
    slices = annotated_slices(scans)
    roles = read_roles(folder)
    held = choose_held_out(
        slices,
        roles.held_out,
        roles.learned,
        part=settings.hold_out,
        seed=settings.training.seed,
    )
    learned = without_held_out(scans, slices, held)
    old = _promoted(folder)  # before the long work: it may be damaged or not fit
    if old is not None:
        _require_channels(scans, old)
        _require_numbering(scans, old)
    return TrainingTask(
        scans=scans,
        skipped=skipped,
        slices=slices,
        roles=roles,
        held=held,
        learned=learned,
        remarks=training_remarks(
            scans,
            settings.segments,
            judged=bool(held) or settings.hold_out <= 0,
            absent_unknown=settings.absent_unknown,
        ),
        old=old,
        mark=_fingerprint(slices, learned, settings),
    )


def _promoted(folder: Path | None) -> TaskModel | None:
    now = None if folder is None else store.promoted(folder)
    if folder is None or now is None:
        return None
    store.history(folder)  # which may be damaged as well
    return store.load_model(store.version_folder(folder, now))


def _require_channels(scans: Sequence[TaskScan], old: TaskModel) -> None:
    wanted, given = len(old.intensity), len(scans[0].channels)
    if given != wanted:
        raise InputError(
            f"{scans[0].name} has {given} channels, but the promoted model was trained on "
            f"{wanted}, so the two cannot be compared; give the same channels, or choose a new "
            "model folder."
        )


def _require_numbering(scans: Sequence[TaskScan], old: TaskModel) -> None:
    mine, known = scans[0].numbering.stand_in, old.stand_in
    if mine is not None and known is not None and mine != known:
        raise InputError(
            f"The labels hold {known}, by which the promoted model knows the structure 255; give "
            "one of these structures another number, or choose a new model folder."
        )


def _fingerprint(
    slices: Sequence[Judged], learned: Sequence[TaskScan], settings: TrainSettings
) -> str:
    """Return what must be the same for a training to go on: slices, drawings, settings."""
    digest = hashlib.sha256()
    for each in slices:
        digest.update(each.key.encode())
    for scan in learned:
        digest.update(scan.annotation.labels.tobytes())
    kept = replace(settings.training, seconds=0.0, steps=None, device=None)
    digest.update(repr((kept, settings.hold_out, settings.absent_unknown)).encode())
    if settings.spacing is not None:
        digest.update(repr(settings.spacing).encode())
    return digest.hexdigest()
