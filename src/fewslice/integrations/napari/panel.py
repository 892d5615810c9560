"""The panel beside the viewer: choose layers, segment, be told what to draw next, accept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QListWidgetItem, QPushButton

from fewslice.annotation.annotation import on_slice
from fewslice.errors import InputError
from fewslice.integrations.napari.choosing import Chooser
from fewslice.integrations.napari.controls import Controls
from fewslice.integrations.napari.drawn import accept_all, accept_slice, empty_slices, say_empty
from fewslice.integrations.napari.loop import Answer, Loop, Question, ask
from fewslice.integrations.napari.places import current_place, jump
from fewslice.integrations.napari.results import (
    ANSWER,
    UNCERTAINTY,
    result_layer,
    show_answer,
    show_slices,
    show_uncertainty,
)
from fewslice.integrations.napari.working import Work
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.workflow.suggest import SuggestedSlice, Suggestion

if TYPE_CHECKING:
    from napari.components import ViewerModel

_SUGGESTIONS = 3
_CANCELLED = "Cancelled; the answer before stays."
_LAYER_EVENTS = ("inserted", "removed", "reordered", "renamed")


class Panel(Controls):
    """What a person sees of fewslice in napari.

    Parameters
    ----------
    napari_viewer
        The viewer whose layers it works on; napari passes it by this name.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(Chooser(napari_viewer))
        self.viewer = napari_viewer
        self._loop = Loop()
        self._answers: dict[str, Answer] = {}
        self._work: Work | None = None
        self._question: Question | None = None
        self._connect()
        self._layers_changed()
        self._set_busy(None)

    @property
    def busy(self) -> bool:
        """Whether something is being worked out."""
        return self._work is not None

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let go of the viewer, and of what is being worked out."""
        if self._question is not None and self.busy:
            self._question.cancelled.set()
            self._take_back(self._question)
        self._question = self._work = None  # what still comes is not for this panel
        for name in _LAYER_EVENTS:
            getattr(self.viewer.layers.events, name).disconnect(self._layers_changed)
        self.viewer.dims.events.disconnect(self._slice_changed)
        super().closeEvent(event)

    # What people do

    def _segment(self) -> None:
        self._say("")
        how_sure = self.uncertainty.isChecked()

        def work(question: Question, work: Work) -> tuple[Answer, Any]:
            answer = self._loop.segment(question, work.progressed.emit, work.showed.emit)
            return answer, answer.uncertainty() if how_sure else None

        self._begin("Segmenting", work, self._answered)

    def _answered(self, drawing: Any, found: tuple[Answer, Any]) -> None:
        answer, uncertainty = found
        self._answers[str(drawing.unique_id)] = answer
        show_answer(self.viewer, drawing, answer.result.labels.array)
        if uncertainty is not None:
            show_uncertainty(self.viewer, drawing, uncertainty)
        else:
            self._hide_uncertainty(drawing)  # that of the answer before
        self._say("\n\n".join(answer.result.remarks))

    def _suggest(self) -> None:
        self._say("")
        self._begin("Looking for the next slices", self._advice, self._advised)

    def _advice(self, question: Question, _: Work) -> Suggestion:
        return self._loop.suggest(question, _SUGGESTIONS)

    def _advised(self, drawing: Any, found: Suggestion) -> None:
        self.suggestions.clear()
        for each in found.slices:
            item = QListWidgetItem(_line(each), self.suggestions)
            item.setToolTip(each.reason)
            item.setData(Qt.UserRole, (drawing, (each.axis, each.index)))
        self.quality.setText(found.message)
        self._say("\n\n".join(found.remarks))

    def _go_to(self, item: QListWidgetItem) -> None:
        drawing, place = item.data(Qt.UserRole)
        if drawing in self.viewer.layers:
            self._safely(partial(jump, self.viewer, drawing, place))

    def _accept(self) -> None:
        drawing, answer = self._answer_in_hand()
        place = current_place(self.viewer, drawing)
        accept_slice(drawing, answer.result.labels.array, answer.drawn, place)
        # What was accepted is part of the drawing now, so that the next slice can be, too.
        answer.drawn[on_slice(*place)] = drawing.data[on_slice(*place)]
        self._slice_changed()
        self._say(f"Slice {place[1]} is yours now; undo with Ctrl+Z.")

    def _accept_all(self) -> None:
        drawing, answer = self._answer_in_hand()
        accept_all(drawing, answer.result.labels.array, answer.drawn)
        answer.drawn[:] = drawing.data
        self._say("The whole answer is yours now; undo with Ctrl+Z.")

    def _answer_in_hand(self) -> tuple[Any, Answer]:
        drawing = self.chooser.choice().drawing
        answer = self._answers.get(str(drawing.unique_id))
        if answer is None:
            raise InputError("There is no answer to accept yet; click Segment first.")
        if answer.drawn.shape != drawing.data.shape:
            raise InputError("The layer has another shape than the answer; segment again.")
        return drawing, answer

    def _say_empty(self) -> None:
        drawing = self.chooser.choice().drawing
        place = current_place(self.viewer, drawing)
        say_empty(drawing, place, empty=place not in empty_slices(drawing))

    def _show_uncertainty(self) -> None:
        drawing = self.chooser.drawing.layer
        answer = self._answers.get(str(drawing.unique_id)) if drawing is not None else None
        if answer is None or self.busy:
            return  # the answer brings it
        if not self.uncertainty.isChecked():
            self._hide_uncertainty(drawing)
            return
        self._begin(
            "Looking how sure the answer is",
            lambda _, __: answer.uncertainty(),
            partial(show_uncertainty, self.viewer),
        )

    def _hide_uncertainty(self, drawing: Any) -> None:
        layer = result_layer(self.viewer, drawing, UNCERTAINTY)
        if layer is not None:
            layer.visible = False

    # Work in its own thread

    def _begin(
        self,
        what: str,
        work: Callable[[Question, Work], Any],
        then: Callable[[Any, Any], Any],
    ) -> None:
        if self.busy:
            return
        question = ask(self.chooser.choice(), self._here())
        self._question, self._work = question, Work()
        news: tuple[tuple[Any, Callable[..., None]], ...] = (
            (self._work.progressed, self._progressed),
            (self._work.showed, partial(self._shown, question)),
            (self._work.done, partial(self._done, question, then)),
            (self._work.failed, partial(self._given_up, question)),
            (self._work.cancelled, partial(self._given_up, question, _CANCELLED)),
            (self._work.ended, self._ended),
        )
        for signal, heard in news:
            signal.connect(partial(self._hear, question, heard))
        self._set_busy(what)
        self._work.start(partial(work, question))

    def _hear(self, question: Question, heard: Callable[..., None], *news: Any) -> None:
        """Pass news of a question on, unless the panel was closed meanwhile."""
        if question is self._question:
            heard(*news)

    def _progressed(self, part: float) -> None:
        self.progress.setValue(round(100 * part))

    def _shown(self, question: Question, slices: AnsweredSlices) -> None:
        if not slices.final and question.choice.drawing in self.viewer.layers:
            show_slices(self.viewer, question.choice.drawing, slices)

    def _done(self, question: Question, then: Callable[[Any, Any], Any], found: Any) -> None:
        if question.cancelled.is_set():
            self._given_up(question, _CANCELLED)
        elif question.choice.drawing in self.viewer.layers:
            then(question.choice.drawing, found)

    def _given_up(self, question: Question, why: str) -> None:
        self._say(why)
        self._take_back(question)

    def _take_back(self, question: Question) -> None:
        """Show the answer before again, or none, where slices were shown meanwhile."""
        drawing = question.choice.drawing
        shown = result_layer(self.viewer, drawing, ANSWER)
        before = self._answers.get(str(drawing.unique_id))
        if shown is not None and before is not None:
            show_answer(self.viewer, drawing, before.result.labels.array)
        elif shown is not None:
            self.viewer.layers.remove(shown)

    def _ended(self) -> None:
        self._work = None
        self._set_busy(None)

    def _cancel(self) -> None:
        if self._question is not None:
            self._question.cancelled.set()

    def _here(self) -> tuple[int, int] | None:
        try:
            return current_place(self.viewer, self.chooser.choice().drawing)
        except InputError:
            return None

    # What people see

    def _say(self, text: str) -> None:
        self.message.setText(text)

    def _set_busy(self, what: str | None) -> None:
        for each in (self.segment, self.suggest):
            each.setEnabled(what is None)
        self.cancel.setEnabled(what is not None)
        self.progress.setValue(0)
        self.progress.setFormat(f"{what} %p%" if what else "")
        self.progress.setVisible(what is not None)

    def _slice_changed(self, _: object = None) -> None:
        layer, place = self.chooser.drawing.layer, self._here()
        self.empty.setChecked(layer is not None and place in empty_slices(layer))

    def _layers_changed(self, _: object = None) -> None:
        self.chooser.offer()
        there = {str(layer.unique_id) for layer in self.viewer.layers}
        self._answers = {key: each for key, each in self._answers.items() if key in there}
        self._slice_changed()

    def _safely(self, action: Callable[[], None]) -> None:
        """Do what a button is for, and say what is wrong in the panel."""
        try:
            action()
        except InputError as error:
            self._say(str(error))
        self._slice_changed()

    def _connect(self) -> None:
        actions: dict[QPushButton, Callable[[], None]] = {
            self.chooser.new: self.chooser.make_drawing,
            self.segment: self._segment,
            self.cancel: self._cancel,
            self.suggest: self._suggest,
            self.accept: self._accept,
            self.accept_all: self._accept_all,
            self.empty: self._say_empty,
        }
        for button, action in actions.items():
            button.clicked.connect(partial(self._clicked, action))
        self.uncertainty.toggled.connect(lambda _: self._safely(self._show_uncertainty))
        QShortcut(QKeySequence("Alt+U"), self, activated=self.uncertainty.toggle)
        self.suggestions.itemClicked.connect(self._go_to)
        self.suggestions.itemActivated.connect(self._go_to)
        for name in _LAYER_EVENTS:
            getattr(self.viewer.layers.events, name).connect(self._layers_changed)
        self.viewer.dims.events.connect(self._slice_changed)
        self.chooser.changed.connect(self._slice_changed)

    def _clicked(self, action: Callable[[], None], _: bool = False) -> None:
        self._safely(action)


def _line(each: SuggestedSlice) -> str:
    what = "outline it" if each.kind == "draw" else "is the structure there?"
    return f"{each.plane} {each.index}: {what} (+{each.gain:.3f} Dice)"
