"""Episodes: target slices of a task, what is known of them, what is remembered, and the truth.

Everything random of an episode follows from its running number, so that a run can be taken up
anywhere and comes out the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from fewslice.engines.network.augment import Turn, cropped
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.inputs import (
    Dropped,
    blank_inputs,
    own_memory,
    rescaled_memory,
    target_inputs,
)
from fewslice.errors import InputError
from fewslice.networks.augmentation.intensity import IntensityChange
from fewslice.networks.inputs import NOWHERE, OTHER_SCAN, SAME_SCAN, Inputs, Remembered
from fewslice.pretraining.tasks.bank import Bank, Entry
from fewslice.pretraining.tasks.tasks import Task


@dataclass(frozen=True)
class EpisodeSettings:
    """How episodes are drawn.

    kinds: weights of the kinds of tasks, as (kind, weight); kinds not named count 1. evenly:
    whether kinds count alike, and not by their number of tasks. side: slices
    are cropped to at most this many pixels. targets, validation_targets: slices to answer. others:
    chance that other scans help, and others_only: that only they do. most_others: their slices.
    drop: chance to leave each feature out. remap: chance that intensities are changed. seed: of the
    whole sequence.
    """

    kinds: tuple[tuple[str, float], ...] = ()
    evenly: bool = False
    side: int = 96
    targets: int = 8
    validation_targets: int = 16
    others: float = 0.12
    others_only: float = 0.12
    most_others: int = 12
    drop: float = 0.1
    remap: float = 0.7
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Episode:
    """inputs: see `fewslice.networks.inputs`. truth: int64 (slice, h, w), class numbers, -1 where
    unknown. kind: of its task.
    """

    inputs: Inputs
    truth: torch.Tensor
    kind: str


def sample_episode(bank: Bank, number: int, settings: EpisodeSettings, part: str) -> Episode:
    """Draw one episode. number: its place in the sequence. part: "train" or "validation".

    Episodes for validation are not augmented, cycle through the tasks of their part, and answer
    slices spread over the whole task.
    """
    if part == "validation":
        return _validation_episode(bank, number, settings)
    rng = np.random.default_rng((settings.seed, number))
    entry = _choose(bank, settings, rng)
    task = bank.load(entry)
    task = _moved(task, cropped(task.features, task.truth, settings.side, rng))
    turn = Turn.sample(rng)
    task = _moved(task, turn.apply(task.features, task.truth))
    if rng.random() < settings.remap:
        task = _with_images(task, _changed(task.features.images, rng))
    if rng.random() < 0.1:
        second = _changed(task.features.images[:, :1], rng)
        task = _with_images(task, np.concatenate([task.features.images, second], axis=1))
    targets = _targets(task, settings.targets, rng)
    helpers = _others(bank, entry, (task, turn), settings, rng)
    only = bool(helpers) and rng.random() < settings.others_only / (
        settings.others + settings.others_only
    )
    if only:
        inputs = blank_inputs(task.features, targets, helpers)
    else:
        own = own_memory(task.features, SAME_SCAN if rng.random() < 0.9 else NOWHERE)
        dropped = Dropped(*(bool(x) for x in rng.random(3) < settings.drop))
        inputs = target_inputs(task.features, targets, (*own, *helpers), dropped)
    return Episode(inputs, _truth(task, targets), task.kind)


def _validation_episode(bank: Bank, number: int, settings: EpisodeSettings) -> Episode:
    kinds = _kinds(bank, "validation")
    among = bank.by_kind["validation", kinds[number % len(kinds)]]
    entry = among[number // len(kinds) % len(among)]
    rng = np.random.default_rng((settings.seed, number))
    task = bank.load(entry)
    task = _moved(task, cropped(task.features, task.truth, 2 * settings.side, rng))
    open_slices = _open(task)
    spread = np.linspace(
        0, len(open_slices) - 1, min(settings.validation_targets, len(open_slices))
    )
    targets = open_slices[spread.round().astype(int)]
    inputs = target_inputs(task.features, targets, own_memory(task.features))
    return Episode(inputs, _truth(task, targets), task.kind)


def _kinds(bank: Bank, part: str) -> tuple[str, ...]:
    kinds = bank.kinds(part)
    if not kinds:
        raise InputError(
            f"The bank {bank.folder} holds no task for {part}; ask for some in its sources and "
            "have it built in another folder."
        )
    return kinds


def _choose(bank: Bank, settings: EpisodeSettings, rng: np.random.Generator) -> Entry:
    """Choose a kind by its weight, and its number of tasks unless all count alike; then a task."""
    kinds = _kinds(bank, "train")
    asked = dict(settings.kinds)
    groups = [bank.by_kind["train", kind] for kind in kinds]
    weights = np.array(
        [
            asked.get(kind, 1.0) * (1 if settings.evenly else len(group))
            for kind, group in zip(kinds, groups, strict=True)
        ]
    )
    group = groups[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    return group[int(rng.integers(len(group)))]


def _open(task: Task) -> npt.NDArray[np.intp]:
    """Return the slices with something left to answer."""
    flat = (len(task.truth), -1)
    asked = ((task.truth >= 0) & (task.features.seeds < 0)).reshape(flat).any(axis=1)
    return np.flatnonzero(asked) if asked.any() else np.arange(len(task.truth))


def _targets(task: Task, count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Choose slices to answer, mostly where there is something to answer or to get wrong.

    Both count alike: with fewer slices just beyond the ends than there are, a network would learn
    to go on too far.
    """
    among = _open(task)
    flat = (len(among), -1)
    busy = (task.truth[among] > 0).reshape(flat).any(axis=1)
    tempting = (task.features.walk[among] > -1).reshape(flat).any(axis=1)
    weights = np.where(busy | tempting, 1.0, 0.3)
    size = min(count, len(among))
    return np.sort(rng.choice(among, size, replace=False, p=weights / weights.sum()))


