"""Clean-up: the largest piece and what a person drew stay, and a remark counts the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.segmentation.cleaned import cleaned
from fewslice.segmentation.result import Segmentation
from fewslice.workflow.segment import segment

SHAPE = (20, 20, 12)


@pytest.fixture(scope="module")
def segmentation() -> Segmentation:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:9, 3:9, (2, 6)] = 1
    labels[15, 15, 2] = 1
    image = labels.astype(np.float32)
    return segment(image, labels, engine="interpolation")


def with_voxels(segmentation: Segmentation, *places: tuple[int, int, int]) -> Segmentation:
    array = segmentation.labels.array.copy()
    for place in places:
        array[place] = 1
    return replace(segmentation, labels=segmentation.labels.with_array(array))


def test_separate_voxels_are_removed_and_counted(segmentation: Segmentation) -> None:
    tidy = cleaned(segmentation)
    result = cleaned(with_voxels(segmentation, (0, 19, 4), (19, 0, 11)))
    assert np.array_equal(result.labels.array, tidy.labels.array)
    assert result.remarks[-1].startswith("2 voxels apart from the largest piece")
    assert result.remarks[-1].endswith("were removed.")
    assert result.labels.array[15, 15, 2] == 1  # drawn by a person
    one = cleaned(with_voxels(tidy, (0, 19, 4)))
    assert one.remarks[-1].startswith("1 voxel apart")
    assert one.remarks[-1].endswith("was removed.")


def test_the_rest_stays_and_the_input_is_not_changed(segmentation: Segmentation) -> None:
    loose = with_voxels(segmentation, (0, 19, 4))
    result = cleaned(loose)
    assert loose.labels.array[0, 19, 4] == 1
    assert result.prediction is loose.prediction
    assert result.annotation is loose.annotation
    assert result.engine == loose.engine
    assert result.remarks[:-1] == loose.remarks
    assert result.labels.geometry is loose.labels.geometry
    known = result.annotation.known()
    assert np.array_equal(result.labels.array[known], result.annotation.labels[known])
