"""Answering again after one more slice: only what lies around it, the rest is kept.

A new slice changes most what lies between it and its annotated neighbours of the same plane. There
the engine is asked again, on that part of the scan alone, with whatever slices of other planes show
of it; everything else stays as it was answered. An engine that answers along several planes is
asked again along the new slice's plane, and along those whose answer knows a slice that was drawn
otherwise or given up; what it said along the others is kept and averaged anew.

Where a structure ends the slices of a plane tell together: how many there are, how far apart they
lie, and how wide the outermost are. A part of the scan shows two of them, and an end judged from
these would stay as it is whatever is drawn later. So all is answered anew after the first slices of
the only plane, and after any that lies farther out than the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.engines.base import (
    Engine,
    GoesOn,
    Prediction,
    Progress,
    Scan,
    SupportScan,
    empty_probability,
    silent,
)
from fewslice.engines.composed import composed
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.predictions import around, moved, put_slice
from fewslice.engines.threads import in_threads
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.region import Region

_MOST_UNKNOWN = 2  # slices that a kept answer need not know
_FEW = 3  # drawn slices; of fewer each one moves the ends that outlines let expect


@dataclass(frozen=True, eq=False)
class Answered:
    """An earlier answer: what was annotated then, and what the engine said."""

    annotation: Annotation
    prediction: Prediction


def answer_again(  # noqa: PLR0913 - an engine, its question, and its earlier answer
    engine: Engine,
    scan: Scan,
    annotation: Annotation,
    earlier: Answered | None,
    *,
    support: Sequence[SupportScan] = (),
    progress: Progress = silent,
) -> Prediction:
    """Return class probabilities for an annotation that has changed since an earlier answer.

    Between the annotated slices around what has changed the engine answers anew, from those slices
    and what lies between them; elsewhere the earlier answer stands. All of it is answered anew
    where that is no saving or makes no sense: other structures, changes across several axes, a
    plane that is new, oblique planes, no structure drawn, structures in doubt elsewhere than
    before, or changes all over the scan; and without an earlier answer.
    """
    asked_engine = composed(engine)
    part = changed_part(annotation, earlier.annotation) if earlier is not None else None
    if part is None or earlier is None:
        return asked_engine.prepare(scan, support).predict(annotation, progress)
    axis, first, last = part
    if first > last:
        return earlier.prediction
    piece = Region.slab(axis, first, last, scan.shape)
    asked = annotation.cropped(piece)
    still = _still_true(earlier, annotation, axis)
    kept = [one.moved(axis, -first) for one in still]
    prepared = engine.prepare(scan.cropped(piece), support) if kept else None
    if isinstance(prepared, GoesOn):
        # Nothing that `composed` adds is of use to slices of several planes that are not in doubt.
        found = prepared.predict_from(kept, asked, progress)
    else:
        found = asked_engine.prepare(scan.cropped(piece), support).predict(asked, progress)
    pasted = _pasted(earlier.prediction, found, part)
    return replace(pasted, kept=_kept(earlier.prediction.kept, still, found.kept, part))


def _still_true(earlier: Answered, now: Annotation, axis: int) -> list[KeptAnswer]:
    """Return the kept answers along other planes than that across `axis`, if they still hold.

    None holds that knows a slice which has changed since or was given up, or that does not know
    several: of each little is to be learnt along its plane, of many together more.
    """
    if now.doubts:
        return []
    changed = _changed(now, earlier.annotation)
    return [
        one
        for one in earlier.prediction.kept
        if one.axis != axis
        and not one.slices & changed
        and len(set(now.slices) - one.slices) <= _MOST_UNKNOWN
        and (one.alone or one.values == now.drawn_values)
    ]


def _kept(
    earlier: Sequence[KeptAnswer],
    still: Sequence[KeptAnswer],
    found: Sequence[KeptAnswer],
    part: tuple[int, int, int],
) -> tuple[KeptAnswer, ...]:
    """Return what is kept from now on: what still holds, and what was answered anew of the part.

    What was not kept before is not known all over the scan, and not kept now.
    """
    axis, first, last = part
    new = {(one.axis, one.alone, one.values): one.moved(axis, first) for one in found}
    kept = []
    for one in earlier:
        again = new.get((one.axis, one.alone, one.values))
        if again is not None:
            kept.append(one.pasted(again, axis, first, last))
        elif one in still:
            kept.append(one)
    return tuple(kept)


def changed_part(now: Annotation, then: Annotation) -> tuple[int, int, int] | None:
    """Return the axis and the first and last slice across it to answer again; None for everything.

    The part reaches from the annotated slice before the first change to the one after the last
    change, or to the end of the scan; it does not if slices of a single plane changed on which its
    ends depend. If nothing has changed, first is greater than last.
    """
    if now.blank or now.planes or then.planes:
        return None
    facts = ((one.axes, one.doubts, one.values, one.labels.shape) for one in (now, then))
    if next(facts) != next(facts):
        return None
    places = _changed(now, then)
    if not places:
        return now.axis, 0, -1
    ((axis, _), *_), changed = places, {index for _, index in places}
    kept = [index for index in now.along(axis) if index not in changed]
    several = len({other for other, _ in places}) > 1
    if several or (len(now.axes) == 1 and not _told_by_others(now, kept, changed)):
        return None
    below = max((index for index in kept if index < min(changed)), default=0)
    above = min(
        (index for index in kept if index > max(changed)), default=now.labels.shape[axis] - 1
    )
    held = now.cropped(Region.slab(axis, below, above, now.labels.shape))
    if held.drawn_values != now.drawn_values:
        return None
    return axis, below, above


def _told_by_others(now: Annotation, kept: Sequence[int], changed: Collection[int]) -> bool:
    """Whether slices that stay, and not those that changed, tell where structures end.

    kept, changed: slices across the only axis.
    """
    drawn = set(kept) & set(now.drawn_along(now.axis))
    if len(drawn) < _FEW:
        return False
    return min(drawn) < min(changed) and max(changed) < max(drawn)


def _changed(now: Annotation, then: Annotation) -> set[SliceIndex]:
    """Return the slices that were annotated or given up since, or say something else.

    Those that another changed slice only crosses are the same.
    """
    mine, theirs = set(now.slices), set(then.slices)
    new = mine ^ theirs
    changed = set(new)
    for axis, index in mine & theirs:
        place = on_slice(axis, index)
        differs = now.labels[place] != then.labels[place]
        for other, crossing in new:
            if other != axis:
                differs[on_slice(inplane_axes(axis).index(other), crossing)[:2]] = False
        if differs.any():
            changed.add((axis, index))
    return changed


def _pasted(earlier: Prediction, answer: Prediction, part: tuple[int, int, int]) -> Prediction:
    """Put an answer for a part of the scan in the place of the earlier one.

    answer: its region counts slices from the first of the part.
    """
    axis, first, last = part
    answer = replace(answer, region=moved(answer.region, axis, first))
    region = around([answer.region, earlier.region])
    probability = empty_probability(len(earlier.values), region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)

    def put(at: int) -> None:
        index = at + region.start[axis]
        source = answer if first <= index <= last else earlier
        put_slice(source, axis, index, (region, by_slice[at]))

    for _ in in_threads(put, range(len(by_slice))):
        pass
    return Prediction(region, earlier.values, probability, answer.remarks)
