"""Scans and labels as people give them: arrays that fit, and a sentence for what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
import torch

from fewslice.errors import GeometryError, InputError
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.volumes.coerce import on_one_grid

SHAPE = (4, 3, 2)
GRID = Geometry.from_spacing(SHAPE)
SCAN, DRAWN = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.uint8)


@pytest.mark.parametrize("kind", [np.float16, ">i2", bool, np.longdouble])
def test_arrays_of_any_real_type_and_order_come_on_one_grid(kind: Any) -> None:
    scan = np.arange(24).reshape(SHAPE).astype(kind)
    backwards = np.asfortranarray(DRAWN)[::-1]
    image, labels = on_one_grid(scan, backwards, (1, 2, 3))
    assert np.array_equal(image.array, scan)
    assert image.geometry.spacing == labels.geometry.spacing == (1, 2, 3)


@pytest.mark.parametrize("wrapped", [False, True], ids=["array", "Image"])
def test_a_mask_as_scan_becomes_numbers_that_can_be_subtracted(wrapped: bool) -> None:
    mask = np.arange(24).reshape(SHAPE) > 20
    image, _ = on_one_grid(Image(mask, GRID) if wrapped else mask, LabelMap(DRAWN, GRID))
    assert image.array.dtype == np.uint8
    assert image.array[3, 1:].tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("image", "labels", "sentence"),
    [
        (
            "scan.nii.gz",
            DRAWN,
            "The image is 'scan.nii.gz', a path; expected a fewslice.Image, as ",
        ),
        (SCAN, Path("drawn.nii"), "The label map is PosixPath('drawn.nii'), a path; expected a "),
        (None, DRAWN, "The image is None; expected a fewslice.Image, as fewslice.read_image "),
        (SCAN, Image(SCAN, GRID), "The label map is an Image; expected a fewslice.LabelMap"),
        (LabelMap(DRAWN, GRID), DRAWN, "The image is a LabelMap; expected a fewslice.Image"),
        (
            torch.zeros(SHAPE, requires_grad=True),
            DRAWN,
            "The image is a Tensor; expected a fewslice.Image, as fewslice.read_image reads one "
            "from a file, or an array, such as tensor.detach().cpu().numpy().",
        ),
        (
            SCAN,
            SimpleITK.GetImageFromArray(DRAWN),
            "The label map is a SimpleITK.Image; expected a fewslice.LabelMap, as "
            "fewslice.read_labels reads one from a file, or an array, such as "
            "SimpleITK.GetArrayFromImage(x).T with spacing=x.GetSpacing().",
        ),
        ([[1, 2], [3]], DRAWN, "The image is a list; expected a fewslice.Image, as fewslice."),
    ],
    ids=[
        "path",
        "path of labels",
        "none",
        "image as labels",
        "labels as image",
        "grad",
        "SimpleITK",
        "ragged",
    ],
)
def test_what_is_neither_volume_nor_array_is_named(image: Any, labels: Any, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        on_one_grid(image, labels)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("scan", "labels", "advice"),
    [
        (SCAN, DRAWN.T, r"has shape \(2, 3, 4\), but the image \(4, 3, 2\); .*transpose"),
        (SCAN, DRAWN.transpose(1, 0, 2), "bring the axes of one into that of the other"),
        (np.stack([SCAN, SCAN], axis=-1), DRAWN, r"channels go first: np.moveaxis\(image, -1, 0\)"),
        (SCAN, DRAWN[1:], "give the labels of this scan, voxel by voxel"),
    ],
    ids=["reversed", "permuted", "channels last", "cropped"],
)
def test_arrays_of_other_shapes_get_advice_for_arrays(scan: Any, labels: Any, advice: str) -> None:
    with pytest.raises(GeometryError, match=advice):
        on_one_grid(scan, labels)


@pytest.mark.parametrize("wrapped", [False, True], ids=["array", "Image"])
def test_a_scan_without_a_channel_is_refused(wrapped: bool) -> None:
    none = np.zeros((0, *SHAPE), np.float32)
    with pytest.raises(InputError) as error:
        on_one_grid(Image(none, GRID) if wrapped else none, DRAWN, image_is="support scan 2")
    assert str(error.value) == (
        "Support scan 2 has no channel (shape (0, 4, 3, 2)); expected three axes, or four with at "
        "least one channel first."
    )


@pytest.mark.parametrize("spacing", [1.0, "1,1,1", (1, "a", 1), None], ids=repr)
def test_a_spacing_that_is_none_is_repeated(spacing: Any) -> None:
    if spacing is None:
        assert on_one_grid(SCAN, DRAWN)[0].geometry.spacing == (1, 1, 1)
        return
    with pytest.raises(GeometryError) as error:
        on_one_grid(SCAN, DRAWN, spacing)
    assert str(error.value).startswith(f"The spacing is {spacing!r}; expected three")
