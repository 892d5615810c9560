from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.universeg.examples import (
    Labelled,
    completed,
    examples_of,
    has_unknown,
    spread,
)


def labelled(*slices: int, value: int = 3, shape: tuple[int, int, int] = (4, 4, 6)) -> Labelled:
    """A scan whose intensity is its slice's number, with a pixel drawn on some."""
    image = np.broadcast_to(np.arange(shape[2], dtype=np.float32), shape)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[1, 2, list(slices)] = value
    return Labelled(image, (1.0, 1.0, 2.0), Annotation(labels, tuple((2, at) for at in slices)))


def test_an_example_is_an_image_and_a_mask() -> None:
    found = examples_of([labelled(4)], axis=2, value=3, most=9, side=4)
    assert found.shape == (1, 2, 4, 4)
    assert (found[0, 0] == 4).all()
    expected = np.zeros((4, 4))
    expected[1, 2] = 1
    np.testing.assert_array_equal(found[0, 1], expected)


def test_only_slices_that_show_the_structure_are_examples() -> None:
    assert len(examples_of([labelled(1, 4)], axis=2, value=7, most=9, side=4)) == 0
    assert labelled(1, 4).slices_with(2, 3) == [1, 4]
    assert labelled(1, 4).slices_with(0, 3) == []


def test_own_slices_come_first_and_others_are_spread() -> None:
    scans = [labelled(5), labelled(0, 1, 2, 3), labelled(0, 1, 2, 3)]
    found = examples_of(scans, axis=2, value=3, most=5, side=4)
    assert found[:, 0, 0, 0].tolist() == [5, 1, 3, 1, 3]
    assert examples_of(scans, axis=2, value=3, most=1, side=4)[:, 0, 0, 0].tolist() == [5]


def test_spread_by_hand() -> None:
    assert spread([0, 1, 2], 5) == [0, 1, 2]
    assert spread(list(range(10)), 2) == [2, 7]
    assert spread(list(range(10)), 0) == []


def test_pixels_not_looked_at_become_the_nearest_known_one() -> None:
    given = np.array([[3, 255, 255, 255, 0], [255, 255, 255, 255, 255]], dtype=np.uint8)
    assert completed(given)[:, [0, 1, 3, 4]].tolist() == [[3, 3, 0, 0], [3, 3, 0, 0]]
    unknown = np.full((2, 2), 255, dtype=np.uint8)
    assert (completed(unknown) == 255).all()


def test_only_slices_that_show_something_count_as_partly_unknown() -> None:
    one = labelled(1, 4)
    assert not has_unknown(one.annotation)
    one.annotation.labels[0, 0, 4] = 255
    assert has_unknown(one.annotation)
