from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.nninteractive.interactions import Interaction, interactions


def test_outlines_empty_slices_and_scribbles() -> None:
    labels = np.zeros((4, 5, 6), dtype=np.uint8)
    labels[1, 1:3, 1] = 7
    labels[1:3, 1:4, 3] = 7
    labels[0, 0, 3] = 2
    labels[..., 5] = 255
    labels[2, 2, 5], labels[3, 3, 5], labels[3, 4, 5] = 7, 0, 2
    said = interactions(Annotation(labels, ((2, 1), (2, 3), (2, 4), (2, 5))), 7)
    assert [(each.kind, each.include, each.place) for each in said] == [
        ("scribble", False, (2, 5)),
        ("lasso", False, (2, 4)),
        ("scribble", True, (2, 5)),
        ("lasso", True, (2, 1)),
        ("lasso", True, (2, 3)),
    ]
    assert np.argwhere(said[0].mask).tolist() == [[3, 3], [3, 4]]  # another structure is outside
    assert said[1].mask.sum() == 6  # where its outlines lie on the other slices: within this box
    assert said[1].mask[1:3, 1:4].all()
    assert np.argwhere(said[2].mask).tolist() == [[2, 2]]
    np.testing.assert_array_equal(said[4].mask, labels[..., 3] == 7)


def test_slices_of_several_planes_keep_their_axis() -> None:
    labels = np.zeros((4, 5, 6), dtype=np.uint8)
    labels[2, 1, :], labels[:, 1, 3] = 1, 1
    said = interactions(Annotation(labels, ((0, 2), (2, 3))), 1)
    assert [each.place for each in said] == [(2, 3), (0, 2)]  # the largest outline last


def test_a_mask_is_sent_in_its_box() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[1, 2], mask[2, 4] = True, True
    sent, box = Interaction("lasso", True, (1, 3), mask).boxed()
    assert box == [[1, 3], [3, 4], [2, 5]]
    assert sent.shape == (2, 1, 3)
    assert np.argwhere(sent).tolist() == [[0, 0, 0], [1, 0, 2]]
