import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.segmentation.largest_component import keep_largest_components


def test_stray_pieces_go_but_nothing_a_person_drew_or_that_touches_it() -> None:
    drawn = np.zeros((12, 12, 6), dtype=np.uint8)
    drawn[0, 0, 2] = 1  # a tiny piece, drawn
    answer = drawn.copy()
    answer[4:9, 4:9, 3:6] = 1  # the main piece
    answer[0, 0, 3] = 1  # grown from the tiny piece
    answer[11, 11, 4] = 1  # stray
    answer[11, 0, 5] = 2  # the only piece of another structure
    cleaned = keep_largest_components(answer, Annotation(drawn, ((2, 2),)))
    expected = answer.copy()
    expected[11, 11, 4] = 0
    np.testing.assert_array_equal(cleaned, expected)
    assert answer[11, 11, 4] == 1
