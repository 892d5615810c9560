"""Slices at the same position: exact copies go, anything else is refused unless a tag tells."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from fewslice.errors import GeometryError, codes_of
from fewslice.io import read_image
from tests.support.dicom_samples import write_series, write_slice

VOLUME = np.random.default_rng(5).integers(0, 900, (5, 6, 7)).astype(np.int16)  # (k, row, column)


def copied(folder: Path, names: list[str], new_uid: bool) -> None:
    for name in names:
        shutil.copy(folder / name, folder / f"copy of {name}")
        if new_uid:
            dataset = dcmread(folder / f"copy of {name}")
            dataset.SOPInstanceUID = generate_uid()
            dataset.save_as(folder / f"copy of {name}")


@pytest.mark.parametrize("new_uid", [False, True])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_exact_copies_are_dropped_and_said(tmp_path: Path, new_uid: bool, count: int) -> None:
    write_series(tmp_path, VOLUME)
    copied(tmp_path, [f"IM00{number}.dcm" for number in range(1, count + 1)], new_uid)
    read = read_image(tmp_path)
    assert np.array_equal(read.array, VOLUME.T)
    assert codes_of(read.remarks) == {"duplicates-dropped"}
    told = "1 slice twice" if count == 1 else f"{count} slices more than once"
    assert told in read.remarks[0]


@pytest.mark.parametrize("slope", [1, 2])
def test_other_values_at_the_same_position_are_refused(tmp_path: Path, slope: int) -> None:
    write_series(tmp_path, VOLUME)  # IM005.dcm lies at z = 0
    pixels = VOLUME[0] + (slope == 1)
    tags = {"ImagePositionPatient": [10.0, 20.0, 0.0], "RescaleSlope": slope}
    write_slice(tmp_path / "again.dcm", pixels, **tags)
    with pytest.raises(GeometryError, match="2 slices at the position 10, 20, 0 mm") as caught:
        read_image(tmp_path)
    assert "again.dcm" in str(caught.value)


def test_two_images_with_one_uid_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, VOLUME)
    dataset = dcmread(tmp_path / "IM005.dcm")
    dataset.PixelData = np.zeros((6, 7), np.int16).tobytes()
    dataset.save_as(tmp_path / "again.dcm")
    with pytest.raises(GeometryError, match="say they are the same image but differ"):
        read_image(tmp_path)


def test_copies_of_time_points_are_dropped(tmp_path: Path) -> None:
    for k in range(3):
        for value in (2, 1):
            path = tmp_path / f"{k}-{value}.dcm"
            place = [0.0, 0.0, 2.0 * k]
            write_slice(path, VOLUME[k] + value, ImagePositionPatient=place, EchoTime=value)
    copied(tmp_path, ["0-1.dcm", "2-2.dcm"], new_uid=True)
    expected = np.stack([VOLUME[:3].T + 1, VOLUME[:3].T + 2])
    assert np.array_equal(read_image(tmp_path).array, expected)


def test_kinds_of_image_become_channels_in_the_order_that_is_said(tmp_path: Path) -> None:
    """As Dixon sequences have it: water and fat of the same echo in one series."""
    for k in range(3):
        for number, kind in enumerate("WF"):
            write_slice(
                tmp_path / f"{k}{kind}.dcm",
                VOLUME[k] + 1000 * number,
                ImagePositionPatient=[0.0, 0.0, 2.0 * k],
                ImageType=["ORIGINAL", "PRIMARY", kind],
            )
    read = read_image(tmp_path)
    np.testing.assert_array_equal(read.array, [VOLUME[:3].T + 1000, VOLUME[:3].T])
    assert codes_of(read.remarks) == {"channels-by-kind"}
    assert r"order: ORIGINAL\PRIMARY\F, ORIGINAL\PRIMARY\W." in read.remarks[0]


def test_a_position_with_fewer_slices_than_others_is_named(tmp_path: Path) -> None:
    for k in range(3):
        for time in (1, 2)[: 1 + (k < 2)]:
            write_slice(
                tmp_path / f"{k}{time}.dcm",
                VOLUME[k] + time,
                ImagePositionPatient=[0.0, 0.0, 2.0 * k],
                TemporalPositionIdentifier=time,
            )
    with pytest.raises(GeometryError, match=r"position 0, 0, 0 mm.*and only 1 at 0, 0, 4 mm"):
        read_image(tmp_path)
