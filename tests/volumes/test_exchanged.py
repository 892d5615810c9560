"""Scan and label map in each other's place are refused; atlases beside a scan are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import InputError
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.volumes.exchanged import require_in_place

SHAPE = (8, 8, 8)
GRID = Geometry.from_spacing(SHAPE)
GREY = np.arange(512).reshape(SHAPE) % 200  # 200 values, as an OCT of 8 bits has
MASK = (GREY > 150).astype(np.uint8)


def checked(scan: npt.NDArray[np.generic], labels: npt.NDArray[np.generic]) -> None:
    require_in_place(Image(scan, GRID), LabelMap(labels.astype(np.uint8), GRID))


def test_a_scan_in_place_of_its_label_map_is_refused() -> None:
    with pytest.raises(InputError, match="the other way round: the scan first"):
        checked(MASK, GREY)


def test_a_scan_given_as_its_own_labels_is_refused() -> None:
    with pytest.raises(InputError, match="the same numbers as the scan"):
        checked(GREY.astype(np.int16), GREY)


def test_masks_of_a_mask_and_atlases_beside_a_scan_pass() -> None:
    checked(MASK, MASK)
    checked(GREY + 0.5, GREY)
    checked(MASK * 0.5, GREY)  # no label map: its values are no whole numbers
