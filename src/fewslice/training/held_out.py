"""Annotated slices that no model learns from, so that models can be compared on them.

Whole scans are held out where there are enough: a model knows a scan on which it learned other
slices better than it knows a new person.

A slice is known by the scan's voxels (not by its file's name), the plane and the position along
the patient, so that a scan that is renamed or stored with other axes stays the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewslice.annotation.annotation import Annotation, SliceIndex, drawn_voxels, on_slice
from fewslice.engines.base import Prediction
from fewslice.training.grid import turned
from fewslice.training.model import TaskModel, answer_undrawn
from fewslice.training.scan import TaskScan

_FEWEST = 3  # annotated slices below which none is held out
_SCANS = 5  # scans from which on whole ones are held out


@dataclass(frozen=True)
class Judged:
    """An annotated slice. key: the same for ever. scan: its number. labels: drawn on it."""

    key: str
    scan: int
    place: SliceIndex
    labels: frozenset[int]


@dataclass(frozen=True)
class Judges:
    """Held-out slices to compare answerers on. keys: theirs. seen: whether their scans taught."""

    keys: frozenset[str] = frozenset()
    seen: bool = False


def annotated_slices(scans: Sequence[TaskScan]) -> tuple[Judged, ...]:
    """Return all annotated slices of scans with their keys."""
    found = []
    for number, scan in enumerate(scans):
        how = turned(scan.geometry)
        voxels = np.ascontiguousarray(how.turn.array(scan.channels), dtype="<f4")
        digest = hashlib.sha256(voxels.data).hexdigest()[:16]
        for axis, index in scan.annotation.slices:
            across, at = how.turn.slice_index(axis, index, scan.geometry.shape)
            drawn = scan.annotation.labels[on_slice(axis, index)]
            labels = frozenset(int(value) for value in np.unique(drawn[drawn_voxels(drawn)]))
            found.append(Judged(f"{digest}:{across}:{at}", number, (axis, index), labels))
    return tuple(found)


def choose_held_out(
    slices: Sequence[Judged],
    held: Collection[str],
    learned: Collection[str],
    *,
    part: float = 0.2,
    seed: int = 0,
) -> frozenset[str]:
    """Return the keys of the slices to hold out now: those of before that are still there, and new.

    held, learned: keys of slices held out, and learned from, in earlier trainings: neither changes
    sides. part: of the annotated slices that is to be held out; of three and more at least one.
    Of five scans and more whole ones are held out, as near to that part as they come: all that is
    drawn on them now and later. Otherwise, or where every scan was learned from before, it is
    single slices.
    Which of the new ones is decided by their keys and the seed. A slice that is the last one to
    show a structure is learned from.
    """
    now = {each.key for each in slices}
    chosen = {key for key in held if key in now}
    wanted = max(1, round(part * len(slices))) if len(slices) >= _FEWEST and part > 0 else 0
    if wanted and len({each.scan for each in slices}) >= _SCANS:
        whole = _whole_scans(slices, chosen, learned, wanted, seed)
        if whole:
            return frozenset(chosen | whole)
    new = [each for each in slices if each.key not in chosen and each.key not in learned]
    for each in sorted(new, key=lambda one: _order(one.key, seed)):
        if len(chosen) >= wanted:
            break
        rest = [one.labels for one in slices if one.key not in chosen and one.key != each.key]
        if each.labels and each.labels <= frozenset().union(*rest):
            chosen.add(each.key)
    return frozenset(chosen)


def _whole_scans(
    slices: Sequence[Judged],
    chosen: Collection[str],
    learned: Collection[str],
    wanted: int,
    seed: int,
) -> set[str]:
    """Return the slices of scans held out before, and of new ones while that is nearer to `wanted`.

    A scan of which a slice was learned from is none of them.
    """
    taught = {each.scan for each in slices if each.key in learned}
    before = {each.scan for each in slices if each.key in chosen} - taught
    found = {each.key for each in slices if each.scan in before}
    by_scan: dict[int, list[Judged]] = {}
    for each in slices:
        if each.scan not in before | taught:
            by_scan.setdefault(each.scan, []).append(each)
    count = len(found.union(chosen))
    for mine in sorted(by_scan.values(), key=lambda some: _first(some, seed)):
        keys = {each.key for each in mine}
        taken = found.union(chosen, keys)
        rest = [one.labels for one in slices if one.key not in taken]
        shown = frozenset().union(*(each.labels for each in mine))
        if count + len(mine) / 2 <= wanted and shown and shown <= frozenset().union(*rest):
            found |= keys
            count += len(mine)
    return found


def _first(slices: Sequence[Judged], seed: int) -> str:
    return min(_order(each.key, seed) for each in slices)


def unseen(
    slices: Sequence[Judged], held: Collection[str], learned: Collection[str]
) -> frozenset[str]:
    """Return the held-out slices of scans from which nothing was ever learned.

    held: keys of all that is held out now. learned: of what earlier trainings learned from.
    """
    taught = {each.scan for each in slices if each.key not in held or each.key in learned}
    return frozenset(each.key for each in slices if each.scan not in taught)


def judges_of(slices: Sequence[Judged], held: frozenset[str], learned: Collection[str]) -> Judges:
    """Return the held-out slices of scans that taught nothing; where there are none, all of them.

    held, learned: as in `unseen`.
    """
    apart = unseen(slices, held, learned)
    return Judges(apart) if apart else Judges(held, seen=True)


def _order(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()


def without_held_out(
    scans: Sequence[TaskScan], slices: Sequence[Judged], held: Collection[str]
) -> list[TaskScan]:
    """Return scans as if the held-out slices had never been looked at."""
    result = []
    for number, scan in enumerate(scans):
        annotation = scan.annotation
        for each in slices:
            if each.scan == number and each.key in held:
                annotation = annotation.without(each.place)
        if annotation.slices:
            result.append(replace(scan, annotation=annotation))
    return result


def held_out_dice(
    model: TaskModel,
    scans: Sequence[TaskScan],
    slices: Sequence[Judged],
    held: Collection[str],
) -> dict[int, float]:
    """Return the Dice of each label on the held-out slices, all slices pooled.

    It is that of whoever answers for the model (`TaskModel.support`), without the parts of the very
    scan that the model may bring along: they would find themselves.
    """

    def answer(scan: TaskScan, _: Annotation) -> Prediction:
        others = None if model.support is None else model.support.without(scan.scan)
        return answer_undrawn(replace(model, support=others), scan.scan)

    return dice_on(answer, scans, slices, held)


def dice_on(
    answer: Callable[[TaskScan, Annotation], Prediction],
    scans: Sequence[TaskScan],
    slices: Sequence[Judged],
    held: Collection[str],
) -> dict[int, float]:
    """Return the Dice of each label on the held-out slices, all slices pooled.

    answer: of a scan, given what else is annotated on it.

    Only labels drawn on one of them have one. Voxels that another annotated slice crosses are
    left out: they may have been learned from.
    """
    both: dict[int, int] = {}
    either: dict[int, int] = {}
    for number, scan in enumerate(scans):
        mine = [each for each in slices if each.scan == number and each.key in held]
        if not mine:
            continue
        others = _rest(scan.annotation, mine)
        prediction = answer(scan, others)
        found = np.zeros(scan.geometry.shape, dtype=np.int64)
        best = prediction.probability.astype(np.float32).argmax(axis=0)
        found[prediction.region.slices] = np.array(prediction.values)[best]
        rest = others.known()
        for each in mine:
            place = on_slice(*each.place)
            drawn = scan.annotation.labels[place]
            scored = scan.annotation.known()[place] & ~rest[place]
            for value in scan.annotation.drawn_values:
                one, other = (drawn == value) & scored, (found[place] == value) & scored
                both[value] = both.get(value, 0) + int(np.count_nonzero(one & other))
                sizes = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
                either[value] = either.get(value, 0) + sizes
    shown = {value for each in slices if each.key in held for value in each.labels}
    return {value: 2 * both[value] / either[value] for value in sorted(shown) if either[value]}


def _rest(annotation: Annotation, mine: Sequence[Judged]) -> Annotation:
    for each in mine:
        annotation = annotation.without(each.place)
    return annotation


def mean_score(dice: Mapping[int, float]) -> float | None:
    """Return the mean over labels; None if there is nothing to judge by."""
    return float(np.mean(list(dice.values()))) if dice else None
