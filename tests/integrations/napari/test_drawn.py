"""What a person says in a Labels layer is never changed but by themselves."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Labels

from fewslice.errors import InputError
from fewslice.integrations.napari.drawn import (
    accept_all,
    accept_slice,
    empty_slices,
    say_empty,
    whole_slices,
)


def layer() -> Labels:
    """Slice 1 of four is drawn."""
    labels = np.zeros((4, 3, 3), np.uint8)
    labels[1, 0, 0] = 1
    return Labels(labels)


ANSWER = np.zeros((4, 3, 3), np.uint8)
ANSWER[1, 0, 0] = ANSWER[2, 1, 1] = 1


def test_an_accepted_slice_is_drawn_and_whole_until_it_is_undone() -> None:
    drawn = layer()
    accept_slice(drawn, ANSWER, drawn.data.copy(), (0, 2))
    np.testing.assert_array_equal(drawn.data, ANSWER)
    assert whole_slices(drawn, drawn.data) == ((0, 2),)
    drawn.undo()
    np.testing.assert_array_equal(drawn.data, layer().data)
    assert whole_slices(drawn, drawn.data) == ()


def test_an_accepted_slice_without_anything_is_said_to_be_empty() -> None:
    drawn = layer()
    accept_slice(drawn, ANSWER, drawn.data.copy(), (0, 3))
    assert empty_slices(drawn) == ((0, 3),)
    assert whole_slices(drawn, drawn.data) == ((0, 3),)


def test_a_slice_changed_since_the_answer_is_not_accepted() -> None:
    drawn = layer()
    before = drawn.data.copy()
    drawn.data[2, 2, 2] = 5
    with pytest.raises(InputError, match="Slice 2 was changed since the answer"):
        accept_slice(drawn, ANSWER, before, (0, 2))
    with pytest.raises(InputError, match="drawing was changed since the answer"):
        accept_all(drawn, ANSWER, before)
    assert (drawn.data[2, 2, 2], drawn.data[2, 1, 1]) == (5, 0)


def test_all_is_accepted_as_one_step() -> None:
    drawn = layer()
    accept_all(drawn, ANSWER, drawn.data.copy())
    np.testing.assert_array_equal(drawn.data, ANSWER)
    drawn.undo()
    np.testing.assert_array_equal(drawn.data, layer().data)


def test_a_slice_is_said_to_be_empty_and_that_taken_back() -> None:
    drawn = layer()
    say_empty(drawn, (0, 3))
    say_empty(drawn, (2, 1))
    assert empty_slices(drawn) == ((0, 3), (2, 1))
    say_empty(drawn, (0, 3), empty=False)
    assert empty_slices(drawn) == ((2, 1),)


def test_a_slice_with_something_on_it_is_not_empty() -> None:
    with pytest.raises(InputError, match="Slice 1 has something drawn on it"):
        say_empty(layer(), (0, 1))


def test_a_copy_of_a_layer_goes_its_own_way() -> None:
    mine = layer()
    say_empty(mine, (0, 3))
    other = Labels(mine.data, metadata=mine.metadata)
    say_empty(other, (0, 0))
    assert empty_slices(mine) == ((0, 3),)


def test_a_label_too_great_for_the_layer_is_not_cut_short() -> None:
    drawn, answer = layer(), ANSWER.astype(np.uint16)
    answer[2, 1, 1] = 300
    with pytest.raises(InputError, match="label 300, which does not fit"):
        accept_slice(drawn, answer, drawn.data.copy(), (0, 2))
    np.testing.assert_array_equal(drawn.data, layer().data)


def test_a_layer_on_disk_cannot_be_drawn_on() -> None:
    drawn = Labels(da.zeros((4, 3, 3), dtype=np.uint8, chunks=1), name="far")
    with pytest.raises(InputError, match="'far' is not in memory"):
        accept_slice(drawn, ANSWER, np.zeros((4, 3, 3), np.uint8), (0, 2))
