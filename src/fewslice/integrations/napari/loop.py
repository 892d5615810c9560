"""The loop of annotation on layers: what is drawn now goes in, an answer comes out.

What is asked is copied where people draw (`ask`), which is quick; all else may run in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.engines import Progress
from fewslice.errors import InputError
from fewslice.integrations.napari.drawn import whole_slices
from fewslice.integrations.napari.grid import (
    image_of,
    label_map_of,
    matrix_of,
    require_volume,
    shape_of,
)
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.segmentation.result import Segmentation
from fewslice.typing import Float32Array, Float64Array
from fewslice.volumes.image import Array
from fewslice.workflow.session import CancelledError, Session
from fewslice.workflow.suggest import Suggestion

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from fewslice.integrations.napari.grid import Layer

    Pair: TypeAlias = tuple[Image, Labels]


@dataclass(frozen=True, eq=False)
class Choice:
    """What a person chose: layers of the scan (a channel each), of the drawing, and how to answer.

    support: other scans with their labels, as layers.
    """

    scan: tuple[Image, ...]
    drawing: Labels
    engine: str = "auto"
    support: tuple[Pair, ...] = ()


@dataclass(frozen=True, eq=False)
class Question:
    """A choice and all that was drawn when it was asked.

    drawn, examples: copies. whole: slices that are spoken for. here: the slice in sight. scans:
    the voxels and places of all scans, by which the same question is known again.
    """

    choice: Choice
    drawn: Array
    whole: tuple[SliceIndex, ...]
    here: SliceIndex | None
    scans: tuple[tuple[Any, Float64Array], ...]
    examples: tuple[Array, ...]
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer, and what was drawn when it was asked for."""

    result: Segmentation
    drawn: Array

    def uncertainty(self) -> Float32Array:
        """Return the uncertainty of each voxel in [0, 1]; of large scans it takes a second."""
        return self.result.uncertainty


def ask(choice: Choice, here: SliceIndex | None = None) -> Question:
    """Copy what is drawn now. Raises InputError if layers cannot be used."""
    supported = [layer for pair in choice.support for layer in pair]
    for layer in (*choice.scan, choice.drawing, *supported):
        require_volume(layer)
    drawn = np.array(choice.drawing.data)
    scans = (*choice.scan, *(scan for scan, _ in choice.support))
    return Question(
        choice,
        drawn,
        whole_slices(choice.drawing, drawn),
        here,
        tuple((_voxels(each), matrix_of(each)) for each in (*scans, *_drawings(choice)[1:])),
        tuple(np.array(each.data) for each in _drawings(choice)[1:]),
    )


class Loop:
    """Answers questions one after the other; what stays the same is not worked out again."""

    def __init__(self) -> None:
        self._asked: Question | None = None
        self._session: Session | None = None
        self._lock = Lock()

    def segment(
        self,
        question: Question,
        progress: Progress,
        on_slices: Callable[[AnsweredSlices], None],
    ) -> Answer:
        """Answer the whole scan; the slices nearest to the one in sight are told of first.

        Raises InputError and its kin; CancelledError once `question.cancelled` is set.
        """

        def watched(fraction: float) -> None:
            if question.cancelled.is_set():
                raise CancelledError("The answer was given up, since it was cancelled.")
            progress(fraction)

        with self._lock:
            session = self._session_for(question)
            watched(0.0)
            found = session.segment(watched, near=_near(session, question), on_slices=on_slices)
            watched(1.0)
        return Answer(found, question.drawn)

    def suggest(self, question: Question, count: int) -> Suggestion:
        """Say what to draw next, and how good the answer is by now. Raises InputError."""
        with self._lock:
            return self._session_for(question).suggest(count)

    def _session_for(self, question: Question) -> Session:
        """Return the session of a question's scan, with what is drawn now."""
        if self._session is None or not _same_scans(self._asked, question):
            self._session, self._asked = None, None  # so that no two scans are in memory
            self._session = _session(question)
            self._asked = question
        else:
            labels = label_map_of(question.choice.drawing, question.choice.scan[0], question.drawn)
            self._session.redraw(labels.array, annotated=question.whole)
        return self._session


def _session(question: Question) -> Session:
    choice = question.choice
    labels = label_map_of(choice.drawing, choice.scan[0], question.drawn)
    pairs = zip(choice.support, question.examples, strict=True)
    session = Session(
        image_of(choice.scan),
        labels,
        annotated=question.whole,
        support=[
            (image_of((scan,)), label_map_of(drawn, scan, array)) for (scan, drawn), array in pairs
        ],
        engine=choice.engine,
    )
    if session.image.geometry.shape != shape_of(choice.drawing):
        raise InputError(
            f"The layer {choice.drawing.name!r} has another extent than the scan; make a new layer "
            "to draw on."
        )
    return session


def _near(session: Session, question: Question) -> int | None:
    """Return the slice in sight, if it lies across the axis that most slices are drawn across."""
    axes = Counter(axis for axis, _ in session.annotated).most_common(1)
    here = question.here
    return here[1] if here and axes and axes[0][0] == here[0] else None


def _same_scans(before: Question | None, now: Question) -> bool:
    """Whether all but the drawing is as it was."""
    if before is None or before.choice.engine != now.choice.engine:
        return False
    if len(before.choice.scan) != len(now.choice.scan) or len(before.scans) != len(now.scans):
        return False
    mine, others = ((*each.scans, (None, matrix_of(each.choice.drawing))) for each in (before, now))
    return all(
        a is b and np.array_equal(here, there)
        for (a, here), (b, there) in zip(mine, others, strict=True)
    ) and all(map(np.array_equal, before.examples, now.examples))


def _voxels(layer: Layer) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def _drawings(choice: Choice) -> tuple[Labels, ...]:
    return (choice.drawing, *(drawn for _, drawn in choice.support))
