from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import GeometryError, ReadError
from fewslice.evaluation.dataset import find_dataset
from fewslice.evaluation.scribbles import only_slices, scribbled_case
from fewslice.io import write_labels
from fewslice.volumes import Geometry, LabelMap
from tests.support.datasets import GEOMETRY, SHAPE, labels_of, write_dataset


def test_the_same_slices_are_annotated_in_both_ways(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    (folder / "scribblesTs").mkdir()
    partial = np.full(SHAPE, 255, dtype=np.uint8)
    partial[6, 7], partial[14, 7], partial[0] = 1, 2, 0
    write_labels(folder / "scribblesTs" / "a.nii.gz", LabelMap(partial, GEOMETRY))
    case, without = find_dataset(folder).cases
    found = scribbled_case(case, "axial", 3)
    # Both structures together lie on slices 1 to 11: 1 + 10 * (1/6, 3/6, 5/6) = 2.67, 6, 9.33.
    assert found.slices == ((2, 3), (2, 6), (2, 9))
    np.testing.assert_array_equal(found.drawn.array[..., 6], labels_of()[..., 6])
    np.testing.assert_array_equal(found.scribbled.array[..., 9], partial[..., 9])
    assert not found.drawn.array[..., 5].any()
    assert not found.scribbled.array[..., 5].any()
    assert found.others.sum() == SHAPE[0] * SHAPE[1] * (SHAPE[2] - 3)
    assert not found.others[..., 6].any()
    with pytest.raises(ReadError, match=r"scribblesTs/b\.nii\.gz does not exist"):
        scribbled_case(without, "axial", 3)


def test_scribbles_on_another_grid_are_refused(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path)
    (folder / "scribblesTs").mkdir()
    elsewhere = LabelMap(labels_of(), Geometry.from_spacing(SHAPE, (1, 1, 3)))
    write_labels(folder / "scribblesTs" / "a.nii.gz", elsewhere)
    with pytest.raises(GeometryError, match="its scribbles do not lie on the same grid"):
        scribbled_case(find_dataset(folder).cases[0], "axial", 1)


def test_only_slices_keeps_crossing_planes() -> None:
    labels = np.ones((3, 3, 3), dtype=np.uint8)
    kept = only_slices(labels, [(0, 1), (2, 0)])
    assert kept.sum() == 9 + 9 - 3
    assert kept.dtype == np.uint8
