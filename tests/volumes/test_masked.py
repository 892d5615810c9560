"""What is masked has no value: an image's voxel is missing, and of a label one has to say what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice import Geometry, Image, LabelMap, read_image, segment, write_image
from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError, codes_of
from fewslice.training.inputs import usable_scans
from fewslice.volumes.masked import unmasked_image, unmasked_labels
from fewslice.workflow.session import Session


@pytest.mark.parametrize(("kind", "floats"), [("int16", "float32"), ("float64", "float64")])
def test_masked_voxels_of_an_image_are_nan(kind: str, floats: str) -> None:
    given = np.ma.masked_array(np.array([1, 2, 3], kind), [False, True, False])
    found = unmasked_image(given)
    assert found.dtype == floats
    assert not isinstance(found, np.ma.MaskedArray)
    np.testing.assert_array_equal(found, [1, np.nan, 3])


def test_without_a_mask_nothing_is_copied() -> None:
    plain = np.arange(3, dtype=np.int16)
    for given in (plain, np.ma.masked_array(plain)):
        assert np.shares_memory(unmasked_image(given), plain)
        assert np.shares_memory(unmasked_labels(given), plain)
        assert type(unmasked_image(given)) is type(unmasked_labels(given)) is np.ndarray


def scan() -> tuple[np.ma.MaskedArray, np.ndarray]:
    image = np.zeros((8, 8, 6), np.int16)
    image[2:6, 2:6] = 100
    mask = np.zeros(image.shape, bool)
    mask[0] = True
    labels = np.zeros(image.shape, np.uint8)
    labels[2:6, 2:6, [1, 4]] = 1
    garbage = np.where(mask, 30_000, image).astype(np.int16)
    return np.ma.masked_array(garbage, mask), labels


@pytest.mark.parametrize("wrapped", [False, True], ids=["array", "Image"])
def test_masked_voxels_count_as_those_that_are_nan(wrapped: bool) -> None:
    image, labels = scan()
    geometry = Geometry.from_spacing(image.shape, (1, 1, 1))
    given = Image(image, geometry) if wrapped else image
    opened = Session(given, labels, spacing=(1, 1, 1), engine="interpolation")
    assert opened.image.array.max() == 100
    assert "voxels-filled" in codes_of(opened.image.remarks)
    found = segment(given, labels, spacing=(1, 1, 1), engine="interpolation")
    assert "voxels-filled" in codes_of(found.remarks)


def test_masked_labels_are_refused() -> None:
    image, labels = scan()
    masked = np.ma.masked_array(labels, np.zeros(labels.shape, bool))
    segment(image, masked, spacing=(1, 1, 1), engine="interpolation")
    masked[0, 0, :2] = np.ma.masked
    said = r"^The label map is masked in 2 of 384 voxels; .*filled\(255"
    with pytest.raises(InputError, match=said):
        segment(image, masked, spacing=(1, 1, 1), engine="interpolation")
    with pytest.raises(InputError, match=said):
        LabelMap(masked, Geometry.from_spacing(labels.shape, (1, 1, 1)))
    session = Session(image, spacing=(1, 1, 1))
    with pytest.raises(InputError, match="is masked in 2 of 384 voxels"):
        session.redraw(masked)
    with pytest.raises(InputError, match="is masked in 1 of 64 voxels"):
        session.draw(2, 1, masked[..., 1])


def test_volumes_hold_plain_arrays() -> None:
    image, labels = scan()
    geometry = Geometry.from_spacing(image.shape, (1, 1, 1))
    held = Image(image, geometry).array
    assert type(held) is np.ndarray
    assert np.isnan(held[0]).all()
    assert held[1:].max() == 100
    mapped = LabelMap(np.ma.masked_array(labels), geometry)
    assert type(mapped.array) is np.ndarray
    masked = np.ma.masked_array(labels, np.ma.getmaskarray(image))
    with pytest.raises(InputError, match="is masked in 48 of 384 voxels"):
        mapped.with_array(masked)


def test_what_is_written_has_no_value_where_it_is_masked(tmp_path: Path) -> None:
    image, _ = scan()
    given = Image(image, Geometry.from_spacing(image.shape, (1, 1, 1)))
    write_image(tmp_path / "scan.nii.gz", given)
    again = read_image(tmp_path / "scan.nii.gz")
    assert "holds 48 voxels without a value" in again.remarks[0]
    np.testing.assert_array_equal(again.array[1:], image.data[1:])
    assert again.array[0].max() == 0  # where 30,000 lay behind the mask


def test_masked_labels_are_no_drawing() -> None:
    _, labels = scan()
    masked = np.ma.masked_equal(labels[..., 1], 1)
    with pytest.raises(InputError, match="drawn is masked in 16 of 64 voxels"):
        Drawing((8, 8, 6)).drawn((2, 1), masked)


def test_a_training_leaves_masked_labels_out() -> None:
    image, labels = scan()
    masked = np.ma.masked_array(labels, np.ma.getmaskarray(image))
    (kept,), skipped = usable_scans([(image, labels), (image, masked)], False, (1, 1, 1))
    assert kept.channels.max() == 100
    assert len(skipped) == 1
    assert skipped[0].startswith("Left out scan 2: Its label map is masked in 48 of 384 voxels;")


def test_masks_of_support_scans_are_heeded() -> None:
    image, labels = scan()
    found = segment(image, support=[(image, labels)], spacing=(1, 1, 1), engine="atlas")
    assert "voxels-filled" in codes_of(found.remarks)
    said = [each for each in found.remarks if each.startswith("Support scan 1 holds 48 voxels")]
    assert len(said) == 1
