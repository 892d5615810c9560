"""The bundled scan as sample data."""

from __future__ import annotations

import numpy as np

from fewslice import example
from fewslice.integrations.napari.origin import KEY
from fewslice.integrations.napari.sample import example_layers
from fewslice.io import read_labels


def test_five_slices_of_the_reference_are_drawn_on_the_scan() -> None:
    (scan, placed, kind), (labels, others, other_kind) = example_layers()
    assert (kind, other_kind) == ("image", "labels")
    assert scan.shape == labels.shape == (70, 84, 54)
    assert placed["translate"] == others["translate"]
    assert len({*np.nonzero(labels)[0].tolist()}) == 5
    reference = read_labels(example.labels_path()).array
    drawn = others["metadata"][KEY].back(labels)
    np.testing.assert_array_equal(drawn[drawn > 0], reference[drawn > 0])
    assert [each.name for each in others["metadata"][KEY].segments] == [
        *example.label_names().values()
    ]