def _truth(task: Task, targets: npt.NDArray[np.intp]) -> torch.Tensor:
    return torch.from_numpy(task.truth[targets].astype(np.int64))


def _moved(task: Task, to: tuple[SliceFeatures, npt.NDArray[np.int8]]) -> Task:
    features, truth = to
    return replace(task, features=features, truth=truth)


def _with_images(task: Task, images: npt.NDArray[np.float32]) -> Task:
    return replace(task, features=replace(task.features, images=images))


def _changed(images: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return IntensityChange.sample(rng).apply(images, rng)


def _others(
    bank: Bank,
    entry: Entry,
    turned: tuple[Task, Turn],
    settings: EpisodeSettings,
    rng: np.random.Generator,
) -> tuple[Remembered, ...]:
    """Return annotated slices of other scans of the same structure; often none.

    turned: the task they are to help with, and the turn it was given, which they get as well.
    """
    if rng.random() >= settings.others + settings.others_only or not entry.group:
        return ()
    task, turn = turned
    group = [other for other in bank.by_group["train", entry.group] if other.scan != entry.scan]
    frame = OTHER_SCAN if rng.random() < 0.7 else NOWHERE
    found: list[Remembered] = []
    slices = 0
    for at in rng.permutation(len(group)):
        other = bank.load(group[int(at)])
        other = _moved(other, turn.apply(other.features, other.truth))
        if len(other.features.radii) != len(task.features.radii):
            continue
        memory = _aligned_memory(other, task, frame, settings, rng)
        found.append(memory)
        slices += len(memory.images)
        if slices >= settings.most_others:
            break
    return tuple(found)


def _aligned_memory(
    other: Task, task: Task, frame: int, settings: EpisodeSettings, rng: np.random.Generator
) -> Remembered:
    """Return slices of another scan with all of the truth known on them, or its own annotation."""
    features = other.features
    occupied = np.flatnonzero((other.truth > 0).reshape(len(other.truth), -1).any(axis=1))
    if rng.random() < 0.5 and len(occupied):  # a coarse grid may have missed a thin structure
        size = int(rng.integers(1, min(len(occupied), 6) + 1))
        chosen = np.sort(rng.choice(occupied, size, replace=False))
        features = replace(
            features, seeds=other.truth.astype(np.intp), positions=tuple(chosen.tolist())
        )
    if rng.random() < settings.remap / 2:
        features = replace(features, images=_changed(features.images, rng))
    return rescaled_memory(features, task.features, frame)
