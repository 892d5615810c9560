"""What layers hold is answered as `fewslice.segment` answers it, whichever way layers lie."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels

import fewslice
from fewslice.annotation.annotation import on_slice
from fewslice.errors import InputError, codes_of
from fewslice.integrations.napari.drawn import say_empty
from fewslice.integrations.napari.loop import Choice, Loop, ask
from fewslice.metrics.overlap import dice
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.workflow.session import CancelledError
from tests.support.napari_layers import SLICES, drawn_layer, scan_layer, truth

MM = ("mm",) * 3


def answered(choice: Choice, loop: Loop | None = None) -> Any:
    answer = (loop or Loop()).segment(ask(choice), lambda _: None, lambda _: None)
    return answer.result


def choice(**settings: Any) -> Choice:
    chosen = {"scan": (scan_layer(),), "drawing": drawn_layer(), "engine": "interpolation"}
    return Choice(**{**chosen, **settings})


def test_it_answers_as_segment_does() -> None:
    chosen = choice()
    expected = fewslice.segment(
        chosen.scan[0].data, chosen.drawing.data, spacing=(2, 1, 1), engine="interpolation"
    )
    np.testing.assert_array_equal(answered(chosen).labels.array, expected.labels.array)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_order_and_directions_of_axes_make_no_difference(
    order: tuple[int, int, int], signs: tuple[int, int, int]
) -> None:
    steps = np.array([2.0, 1.0, 1.0])[list(order)] * signs
    placed = {"affine": np.diag([*steps, 1.0]), "units": MM}
    turned = Choice(
        (Image(scan_layer().data.transpose(order), **placed),),
        Labels(drawn_layer().data.transpose(order), **placed),
        "interpolation",
    )
    found = answered(turned)
    assert found.labels.geometry.spacing == tuple(np.abs(steps))
    assert {axis for axis, _ in found.annotation.slices} == {order.index(0)}
    expected = answered(choice()).labels.array.transpose(order)
    for label in (1, 2):
        assert dice(found.labels.array == label, expected == label) > 0.999


def test_a_drawing_of_a_part_of_the_scan_is_answered_in_that_part() -> None:
    part = np.ascontiguousarray(drawn_layer().data[2:20, 1:, 1:])
    drawing = Labels(part, scale=(2, 1, 1), translate=(4, 1, 1), units=MM)
    labels = answered(choice(drawing=drawing)).labels.array
    assert labels.shape == part.shape
    assert dice(labels == 1, answered(choice()).labels.array[2:20, 1:, 1:] == 1) > 0.99


def test_what_is_drawn_comes_back_bit_for_bit_and_is_not_touched() -> None:
    chosen = choice()
    before = chosen.drawing.data.copy()
    labels = answered(chosen).labels.array
    np.testing.assert_array_equal(chosen.drawing.data, before)
    for index in SLICES:
        np.testing.assert_array_equal(labels[index], before[index])


def test_one_more_slice_changes_the_answer_around_it() -> None:
    chosen, loop = choice(drawing=drawn_layer(4, 9, 14)), Loop()
    before = answered(chosen, loop).labels.array
    chosen.drawing.data[12] = truth()[12]
    after = answered(chosen, loop).labels.array
    np.testing.assert_array_equal(after[12], truth()[12])
    np.testing.assert_array_equal(after[:10], before[:10])
    np.testing.assert_array_equal(after[14:], before[14:])


def test_slices_said_to_be_empty_are() -> None:
    chosen, loop = choice(drawing=drawn_layer(8, 12)), Loop()
    before = answered(chosen, loop).labels.array
    assert before[5].any()
    say_empty(chosen.drawing, (0, 5))
    say_empty(chosen.drawing, (0, 16))
    after = answered(chosen, loop).labels.array
    assert not after[on_slice(0, 5)].any()
    assert not after[on_slice(0, 16)].any()


@pytest.mark.slow
def test_another_scan_under_the_same_drawing_is_another_question() -> None:
    loop, drawing = Loop(), drawn_layer(8, 12)
    engine = "random-walker"
    mine = answered(choice(drawing=drawing, engine=engine), loop)
    flat = Image(np.zeros(drawing.data.shape), scale=(2, 1, 1), units=MM)
    other = answered(Choice((flat,), drawing, engine), loop)
    again = answered(Choice((flat,), drawing, engine))
    assert (mine.labels.array != other.labels.array).any()
    np.testing.assert_array_equal(other.labels.array, again.labels.array)


def test_channels_are_answered_together() -> None:
    noise = Image(np.zeros(truth().shape), scale=(2, 1, 1), units=MM)
    found = answered(choice(scan=(noise, scan_layer()), engine="random-walker"))
    assert dice(found.labels.array == 1, truth() == 1) > 0.85


def test_slices_near_the_one_in_sight_come_first() -> None:
    shown: list[AnsweredSlices] = []
    parts: list[float] = []
    Loop().segment(ask(choice(), here=(0, 13)), parts.append, shown.append)
    assert (shown[0].axis, shown[0].first, len(shown[0].labels)) == (0, 11, 5)
    assert not shown[0].final
    assert parts[-1] == 1.0
    assert sorted(parts) == parts


def test_a_cancelled_question_ends_and_the_next_is_answered() -> None:
    loop, question = Loop(), ask(choice())
    question.cancelled.set()
    with pytest.raises(CancelledError):
        loop.segment(question, lambda _: None, lambda _: None)
    assert answered(choice(), loop).labels.array.any()


def test_drawing_on_while_an_answer_is_made_does_not_reach_it() -> None:
    chosen = choice()
    question = ask(chosen)
    chosen.drawing.data[:] = 7
    found = Loop().segment(question, lambda _: None, lambda _: None)
    assert set(np.unique(found.result.labels.array)) == {0, 1, 2}


def test_two_threads_may_ask() -> None:
    # Layers are made here: napari's own table of units is not made for two threads at once.
    loop, found, chosen = Loop(), [], [choice(), choice()]
    threads = [
        Thread(target=lambda one: found.append(answered(one, loop)), args=(one,)) for one in chosen
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    np.testing.assert_array_equal(found[0].labels.array, found[1].labels.array)


@pytest.mark.slow
def test_an_example_is_enough_where_nothing_is_drawn() -> None:
    example = (scan_layer(), drawn_layer(*range(22)))
    blank = drawn_layer()
    blank.data = np.zeros_like(blank.data)
    found = answered(choice(drawing=blank, engine="atlas", support=(example,)))
    assert found.support == 1
    assert "nothing-drawn" in codes_of(found.remarks)
    assert dice(found.labels.array == 1, truth() == 1) > 0.8


def test_nothing_drawn_is_one_sentence() -> None:
    blank = drawn_layer()
    blank.data = np.zeros_like(blank.data)
    with pytest.raises(InputError, match="outline the structure on at least one slice"):
        answered(choice(drawing=blank))


def test_a_drawing_on_another_grid_is_one_sentence() -> None:
    other = Labels(np.ones((5, 6, 7), np.uint8), scale=(3, 1, 1), units=MM, name="other")
    with pytest.raises(InputError, match="do not lie on the same grid"):
        answered(choice(drawing=other))


def test_a_film_is_refused_before_anything_begins() -> None:
    with pytest.raises(InputError, match="'film' has 4 axes"):
        ask(choice(scan=(Image(np.zeros((2, 3, 4, 5)), name="film"),)))


def test_what_is_assumed_is_said() -> None:
    layers = (scan_layer(scale=(2, 1, 1)), drawn_layer(scale=(2, 1, 1)))
    found = answered(Choice((layers[0],), layers[1], "interpolation"))
    assert "layer-without-unit" in codes_of(found.remarks)


@pytest.mark.slow
def test_it_suggests_as_suggest_does() -> None:
    chosen = choice()
    found = Loop().suggest(ask(chosen), 2)
    expected = fewslice.suggest(
        chosen.scan[0].data, chosen.drawing.data, spacing=(2, 1, 1), count=2
    )
    assert [(each.axis, each.index) for each in found.slices] == [
        (each.axis, each.index) for each in expected.slices
    ]
    assert found.predicted_dice == pytest.approx(expected.predicted_dice)
