"""Episodes: target slices of a task, what is known of them, what is remembered, and the truth.

Everything random of an episode follows from its running number, so that a run can be taken up
anywhere and comes out the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from fewslice.engines.network_inputs import (
    Dropped,
    blank_inputs,
    own_memory,
    rescaled_memory,
    target_inputs,
)
from fewslice.networks.inputs import NOWHERE, OTHER_SCAN, SAME_SCAN, Inputs, Remembered
from fewslice.training.bank import Bank, Entry
from fewslice.training.intensity import IntensityChange
from fewslice.training.tasks import Task


@dataclass(frozen=True)
class EpisodeSettings:
    """How episodes are drawn.

    kinds: weights of the kinds of tasks, as (kind, weight); kinds not named count 1. side: slices
    are cropped to at most this many pixels. targets, validation_targets: slices to answer. others:
    chance that other scans help, and others_only: that only they do. most_others: their slices.
    drop: chance to leave each cue out. remap: chance that intensities are changed. seed: of the
    whole sequence.
    """

    kinds: tuple[tuple[str, float], ...] = ()
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
    task = turned(cropped(task, settings.side, rng), rng)
    if rng.random() < settings.remap:
        task = _with_images(task, _changed(task.cues.images, rng))
    if rng.random() < 0.1:
        second = _changed(task.cues.images[:, :1], rng)
        task = _with_images(task, np.concatenate([task.cues.images, second], axis=1))
    targets = _targets(task, settings.targets, rng)
    helpers = _others(bank, entry, task, settings, rng)
    only = bool(helpers) and rng.random() < settings.others_only / (
        settings.others + settings.others_only
    )
    if only:
        inputs = blank_inputs(task.cues, targets, helpers)
    else:
        own = own_memory(task.cues, SAME_SCAN if rng.random() < 0.9 else NOWHERE)
        dropped = Dropped(*(bool(x) for x in rng.random(3) < settings.drop))
        inputs = target_inputs(task.cues, targets, (own, *helpers), dropped)
    return Episode(inputs, _truth(task, targets), task.kind)


def _validation_episode(bank: Bank, number: int, settings: EpisodeSettings) -> Episode:
    kinds = bank.kinds("validation")
    among = bank.by_kind["validation", kinds[number % len(kinds)]]
    entry = among[number // len(kinds) % len(among)]
    rng = np.random.default_rng((settings.seed, number))
    task = cropped(bank.load(entry), 2 * settings.side, rng)
    open_slices = _open(task)
    spread = np.linspace(
        0, len(open_slices) - 1, min(settings.validation_targets, len(open_slices))
    )
    targets = open_slices[spread.round().astype(int)]
    inputs = target_inputs(task.cues, targets, (own_memory(task.cues),))
    return Episode(inputs, _truth(task, targets), task.kind)


def _choose(bank: Bank, settings: EpisodeSettings, rng: np.random.Generator) -> Entry:
    """Choose a kind by its weight and number of tasks, then a task."""
    kinds = bank.kinds("train")
    asked = dict(settings.kinds)
    groups = [bank.by_kind["train", kind] for kind in kinds]
    weights = np.array(
        [asked.get(kind, 1.0) * len(group) for kind, group in zip(kinds, groups, strict=True)]
    )
    group = groups[int(rng.choice(len(kinds), p=weights / weights.sum()))]
    return group[int(rng.integers(len(group)))]


def _open(task: Task) -> npt.NDArray[np.intp]:
    """Return the slices with something left to answer."""
    flat = (len(task.truth), -1)
    asked = ((task.truth >= 0) & (task.cues.seeds < 0)).reshape(flat).any(axis=1)
    return np.flatnonzero(asked) if asked.any() else np.arange(len(task.truth))


def _targets(task: Task, count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Choose slices to answer, mostly where there is something to answer or to get wrong."""
    among = _open(task)
    flat = (len(among), -1)
    busy = (task.truth[among] > 0).reshape(flat).any(axis=1)
    tempting = (task.cues.walk[among] > -1).reshape(flat).any(axis=1)
    weights = np.where(busy, 1.0, np.where(tempting, 0.6, 0.15))
    size = min(count, len(among))
    return np.sort(rng.choice(among, size, replace=False, p=weights / weights.sum()))


def _truth(task: Task, targets: npt.NDArray[np.intp]) -> torch.Tensor:
    return torch.from_numpy(task.truth[targets].astype(np.int64))


