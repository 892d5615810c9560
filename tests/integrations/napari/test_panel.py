"""The panel as people use it, on a viewer without a window."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, get_ident
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Image, Labels

from fewslice.integrations.napari.drawn import empty_slices
from fewslice.integrations.napari.places import current_place, jump
from fewslice.integrations.napari.results import ANSWER, UNCERTAINTY, result_layer
from tests.support.napari_layers import SLICES, drawn_layer, scan_layer, truth

pytest.importorskip("PySide6.QtWidgets", reason="Qt's libraries are missing", exc_type=ImportError)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from pytestqt.qtbot import QtBot

    from fewslice.integrations.napari.panel import Panel

SECONDS = 60_000  # milliseconds to wait at most


@pytest.fixture
def make_panel(viewer: ViewerModel, qtbot: QtBot) -> Callable[..., Panel]:
    from fewslice.integrations.napari.panel import Panel

    def until_idle(panel: Panel) -> None:
        qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)

    def make(*layers: Any) -> Panel:
        for each in layers:
            viewer.add_layer(each)
        panel = Panel(viewer)
        panel.chooser.engine.setCurrentText("interpolation")
        qtbot.addWidget(panel, before_close_func=until_idle)
        return panel

    return make


@pytest.fixture
def panel(make_panel: Callable[..., Panel]) -> Panel:
    """On the phantom with three slices drawn, answered by interpolation."""
    return make_panel(scan_layer(), drawn_layer())


@pytest.fixture
def click(qtbot: QtBot) -> Callable[[Any, Any], None]:
    """Click a button as a person does, and wait until the work is done."""

    def clicked(panel: Any, button: Any) -> None:
        with qtbot.captureExceptions() as raised:
            button.click()
            qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)
        assert raised == []

    return clicked


def answer_of(panel: Panel) -> Any:
    return result_layer(panel.viewer, panel.chooser.drawing.layer, ANSWER)


def test_segment_shows_an_answer_and_leaves_the_drawing(panel: Panel, click: Any) -> None:
    drawing = panel.chooser.drawing.layer
    before = drawing.data.copy()
    click(panel, panel.segment)
    answer = answer_of(panel)
    assert answer is not drawing
    np.testing.assert_array_equal(drawing.data, before)
    for index in SLICES:
        np.testing.assert_array_equal(answer.data[index], truth()[index])
    assert answer.data[7].any()
    assert panel.segment.isEnabled()
    assert not panel.cancel.isEnabled()


def test_while_it_works_it_can_be_cancelled_only(
    panel: Panel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, seen = Event(), []

    def endless(_: Any, question: Any, progress: Any, __: Any) -> None:
        from fewslice.workflow.session import CancelledError

        progress(0.4)
        begun.set()
        assert question.cancelled.wait(60)
        raise CancelledError("given up")

    monkeypatch.setattr("fewslice.integrations.napari.loop.Loop.segment", endless)
    panel.segment.click()
    qtbot.waitUntil(lambda: panel.progress.value() == 40, timeout=SECONDS)
    assert begun.is_set()
    seen = [panel.segment.isEnabled(), panel.suggest.isEnabled(), panel.cancel.isEnabled()]
    assert seen == [False, False, True]
    panel.cancel.click()
    qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)
    assert panel.message.text() == "Cancelled; the answer before stays."
    assert panel.segment.isEnabled()
    assert answer_of(panel) is None


def first_slices(_: Any, question: Any, progress: Any, on_slices: Any) -> None:
    """Show a slice full of label 9, as the first of an answer, and give up."""
    from fewslice.segmentation.preview import AnsweredSlices
    from fewslice.workflow.session import CancelledError

    on_slices(AnsweredSlices(0, 7, np.full((1, 44, 40), 9, np.uint8), final=False))
    progress(0.5)
    raise CancelledError("given up")


def test_what_was_shown_of_a_cancelled_answer_goes_again(
    panel: Panel, click: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    click(panel, panel.segment)
    before = answer_of(panel).data.copy()
    shown = []
    answer_of(panel).events.data.connect(lambda: shown.append(answer_of(panel).data[7, 0, 0]))
    monkeypatch.setattr("fewslice.integrations.napari.loop.Loop.segment", first_slices)
    click(panel, panel.segment)
    assert shown[0] == 9
    np.testing.assert_array_equal(answer_of(panel).data, before)


def test_without_an_answer_before_there_is_none_after_cancelling(
    panel: Panel, click: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fewslice.integrations.napari.loop.Loop.segment", first_slices)
    click(panel, panel.segment)
    assert [layer.name for layer in panel.viewer.layers] == ["scan", "drawn"]


def test_all_that_touches_layers_runs_in_the_windows_thread(
    panel: Panel, click: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, int] = {}
    place = "fewslice.integrations.napari.panel."
    for name in ("show_slices", "show_answer"):
        monkeypatch.setattr(place + name, lambda *_, name=name: threads.update({name: get_ident()}))
    click(panel, panel.segment)
    assert threads == dict.fromkeys(["show_slices", "show_answer"], get_ident())


@pytest.mark.slow
def test_a_click_on_a_suggestion_goes_there(panel: Panel, click: Any) -> None:
    click(panel, panel.suggest)
    assert panel.suggestions.count() == 3
    assert panel.quality.text().startswith("Expected Dice 0.")
    item = panel.suggestions.item(0)
    _, place = item.data(0x100)
    assert str(place[1]) in item.text()
    panel.suggestions.itemClicked.emit(item)
    assert current_place(panel.viewer, panel.chooser.drawing.layer) == place


def test_an_accepted_slice_becomes_the_persons(panel: Panel, click: Any) -> None:
    drawing = panel.chooser.drawing.layer
    before = drawing.data.copy()
    click(panel, panel.segment)
    answer = answer_of(panel).data.copy()
    for index in (7, 8):
        jump(panel.viewer, drawing, (0, index))
        panel.accept.click()
    expected = before.copy()
    expected[[7, 8]] = answer[[7, 8]]
    np.testing.assert_array_equal(drawing.data, expected)
    drawing.undo()
    drawing.undo()
    np.testing.assert_array_equal(drawing.data, before)


def test_all_of_an_answer_becomes_the_persons(panel: Panel, click: Any) -> None:
    click(panel, panel.segment)
    panel.accept_all.click()
    np.testing.assert_array_equal(panel.chooser.drawing.layer.data, answer_of(panel).data)


def test_what_was_drawn_since_is_not_replaced(panel: Panel, click: Any) -> None:
    drawing = panel.chooser.drawing.layer
    click(panel, panel.segment)
    drawing.data[7, 3, 3] = 2
    before = drawing.data.copy()
    jump(panel.viewer, drawing, (0, 7))
    panel.accept.click()
    assert panel.message.text().startswith("Slice 7 was changed since the answer")
    np.testing.assert_array_equal(drawing.data, before)


def test_empty_here_holds_for_the_slice_in_sight(panel: Panel) -> None:
    drawing = panel.chooser.drawing.layer
    jump(panel.viewer, drawing, (0, 20))
    panel.empty.click()
    assert empty_slices(drawing) == ((0, 20),)
    assert panel.empty.isChecked()
    jump(panel.viewer, drawing, (0, 19))
    assert not panel.empty.isChecked()
    jump(panel.viewer, drawing, (0, 20))
    assert panel.empty.isChecked()
    panel.empty.click()
    assert empty_slices(drawing) == ()


def test_a_drawn_slice_is_not_said_to_be_empty(panel: Panel) -> None:
    jump(panel.viewer, panel.chooser.drawing.layer, (0, SLICES[0]))
    panel.empty.click()
    assert "has something drawn on it" in panel.message.text()
    assert not panel.empty.isChecked()


def test_uncertainty_comes_and_goes(panel: Panel, click: Any, qtbot: QtBot) -> None:
    drawing = panel.chooser.drawing.layer
    click(panel, panel.segment)
    assert result_layer(panel.viewer, drawing, UNCERTAINTY) is None
    panel.uncertainty.setChecked(True)
    qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)
    layer = result_layer(panel.viewer, drawing, UNCERTAINTY)
    assert layer.visible
    assert layer.data.max() > 0.5
    assert not layer.data[SLICES[0]].any()
    panel.uncertainty.setChecked(False)
    assert not layer.visible
    panel.uncertainty.setChecked(True)
    qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)
    drawing.data[7] = truth()[7]
    click(panel, panel.segment)
    assert not layer.data[7].any()


def test_new_makes_a_layer_on_the_scans_grid(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel(scan_layer())
    panel.segment.click()
    assert panel.message.text() == "There is no Labels layer to draw on; click New."
    panel.chooser.new.click()
    drawing = panel.chooser.drawing.layer
    assert drawing.data.shape == (22, 44, 40)
    assert drawing.scale.tolist() == [2, 1, 1]
    assert drawing.mode == "paint"


def test_without_a_scan_that_is_said(make_panel: Callable[..., Panel]) -> None:
    panel = make_panel()
    for button in (panel.segment, panel.suggest, panel.accept, panel.accept_all):
        panel.message.clear()
        button.click()
        assert panel.message.text().startswith("There is no scan")
    panel.chooser.new.click()
    assert panel.message.text().startswith("There is no scan to draw on")


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (Image(np.zeros((2, 3, 4, 5)), name="film"), "The layer 'film' has 4 axes"),
        (Image(np.zeros((3, 4)), name="photo"), "The layer 'photo' is a single picture"),
        (Image(np.zeros((2, 3, 4, 3)), rgb=True, name="rgb"), "The layer 'rgb' is in colour"),
    ],
)
def test_what_is_no_volume_is_said(
    make_panel: Callable[..., Panel], layer: Image, sentence: str
) -> None:
    panel = make_panel(layer, drawn_layer())
    for button in (panel.segment, panel.chooser.new):
        button.click()
        assert panel.message.text().startswith(sentence)
    assert not panel.busy


def test_an_engines_sentence_is_shown(make_panel: Callable[..., Panel], click: Any) -> None:
    panel = make_panel(scan_layer())
    panel.chooser.new.click()
    click(panel, panel.segment)
    assert "outline the structure on at least one slice" in panel.message.text()


def test_results_are_offered_neither_as_scan_nor_as_drawing(panel: Panel, click: Any) -> None:
    panel.uncertainty.setChecked(True)
    click(panel, panel.segment)
    assert len(panel.viewer.layers) == 4
    assert (panel.chooser.scan.count(), panel.chooser.drawing.count()) == (1, 1)


def test_choices_stay_while_layers_come_and_go(panel: Panel) -> None:
    scan = panel.chooser.scan.layer
    other = panel.viewer.add_layer(Image(np.zeros((3, 3, 3)), name="other"))
    panel.viewer.layers.move(0, 2)
    assert panel.chooser.scan.layer is scan
    panel.viewer.layers.remove(scan)
    assert panel.chooser.scan.layer is other


def test_channels_of_one_place_are_offered_and_asked(panel: Panel) -> None:
    panel.viewer.add_layer(Image(np.zeros((3, 3, 3)), name="elsewhere"))
    second = panel.viewer.add_layer(scan_layer())
    second.name = "second"
    rows = [panel.chooser.channels.item(row) for row in range(panel.chooser.channels.count())]
    assert [row.text() for row in rows] == ["second"]
    assert panel.chooser.choice().scan == (panel.chooser.scan.layer,)
    from qtpy.QtCore import Qt

    rows[0].setCheckState(Qt.Checked)
    assert panel.chooser.choice().scan == (panel.chooser.scan.layer, second)


def test_examples_are_added_used_and_forgotten(panel: Panel) -> None:
    scan, labels = scan_layer(), drawn_layer(*range(22))
    scan.name, labels.name = "theirs", "their labels"
    for each in (scan, labels):
        panel.viewer.add_layer(each)
    examples = panel.chooser.examples
    examples.scan.setCurrentIndex(examples.scan.findText("theirs"))
    examples.labels.setCurrentIndex(examples.labels.findText("their labels"))
    examples.add.click()
    examples.add.click()
    assert panel.chooser.choice().support == ((scan, labels),)
    panel.viewer.layers.remove(labels)
    assert panel.chooser.choice().support == ()


def test_an_answer_to_a_layer_that_is_gone_is_dropped(panel: Panel, qtbot: QtBot) -> None:
    panel.segment.click()
    panel.viewer.layers.remove(panel.chooser.drawing.layer)
    qtbot.waitUntil(lambda: not panel.busy, timeout=SECONDS)
    assert [layer.name for layer in panel.viewer.layers] == ["scan"]


def test_a_closed_panel_lets_go_of_the_viewer(panel: Panel) -> None:
    panel.close()
    panel.viewer.add_layer(Labels(np.zeros((3, 3, 3), np.uint8)))
    assert panel.chooser.drawing.count() == 1


def test_work_that_outlives_a_closed_panel_changes_nothing_more(
    viewer: ViewerModel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qtpy.QtCore import QCoreApplication, QEvent

    from fewslice.integrations.napari.panel import Panel

    closed, left = Event(), Event()

    def slow(_: Any, question: Any, progress: Any, on_slices: Any) -> None:
        from fewslice.segmentation.preview import AnsweredSlices

        slices = AnsweredSlices(0, 7, np.full((1, 44, 40), 9, np.uint8), final=False)
        on_slices(slices)
        assert closed.wait(60)
        assert question.cancelled.is_set()
        progress(0.9)
        on_slices(slices)
        left.set()

    monkeypatch.setattr("fewslice.integrations.napari.loop.Loop.segment", slow)
    for layer in (scan_layer(), drawn_layer()):
        viewer.add_layer(layer)
    panel = Panel(viewer)  # not qtbot's, which would close it once more
    with qtbot.captureExceptions() as raised:
        panel.segment.click()
        qtbot.waitUntil(lambda: answer_of(panel) is not None, timeout=SECONDS)
        panel.close()
        panel.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.DeferredDelete)
        closed.set()
        qtbot.waitUntil(left.is_set, timeout=SECONDS)
        qtbot.wait(100)
    assert raised == []
    assert [layer.name for layer in viewer.layers] == ["scan", "drawn"]


def test_keys_do_what_buttons_do(panel: Panel, qtbot: QtBot) -> None:
    from qtpy.QtCore import Qt

    drawing = panel.chooser.drawing.layer
    with qtbot.waitActive(panel, timeout=SECONDS):
        panel.show()
        panel.activateWindow()
    qtbot.keyClick(panel, Qt.Key_S, Qt.AltModifier)
    qtbot.waitUntil(lambda: answer_of(panel) is not None and not panel.busy, timeout=SECONDS)
    jump(panel.viewer, drawing, (0, 7))
    qtbot.keyClick(panel, Qt.Key_A, Qt.AltModifier)
    qtbot.waitUntil(lambda: bool(drawing.data[7].any()), timeout=SECONDS)
    jump(panel.viewer, drawing, (0, 21))
    qtbot.keyClick(panel, Qt.Key_E, Qt.AltModifier)
    qtbot.waitUntil(lambda: empty_slices(drawing) == ((0, 21),), timeout=SECONDS)
    qtbot.keyClick(panel, Qt.Key_U, Qt.AltModifier)
    qtbot.waitUntil(panel.uncertainty.isChecked, timeout=SECONDS)
