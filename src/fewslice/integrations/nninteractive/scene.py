"""One client's scan and what was said on it: interactions become slices, slices become an answer.

nnInteractive's clients send points, boxes, scribbles, lassos and masks of one object at a time. Our
engines learn from outlines on slices, so each interaction says something of slices:

- a lasso is the outline of its slice: all else there is background;
- a box, and a first point or scribble, become an outline (`fewslice.engines.outline`), which a
  lasso on the same slice replaces;
- further points and scribbles, and all that say "not here", are known voxels of their slices;
- a mask to start from is annotation slice by slice; near what is said later it gives way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.engines.outline import outline_around, outline_in_box
from fewslice.errors import InputError
from fewslice.integrations.nninteractive.object_annotation import ObjectAnnotation, State
from fewslice.typing import BoolArray
from fewslice.volumes import Image
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.workflow.session import Session

Corners = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First and stop along each array axis."""

_MOST_FINISHED = 255
_MOST_STEPS = 20  # that can be undone; each holds an answer of the scan's size
_DOT = 2  # radius in pixels of what a click makes known
_GIVES_WAY = 0.1  # part of a mask's extent that is asked anew around what is said later


class Scene:
    """A scan, the object in hand, and the way back.

    Parameters
    ----------
    channels
        (channel, i, j, k), any real dtype, finite or not.
    spacing
        mm per array axis; None if the client did not say.
    """

    def __init__(self, channels: npt.NDArray[Any], spacing: Sequence[float] | None) -> None:
        if channels.ndim != 4 or min(channels.shape) < 1:
            raise InputError(
                f"The image has shape {channels.shape}; expected (channel, i, j, k), none of it 0."
            )
        array = channels if len(channels) > 1 else channels[0]
        self._session = Session(np.nan_to_num(array, posinf=0, neginf=0), spacing=spacing)
        self.spacing = None if spacing is None else [float(each) for each in spacing]
        self.image: Image = self._session.image
        self.shape = self.image.geometry.shape
        self._axis = annotation_axis(self.image.geometry)
        self._states = [State(ObjectAnnotation(), np.zeros(self.shape, dtype=bool))]
        self.finished: npt.NDArray[np.uint8] = np.zeros(self.shape, dtype=np.uint8)

    def restore(self, states: Sequence[State], finished: npt.NDArray[np.uint8]) -> None:
        """Take up where a scene of the same scan was. Raises InputError if it does not fit."""
        shapes = {each.target.shape for each in states} | {finished.shape}
        if not states or shapes != {self.shape}:
            raise InputError("What was kept of the scene is not of its scan.")
        self._states, self.finished = list(states), finished

    @property
    def states(self) -> tuple[State, ...]:
        """Where the object in hand stood after each interaction, the present state last."""
        return tuple(self._states)

    @property
    def target(self) -> BoolArray:
        """The object in hand, bool (i, j, k)."""
        return self._states[-1].target

    @property
    def annotation(self) -> ObjectAnnotation:
        """What was said of it."""
        return self._states[-1].annotation

    def reset(self) -> None:
        """Begin another object; the one in hand is finished, and its voxels are its own.

        Clients say "next object" and "begin this one anew" in the same words, so a finished object
        is given free again as soon as something positive is said inside of it.
        """
        free = self.target & (self.finished == 0)
        number = int(self.finished.max()) + 1
        if free.any() and number <= _MOST_FINISHED:
            self.finished = np.where(free, np.uint8(number), self.finished)
        self._states = [State(ObjectAnnotation(), np.zeros(self.shape, dtype=bool))]

    def undo(self) -> bool:
        """Take the last interaction back; False if there is none."""
        if len(self._states) == 1:
            return False
        self._states.pop()
        return True

    def point(self, at: Sequence[int], include: bool) -> None:
        """Say that a voxel belongs to the object, or does not."""
        voxel = self._voxel(at)
        if include:
            self._free(self.finished[voxel].reshape(1))
        place = (self._axis, voxel[self._axis])
        rows, columns = (voxel[axis] for axis in inplane_axes(self._axis))
        dot = np.zeros(self._sides(self._axis), dtype=bool)
        across = np.ogrid[: dot.shape[0], : dot.shape[1]]
        dot[(across[0] - rows) ** 2 + (across[1] - columns) ** 2 <= _DOT**2] = True
        if include:  # a click at an edge must not claim what lies beyond it
            dot[:] = False
            dot[rows, columns] = True
        self._say(self._marked(self.annotation, place, dot, include))

    def box(self, corners: Sequence[Sequence[int]], include: bool) -> None:
        """Say that the object lies in a box, and not beyond it on its slice; or not inside."""
        inside = self._corners(corners)
        thin = [axis for axis in range(3) if inside[axis][1] - inside[axis][0] == 1]
        axis = thin[0] if thin else self._axis
        middle = (inside[axis][0] + inside[axis][1] - 1) // 2
        rows, columns = (slice(*inside[other]) for other in inplane_axes(axis))
        annotation = self._gives_way((axis, middle))
        if include:
            outline = outline_in_box(self._slice((axis, middle)), (rows, columns))
            self._free(self.finished[on_slice(axis, middle)][outline])
            annotation = annotation.with_slice(
                (axis, middle), outline.astype(np.uint8), guessed=True
            )
            if not thin:  # nothing beyond its ends either
                for beyond in (inside[axis][0] - 1, inside[axis][1]):
                    if 0 <= beyond < self.shape[axis]:
                        annotation = annotation.with_slice((axis, beyond), self._blank(axis))
        else:
            annotation = self._with_known(
                annotation, (axis, middle), _filled(self._sides(axis), rows, columns), 0
            )
        self._say(annotation)

    def scribble(self, mask: BoolArray, start: Sequence[int], include: bool) -> None:
        """Say that the voxels of a mask belong to the object, or do not. start: its first voxel."""
        axis, slices = self._parts(mask, start, include)
        annotation = self.annotation
        for index, part in slices:
            annotation = self._marked(annotation, (axis, index), part, include)
        self._say(annotation)

    def lasso(self, mask: BoolArray, start: Sequence[int], include: bool) -> None:
        """Say that the object is what a closed line holds on its slice; or none of that."""
        axis, slices = self._parts(mask, start, include)
        annotation = self.annotation
        for index, part in slices:
            place = (axis, index)
            annotation = self._gives_way(place, annotation)
            before = annotation.slices.get(place)
            if not include:
                annotation = self._with_known(annotation, place, part, 0)
            elif before is None or place in annotation.guessed:
                known = self._blank(axis)
                known[part] = 1
                annotation = annotation.with_slice(place, known)
            else:  # another piece of it on the same slice
                known = np.where(before == UNKNOWN, 0, before).astype(np.uint8)
                known[part] = 1
                annotation = annotation.with_slice(place, known)
        self._say(annotation)

    def start_from(self, mask: BoolArray) -> None:
        """Take a mask as the object so far."""
        if mask.shape != self.shape:
            raise InputError(
                f"The mask has shape {mask.shape}; expected {self.shape}, the image's."
            )
        self._free(self.finished[mask])
        holding = np.flatnonzero(mask.any(axis=inplane_axes(self._axis)))
        if holding.size == 0:
            self.reset()
            return
        first, last = max(holding[0] - 1, 0), min(holding[-1] + 1, self.shape[self._axis] - 1)
        slices: dict[SliceIndex, npt.NDArray[np.uint8]] = {
            (self._axis, index): np.array(
                mask[on_slice(self._axis, index)], dtype=np.uint8, order="C"
            )
            for index in range(int(first), int(last) + 1)
        }
        self._add(
            State(ObjectAnnotation(slices, started=frozenset(slices)), mask & (self.finished == 0))
        )

    def predict(self) -> Corners | None:
        """Answer anew from all that was said; return where the object changed, None if nowhere."""
        annotation, before = self.annotation, self.target
        if not annotation.shows_structure:
            after = np.zeros_like(before)
        elif annotation.started and len(annotation.started) == len(annotation.slices):
            return None  # nothing was said beside the mask that it started from
        else:
            self._draw(annotation)
            answer = np.asarray(self._session.segment().labels.array == 1)
            after = answer & (self.finished == 0)
        self._states[-1] = State(annotation, after)
        return changed(before, after)

    def _draw(self, annotation: ObjectAnnotation) -> None:
        """Bring the session's drawing to what was said; only what differs is drawn."""
        for place in self._session.annotated:
            if place not in annotation.slices:
                self._session.erase(*place)
        drawn = self._session.labels.array
        for place, labels in annotation.slices.items():
            if place not in self._session.annotated or not np.array_equal(
                drawn[on_slice(*place)], labels
            ):
                self._session.draw(*place, labels)

    def _marked(
        self, annotation: ObjectAnnotation, place: SliceIndex, part: BoolArray, include: bool
    ) -> ObjectAnnotation:
        annotation = self._gives_way(place, annotation)
        if include and not self._is_near(place, part):
            outline = outline_around(self._slice(place), part)
            return annotation.with_slice(place, outline.astype(np.uint8), guessed=True)
        return self._with_known(annotation, place, part, int(include))

    def _is_near(self, place: SliceIndex, part: BoolArray) -> bool:
        """Whether the object is already known on this slice, or answered close to a part of it."""
        from scipy.ndimage import binary_dilation

        if place in self.annotation.slices:
            return True
        there = self.target[on_slice(*place)]
        return bool(there.any() and binary_dilation(there, iterations=10)[part].any())

    def _with_known(
        self, annotation: ObjectAnnotation, place: SliceIndex, part: BoolArray, value: int
    ) -> ObjectAnnotation:
        known = annotation.slices.get(place)
        labels = np.full(part.shape, UNKNOWN, dtype=np.uint8) if known is None else known.copy()
        labels[part] = value
        return annotation.with_slice(place, labels, guessed=place in annotation.guessed)

    def _gives_way(
        self, place: SliceIndex, annotation: ObjectAnnotation | None = None
    ) -> ObjectAnnotation:
        """Return what was said, without slices of a starting mask near one spoken of now."""
        annotation = self.annotation if annotation is None else annotation
        if not annotation.started:
            return annotation
        axis, index = place
        if axis != self._axis:
            return annotation.without(annotation.started)
        reach = max(2, round(_GIVES_WAY * len(annotation.started)))
        near = {each for each in annotation.started if abs(each[1] - index) <= reach}
        return annotation.without(frozenset(near))

    def _say(self, annotation: ObjectAnnotation) -> None:
        self._add(State(annotation, self.target))

    def _add(self, state: State) -> None:
        self._states = [*self._states, state][-_MOST_STEPS - 1 :]

    def _free(self, owners: npt.NDArray[np.uint8]) -> None:
        """Give the finished object free again that holds most of what was just marked.

        owners: the number of the finished object of each marked voxel, 0 for none.
        """
        counts = np.bincount(owners, minlength=2)
        most = int(np.argmax(counts[1:])) + 1
        if 2 * counts[most] > owners.size:
            self.finished = np.where(self.finished == most, np.uint8(0), self.finished)

    def _slice(self, place: SliceIndex) -> npt.NDArray[Any]:
        array = self.image.array
        channels = array if array.ndim == 4 else array[None]
        # Not numpy's take, which copies a scan that does not lie in C order for one slice of it.
        return np.ascontiguousarray(channels[(slice(None), *on_slice(*place))])

    def _sides(self, axis: int) -> tuple[int, int]:
        rows, columns = inplane_axes(axis)
        return self.shape[rows], self.shape[columns]

    def _blank(self, axis: int) -> npt.NDArray[np.uint8]:
        return np.zeros(self._sides(axis), dtype=np.uint8)

    def _voxel(self, at: Sequence[int]) -> tuple[int, int, int]:
        if len(at) != 3 or not all(0 <= x < side for x, side in zip(at, self.shape, strict=True)):
            raise InputError(
                f"The point {list(at)} lies outside of the image of {self.shape} voxels; send one "
                "inside, counted from 0."
            )
        return at[0], at[1], at[2]

    def _corners(self, corners: Sequence[Sequence[int]]) -> Corners:
        """Return a box within the image; raises InputError if there is nothing of it."""
        if len(corners) != 3 or any(len(pair) != 2 for pair in corners):
            raise InputError(
                "A box needs three pairs of first and stop; send [[i, i], [j, j], [k, k]]."
            )
        clipped = [
            (max(min(pair), 0), min(max(pair), side))
            for pair, side in zip(corners, self.shape, strict=True)
        ]
        if any(stop <= first for first, stop in clipped):
            raise InputError(
                f"The box {[list(pair) for pair in corners]} holds no voxel of the image of "
                f"{self.shape}; send first and stop along each axis."
            )
        return clipped[0], clipped[1], clipped[2]

    def _parts(
        self, mask: BoolArray, start: Sequence[int], include: bool
    ) -> tuple[int, list[tuple[int, BoolArray]]]:
        """Return the axis across which a mask is thin, and its slices on the whole image."""
        stops = [first + side for first, side in zip(start, mask.shape, strict=False)]
        fits = len(start) == mask.ndim == 3 and all(
            first >= 0 and stop <= side
            for first, stop, side in zip(start, stops, self.shape, strict=True)
        )
        if not fits:
            raise InputError(
                f"The mask of shape {mask.shape} at {list(start)} does not lie in the image of "
                f"{self.shape} voxels; send where its box begins and ends."
            )
        if not mask.any():
            raise InputError("The mask that was sent is empty; mark at least one voxel.")
        if include:
            place = tuple(slice(*ends) for ends in zip(start, stops, strict=True))
            self._free(self.finished[place][mask])
        extents = [int(np.ptp(np.flatnonzero(mask.any(axis=inplane_axes(a))))) for a in range(3)]
        axis = self._axis if extents[self._axis] == min(extents) else int(np.argmin(extents))
        rows, columns = inplane_axes(axis)
        parts = []
        for index in np.flatnonzero(mask.any(axis=(rows, columns))):
            whole = np.zeros(self._sides(axis), dtype=bool)
            inside = mask[on_slice(axis, int(index))]
            whole[start[rows] : stops[rows], start[columns] : stops[columns]] = inside
            parts.append((int(start[axis] + index), whole))
        return axis, parts


def changed(before: BoolArray, after: BoolArray) -> Corners | None:
    """Return the smallest box that holds all that differs; None if nothing does."""
    different = before != after
    if not different.any():
        return None
    corners = []
    for axis in range(3):
        touched = np.flatnonzero(different.any(axis=inplane_axes(axis)))
        corners.append((int(touched[0]), int(touched[-1]) + 1))
    return corners[0], corners[1], corners[2]


def _filled(shape: tuple[int, int], rows: slice, columns: slice) -> BoolArray:
    filled = np.zeros(shape, dtype=bool)
    filled[rows, columns] = True
    return filled
