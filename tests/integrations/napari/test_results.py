"""Answers come into layers of their own, where the drawing lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewslice.integrations.napari.grid import same_place
from fewslice.integrations.napari.results import (
    ANSWER,
    UNCERTAINTY,
    is_result,
    result_layer,
    show_answer,
    show_slices,
    show_uncertainty,
)
from fewslice.segmentation.preview import AnsweredSlices
from tests.support.napari_layers import drawn_layer, scan_layer, truth

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels


def opened(viewer: ViewerModel) -> Labels:
    viewer.add_layer(scan_layer())
    drawing: Labels = viewer.add_layer(drawn_layer(translate=(4, 1, 1), scale=(2, 1, 1)))
    return drawing


def test_an_answer_lies_below_the_drawing_and_takes_no_attention(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    before = drawing.data.copy()
    answer = show_answer(viewer, drawing, truth())
    assert [layer.name for layer in viewer.layers] == ["scan", "drawn: answer", "drawn"]
    assert same_place(answer, drawing)
    assert viewer.layers.selection.active is drawing
    assert not answer.editable
    answer.data[:] = 5
    assert truth().max() == 2
    np.testing.assert_array_equal(drawing.data, before)


def test_the_next_answer_takes_the_place_of_the_one_before(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    show_answer(viewer, drawing, truth())
    answer = show_answer(viewer, drawing, truth() * 0)
    assert len(viewer.layers) == 3
    assert not answer.data.any()


def test_a_drawing_keeps_its_answer_by_any_name(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    answer = show_answer(viewer, drawing, truth())
    drawing.name, answer.name = "a", "b"
    assert result_layer(viewer, drawing, ANSWER) is answer
    viewer.layers.remove(answer)
    assert result_layer(viewer, drawing, ANSWER) is None


def test_first_slices_are_shown_before_there_is_an_answer(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    slices = truth().take([7, 8], axis=2).transpose(2, 0, 1)
    show_slices(viewer, drawing, AnsweredSlices(2, 7, slices, final=False))
    answer = result_layer(viewer, drawing, ANSWER)
    np.testing.assert_array_equal(answer.data[..., 7:9], truth()[..., 7:9])
    assert not answer.data[..., :7].any()
    assert not answer.data[..., 9:].any()


def test_uncertainty_is_an_image_on_top(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    layer = show_uncertainty(viewer, drawing, np.full(drawing.data.shape, 0.25, np.float32))
    assert [each.name for each in viewer.layers] == ["scan", "drawn", "drawn: uncertainty"]
    assert layer.contrast_limits == [0, 1]
    assert same_place(layer, drawing)
    layer.visible = False
    again = show_uncertainty(viewer, drawing, np.full(drawing.data.shape, 0.5, np.float32))
    assert again is layer is result_layer(viewer, drawing, UNCERTAINTY)
    assert layer.visible
    assert layer.data.max() == 0.5


def test_results_are_known_as_such(viewer: ViewerModel) -> None:
    drawing = opened(viewer)
    answer = show_answer(viewer, drawing, truth())
    assert [is_result(each) for each in (viewer.layers[0], drawing, answer)] == [False, False, True]
