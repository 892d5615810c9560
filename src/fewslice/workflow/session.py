"""Annotating one scan in a loop: draw, look at the answer, ask what to draw next.

A thin layer of values over `segment` and `suggest`: what was drawn is a `Drawing`, which is
replaced as a whole by every change, so that an answer under way never sees a half-made one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, RLock

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.drawing import Drawing
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Engine, Progress, Scan, silent
from fewslice.errors import FewsliceError, InputError
from fewslice.segmentation.preview import AnsweredSlices, changed_slices, preview
from fewslice.segmentation.result import Segmentation
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.ignore_label import ignore_remarks, open_numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap, as_label_array, remembering
from fewslice.volumes.respacing import own_geometry
from fewslice.workflow.drawing_file import read_drawing, write_drawing
from fewslice.workflow.segment import segment
from fewslice.workflow.suggest import Suggestion, suggest


class CancelledError(FewsliceError):
    """An answer was given up, since `Session.cancel` was called."""


class Session:
    """One scan, what is drawn on it, and the last answer.

    Several threads may use a session: an answer works on the drawing as it was when it began, and
    `cancel` ends it from another thread.

    Parameters
    ----------
    image
        As in `fewslice.segment`. Voxels are not copied, so leave an array as it is meanwhile.
    labels
        What was drawn before: a sparse label map on the same grid; its annotated slices are found
        as `segment` finds them.
    annotated
        (array axis, index) of further slices of `labels` that count as annotated.
    spacing
        mm per array axis, as in `fewslice.segment`.
    support
        Other scans with labels, as in `fewslice.segment`.
    engine
        A name as `fewslice.engines.find_engine` takes it, or an engine.
    strict
        Take every 0 on every slice of `labels` that holds a label as background, as in
        `fewslice.segment`. Slices drawn in the session are always known in full.
    ignore_label
        The label that means "not looked at", in all labels of the session, as in
        `fewslice.segment`; None if 255 is a structure like others.
    """

    def __init__(  # noqa: PLR0913 - as `segment`, whose arguments these are
        self,
        image: Image | AnyArray,
        labels: LabelMap | AnyArray | None = None,
        *,
        annotated: Sequence[SliceIndex] = (),
        spacing: Sequence[float] | None = None,
        support: Sequence[tuple[Image | AnyArray, LabelMap | AnyArray]] = (),
        engine: str | Engine = "auto",
        strict: bool = False,
        ignore_label: int | None = UNKNOWN,
    ) -> None:
        scan, label_map = on_one_grid(image, labels, spacing)
        self.image = remembering(scan)
        self._blank = label_map.with_array(np.zeros_like(label_map.array))
        # The drawing has the numbers that fewslice uses inside; what comes in and goes out has the
        # person's.
        self._numbers, self._ignored = open_numbering(ignore_label, label_map), ignore_label
        self._support, self._engine = tuple(support), engine
        self._drawing, self._remarks = self._understood(label_map, annotated, strict=strict)
        self._undone: list[Drawing] = []
        self._done: list[Drawing] = []
        self._result: Segmentation | None = None
        self._lock = RLock()
        self._running: list[Event] = []  # one for each answer under way, set when it is given up
        self._begun = self._answered = 0  # how many answers were begun, and which is the last

    def __repr__(self) -> str:
        answer = "no answer yet" if self._result is None else repr(self._result)
        return f"Session({self.image!r}, drawn {list(self.annotated)}, {answer})"

    @property
    def annotated(self) -> tuple[SliceIndex, ...]:
        """(array axis, index) of every slice that was drawn or named empty, ascending."""
        return self._drawing.places

    @property
    def drawing(self) -> Drawing:
        """What was drawn, slice by slice: a value that later changes leave as it is."""
        return self._drawing

    @property
    def remarks(self) -> tuple[str, ...]:
        """How the labels given at the start were understood, where that is not plain."""
        return self._remarks

    @property
    def labels(self) -> LabelMap:
        """What was drawn, as a sparse label map on the scan's grid."""
        return self._labels_of(self._drawing)

    @property
    def result(self) -> Segmentation | None:
        """The last answer; None before the first. It may be older than the drawing."""
        return self._result

    def draw(self, axis: int, index: int, labels: npt.ArrayLike) -> None:
        """Take a slice as drawn.

        labels: (rows, columns), the other two array axes in their order: 0 background, 255
        (`ignore_label`) not looked at, else a structure. Raises InputError if they do not fit the
        slice.
        """
        what = "the slice that was drawn"
        given = as_label_array(labels, what)
        inside = self._numbers.inside_array(given)
        self._change(lambda drawing: drawing.drawn((axis, index), inside))

    def absent(self, axis: int, index: int) -> None:
        """Take a slice as looked at and empty."""
        self._change(lambda drawing: drawing.absent((axis, index)))

    def present(self, axis: int, index: int) -> None:
        """Say that a slice holds the structure, without drawing it: `suggest` goes by that."""
        self._change(lambda drawing: drawing.said_present((axis, index)))

    def erase(self, axis: int, index: int) -> None:
        """Forget what was said of a slice; slices of other planes that cross it stay."""
        self._change(lambda drawing: drawing.erased((axis, index)))

    def accept(self, axis: int, index: int) -> None:
        """Take a slice of the last answer as drawn. Raises InputError before the first answer."""
        result = self._result
        if result is None:
            raise InputError("There is no answer to accept yet; call segment first.")
        axis, index = self._drawing.checked((axis, index))
        self.draw(axis, index, result.labels.array[on_slice(axis, index)])

    def take(self, drawing: Drawing, *, undoable: bool = True) -> None:
        """Take a whole drawing in place of the one before, such as one that is kept elsewhere.

        undoable: whether `undo` takes it back; where the steps are kept elsewhere as well, drawings
        would only fill the memory. Raises InputError if it belongs to a scan of another shape.
        """
        shape = self.image.geometry.shape
        if drawing.shape != shape:
            raise InputError(
                f"The drawing belongs to a scan of {drawing.shape} voxels, but this one has "
                f"{shape}; give one of this scan."
            )
        if undoable:
            self._change(lambda _: drawing)
            return
        with self._lock:
            self._drawing = drawing

    def redraw(
        self, labels: npt.ArrayLike, *, annotated: Sequence[SliceIndex] = (), strict: bool = False
    ) -> None:
        """Take a sparse label map in place of all that was drawn: for viewers that keep it.

        labels: (i, j, k) on the session's grid, as those that a session begins with; `annotated`
        and `strict` likewise. `remarks` then say how these were understood. Raises InputError if
        they do not fit.
        """
        given = as_label_array(labels)
        if given.shape != self._blank.array.shape:
            raise InputError(
                f"The label map has shape {given.shape}; expected {self._blank.array.shape}, as "
                "the session's scan has."
            )
        drawing, remarks = self._understood(self._blank.with_array(given), annotated, strict=strict)
        with self._lock:
            self._change(lambda _: drawing)
            self._remarks = remarks

    def _understood(
        self, labels: LabelMap, annotated: Sequence[SliceIndex], *, strict: bool
    ) -> tuple[Drawing, tuple[str, ...]]:
        """Return what a person's label map says, and what there is to say of it."""
        drawing, assumed = _drawing_of(self._numbers.inside(labels), annotated, strict)
        told = self._numbers.told(assumed, labels.names)
        return drawing, (*ignore_remarks(labels, self._ignored), *told)

    def undo(self) -> bool:
        """Take the last change of the drawing back; False if there is none."""
        return self._step(self._done, self._undone)

    def redo(self) -> bool:
        """Make the last change that was taken back again; False if there is none."""
        return self._step(self._undone, self._done)

    def segment(
        self,
        progress: Progress | None = None,
        *,
        near: int | None = None,
        on_slices: Callable[[AnsweredSlices], None] | None = None,
    ) -> Segmentation:
        """Answer the scan from what is drawn now.

        Only what lies between the annotated slices around a change is answered again, unless the
        ends of structures depend on it: after the first slices of a plane, and after the outermost.

        Parameters
        ----------
        progress
            Called with the fraction done, 0 to 1.
        near
            The slice in hand, across the axis most slices are drawn across; default: the one drawn
            last.
        on_slices
            Called with slices as they are known: first the five nearest to `near`, from
            interpolated outlines, within a fraction of a second; then, once the engine has
            answered, all that differ from the answer before, nearest first.

        Raises
        ------
        CancelledError
            If `cancel` was called meanwhile; the last answer stays. It also stays if an answer that
            began later is there already.
        InputError
            If nothing is drawn and there is no support.
        """
        cancelled = Event()
        with self._lock:
            self._running.append(cancelled)
            self._begun += 1
            begun, drawing, previous = self._begun, self._drawing, self._result
        try:
            if on_slices is not None:
                near = _in_hand(drawing) if near is None else near
                first = self._preview(drawing, near)
                if first is not None:
                    on_slices(first)
            found = segment(
                self.image,
                self._labels_of(drawing),
                annotated=drawing.sure_places,
                support=self._support,
                engine=self._engine,
                previous=previous,
                progress=_watched(progress or silent, cancelled),
                ignore_label=self._numbers.ignored,
            )
            self._keep(found, begun, cancelled)
        finally:
            with self._lock:
                self._running.remove(cancelled)
        if on_slices is not None:
            before = None if previous is None else previous.labels.array
            for each in changed_slices(found.labels.array, before, found.axis, near or 0):
                on_slices(each)
        return found

    def _keep(self, found: Segmentation, begun: int, cancelled: Event) -> None:
        """Keep an answer, unless one that began later is there. Raises CancelledError."""
        with self._lock:
            if cancelled.is_set():
                raise CancelledError(_GIVEN_UP)
            if begun > self._answered:
                self._result, self._answered = found, begun

    def _preview(self, drawing: Drawing, near: int) -> AnsweredSlices | None:
        sure = drawing.sure_places
        if not sure:
            return None
        # Nothing may look at every voxel of the scan here: that alone takes a second.
        found = preview(Scan.of(self.image), Annotation(drawing.labels(), sure), near)
        return found and replace(found, labels=self._numbers.outside(found.labels))

    def _labels_of(self, drawing: Drawing) -> LabelMap:
        return self._blank.with_array(self._numbers.outside(drawing.labels()))

    def cancel(self) -> None:
        """End every running `segment` at its next step; they raise CancelledError."""
        with self._lock:
            for each in self._running:
                each.set()

    def suggest(self, count: int = 1, *, strategy: str | None = None, seed: int = 0) -> Suggestion:
        """Say which slices to draw next, and how good the answer is; see `fewslice.suggest`."""
        with self._lock:
            drawing, answer = self._drawing, self._result
        return suggest(
            self.image,
            self._labels_of(drawing),
            annotated=drawing.sure_places,
            present=tuple(sorted(drawing.present)),
            support=self._support,
            count=count,
            strategy=strategy,
            seed=seed,
            ignore_label=self._numbers.ignored,
            answer=answer,
        )

    def save(self, path: str | Path) -> None:
        """Write what was drawn to a file (.npz) that `load` reads; the scan is not in it.

        An old file is replaced as a whole or not at all. Raises WriteError.
        """
        write_drawing(Path(path), self._drawing, own_geometry(self.image), self._numbers)

    def load(self, path: str | Path) -> None:
        """Take what was drawn from a file that `save` wrote; `undo` takes it back.

        Raises ReadError if the file is not one, belongs to a scan on another grid, or was drawn
        with another `ignore_label`.
        """
        drawing = read_drawing(Path(path), own_geometry(self.image), self._numbers)
        self._change(lambda _: drawing)

    def _change(self, change: Callable[[Drawing], Drawing]) -> None:
        with self._lock:
            changed = change(self._drawing)
            self._done.append(self._drawing)
            self._undone.clear()
            self._drawing = changed

    def _step(self, source: list[Drawing], target: list[Drawing]) -> bool:
        with self._lock:
            if not source:
                return False
            target.append(self._drawing)
            self._drawing = source.pop()
            return True


