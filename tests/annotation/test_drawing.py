"""What was drawn, slice by slice: crossings, steps, and what does not fit."""

from typing import Any

import numpy as np
import pytest

from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError

SHAPE = (2, 3, 4)


def test_slices_keep_their_place_and_labels() -> None:
    drawing = Drawing(SHAPE).drawn((2, -1), [[0, 1, 0], [0, 0, 300]])
    assert drawing.places == ((2, 3),)
    labels = drawing.labels()
    assert labels.dtype == np.uint16
    assert labels[..., 3].tolist() == [[0, 1, 0], [0, 0, 300]]
    assert not labels[..., :3].any()


def test_where_planes_cross_the_later_slice_counts_and_255_says_nothing() -> None:
    across = np.full((3, 4), 2)
    across[:, 1] = 255
    drawing = Drawing(SHAPE).drawn((2, 1), np.ones((2, 3))).drawn((2, 3), np.ones((2, 3)))
    drawing = drawing.drawn((0, 0), across)
    assert drawing.labels()[0].tolist() == [[2, 1, 2, 2]] * 3
    assert drawing.labels()[1].tolist() == [[0, 1, 0, 1]] * 3
    # Erased, it gives back what it lay over.
    assert drawing.erased((0, 0)).labels()[0].tolist() == [[0, 1, 0, 1]] * 3
    alone = Drawing(SHAPE).drawn((0, 0), across).labels()
    assert alone[0].tolist() == [[2, 255, 2, 2]] * 3


def test_drawing_again_replaces_and_an_older_state_stays_what_it_was() -> None:
    first = Drawing(SHAPE).drawn((1, 0), np.ones((2, 4)))
    second = first.drawn((1, 0), np.zeros((2, 4)))
    assert second.places == first.places
    assert first.labels()[:, 0].all()
    assert not second.labels().any()


def test_what_was_drawn_cannot_be_changed_from_outside() -> None:
    mine = np.ones((2, 4), dtype=np.uint8)
    drawing = Drawing(SHAPE).drawn((1, 0), mine)
    mine[...] = 0
    assert drawing.labels()[:, 0].all()
    with pytest.raises(ValueError, match="read-only"):
        drawing.slices[0].labels[0, 0] = 5


def test_absent_and_present_are_opposites_and_a_drawn_slice_is_never_lost() -> None:
    drawing = Drawing(SHAPE).said_present((2, 0)).absent((2, 0))
    assert drawing.places == ((2, 0),)
    assert not drawing.present
    assert drawing.said_present((2, 0)).present == {(2, 0)}
    assert not drawing.said_present((2, 0)).places
    drawn = drawing.drawn((2, 1), np.ones((2, 3)))
    assert drawn.said_present((2, 1)) is drawn


@pytest.mark.parametrize(
    ("place", "labels", "what"),
    [
        ((3, 0), np.ones((2, 3)), "There is no slice 0 across array axis 3"),
        ((2, 4), np.ones((2, 3)), "There is no slice 4 across array axis 2"),
        ((2, 0), np.ones((3, 2)), r"has shape \(3, 2\); expected \(2, 3\)"),
        ((2, 0), np.full((2, 3), 0.5), "not a whole number"),
        ((2, 0), np.full((2, 3), -1), "labels from -1 to -1"),
    ],
)
def test_what_does_not_fit_is_refused(
    place: tuple[int, int], labels: np.ndarray[tuple[int, int], np.dtype[np.float64]], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        Drawing(SHAPE).drawn(place, labels)


@pytest.mark.parametrize(
    "place", [("axial", 1), (2, 1.6), (2, 1.0), (2, "1"), 2, (2, 1, 0), None], ids=repr
)
def test_a_place_is_two_whole_numbers(place: Any) -> None:
    with pytest.raises(InputError, match=r"is no slice; expected two whole numbers"):
        Drawing(SHAPE).absent(place)


def test_numbers_of_numpy_name_a_slice_as_well() -> None:
    place: Any = (np.int64(2), np.uint8(1))
    assert Drawing(SHAPE).absent(place).places == ((2, 1),)