def _with_images(task: Task, images: npt.NDArray[np.float32]) -> Task:
    return replace(task, cues=replace(task.cues, images=images))


def _changed(images: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return IntensityChange.sample(rng).apply(images, rng)


def cropped(task: Task, side: int, rng: np.random.Generator) -> Task:
    """Cut rows and columns to at most `side`, around a random voxel of the structures."""
    height, width = task.truth.shape[1:]
    if height <= side and width <= side:
        return task
    inside = np.argwhere(task.truth > 0)
    centre = (
        inside[int(rng.integers(len(inside)))][1:] if len(inside) else (height // 2, width // 2)
    )
    rows, columns = (
        _window(int(at), length, side) for at, length in zip(centre, (height, width), strict=True)
    )
    cues = task.cues
    across, down, right = cues.origin
    moved = (across, down + rows.start * cues.step[1], right + columns.start * cues.step[2])
    cut = {name: getattr(cues, name)[..., rows, columns] for name in _SPATIAL}
    return replace(
        task, cues=replace(cues, origin=moved, **cut), truth=task.truth[:, rows, columns]
    )


_SPATIAL = ("images", "seeds", "shape", "looks", "walk", "outlines")


def _window(at: int, length: int, side: int) -> slice:
    start = min(max(at - side // 2, 0), max(length - side, 0))
    return slice(start, min(start + side, length))


def turned(task: Task, rng: np.random.Generator) -> Task:
    """Flip rows, columns and the order of slices, and exchange rows and columns, at random."""
    across, rows, columns, exchange = rng.random(4) < 0.5
    if across:
        task = _reversed(task)
    if rows:
        task = _flipped(task, -2)
    if columns:
        task = _flipped(task, -1)
    return _exchanged(task) if exchange else task


def _reversed(task: Task) -> Task:
    cues, last = task.cues, len(task.truth) - 1
    moved = {name: getattr(cues, name)[::-1] for name in _SPATIAL}
    positions = tuple(last - at for at in reversed(cues.positions))
    origin = (-(cues.origin[0] + last * cues.step[0]), *cues.origin[1:])
    cues = replace(cues, origin=origin, positions=positions, **moved)
    return replace(task, cues=cues, truth=task.truth[::-1])


def _flipped(task: Task, axis: int) -> Task:
    cues = task.cues
    place = 3 + axis
    length = task.truth.shape[axis]
    origin = list(cues.origin)
    origin[place] = -(origin[place] + (length - 1) * cues.step[place])
    moved = {name: np.flip(getattr(cues, name), axis) for name in _SPATIAL}
    cues = replace(cues, origin=(origin[0], origin[1], origin[2]), **moved)
    return replace(task, cues=cues, truth=np.flip(task.truth, axis))


def _exchanged(task: Task) -> Task:
    cues = task.cues
    moved = {name: np.swapaxes(getattr(cues, name), -1, -2) for name in _SPATIAL}
    step, origin = cues.step, cues.origin
    cues = replace(
        cues,
        step=(step[0], step[2], step[1]),
        origin=(origin[0], origin[2], origin[1]),
        **moved,
    )
    return replace(task, cues=cues, truth=np.swapaxes(task.truth, -1, -2))


def _others(
    bank: Bank, entry: Entry, task: Task, settings: EpisodeSettings, rng: np.random.Generator
) -> tuple[Remembered, ...]:
    """Return annotated slices of other scans of the same structure; often none."""
    if rng.random() >= settings.others + settings.others_only:
        return ()
    group = [other for other in bank.by_group["train", entry.group] if other.scan != entry.scan]
    frame = OTHER_SCAN if rng.random() < 0.7 else NOWHERE
    found: list[Remembered] = []
    slices = 0
    for at in rng.permutation(len(group)):
        other = bank.load(group[int(at)])
        if len(other.cues.radii) != len(task.cues.radii):
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
    cues = other.cues
    if rng.random() < 0.5:
        occupied = np.flatnonzero((other.truth > 0).reshape(len(other.truth), -1).any(axis=1))
        size = int(rng.integers(1, min(len(occupied), 6) + 1))
        chosen = np.sort(rng.choice(occupied, size, replace=False))
        cues = replace(cues, seeds=other.truth.astype(np.intp), positions=tuple(chosen.tolist()))
    if rng.random() < settings.remap / 2:
        cues = replace(cues, images=_changed(cues.images, rng))
    return rescaled_memory(cues, task.cues, frame)