def _watched(progress: Progress, cancelled: Event) -> Progress:
    def watch(fraction: float) -> None:
        if cancelled.is_set():
            raise CancelledError(_GIVEN_UP)
        progress(fraction)

    return watch


def _in_hand(drawing: Drawing) -> int:
    """Return the number of the slice that was drawn last; 0 if none was."""
    return drawing.slices[-1].place[1] if drawing.slices else 0


_GIVEN_UP = "The answer was given up, since it was cancelled; the one before stays."


def _drawing_of(
    labels: LabelMap, annotated: Sequence[SliceIndex], strict: bool
) -> tuple[Drawing, tuple[str, ...]]:
    """Return the annotated slices of a sparse label map, and what there is to say of them.

    Slices in doubt stay so: each answer looks at them anew, beside what was drawn since.
    """
    drawing = Drawing(labels.geometry.shape)
    if not labels.values:
        for place in annotated:
            drawing = drawing.absent(place)
        return drawing, ()
    found = find_annotation(labels.array, labels.geometry, annotated, strict=strict)
    touched = find_annotation(labels.array, labels.geometry, annotated, strict=True).slices
    sure = set(found.whole_slices) - {place for place, _ in found.doubts}
    for axis, index in touched:
        place = (axis, index)
        drawing = drawing.drawn(place, labels.array[on_slice(*place)], sure=place in sure)
    return drawing, found.remarks
