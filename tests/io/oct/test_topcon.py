"""Topcon's formats, in files made as OCT-Converter's source defines them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, codes_of
from fewslice.io import read_image
from fewslice.io.oct.info import oct_info
from tests.support.oct_samples import (
    capture,
    numbered,
    observed,
    packed_scan,
    raw_scan,
    save_topcon,
    scan_lengths,
)

SCAN = numbered((6, 5, 4))
LENGTHS = ("@PARAM_SCAN_04", scan_lengths(6.0, 3.0, 2.6))


def test_fds(tmp_path: Path) -> None:
    fundus = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    chunks = [
        ("@IMG_SCAN_03", raw_scan(SCAN)),
        LENGTHS,
        ("@CAPTURE_INFO_02", capture(1)),
        ("@IMG_OBS", observed(fundus)),
    ]
    image = read_image(save_topcon(tmp_path / "a.fds", chunks))
    info = oct_info(image)
    assert info is not None
    assert np.array_equal(image.array, SCAN)
    assert image.array.dtype == np.uint16
    assert image.geometry.spacing == pytest.approx((1.0, 0.0026, 0.75))
    assert info.spacing_from == ("computed", "stored", "computed")
    assert info.laterality == "L"
    assert info.fundus is not None
    assert np.array_equal(info.fundus, fundus)
    assert not info.directions_known
    assert codes_of(info.remarks) == {"oct-directions-assumed"}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_fda_of_pictures(tmp_path: Path, dtype: str) -> None:
    array = numbered((40, 36, 3), dtype)
    chunks = [("@IMG_JPEG", packed_scan(array)), LENGTHS, ("@CAPTURE_INFO_02", capture(0))]
    image = read_image(save_topcon(tmp_path / "a.fda", chunks))
    info = oct_info(image)
    assert info is not None
    assert np.array_equal(image.array, array)
    assert info.laterality == "R"


def test_fda_of_numbers(tmp_path: Path) -> None:
    path = save_topcon(tmp_path / "a.fda", [("@IMG_MOT_COMP_03", raw_scan(SCAN)), LENGTHS])
    assert np.array_equal(read_image(path).array, SCAN)


def test_pictures_are_preferred_to_the_same_as_numbers(tmp_path: Path) -> None:
    array = numbered((40, 36, 3), "uint8")
    chunks = [("@IMG_MOT_COMP_03", raw_scan(SCAN)), ("@IMG_JPEG", packed_scan(array)), LENGTHS]
    path = save_topcon(tmp_path / "a.fda", chunks)
    assert np.array_equal(read_image(path).array, array)


def test_several_volumes_are_listed_and_chosen(tmp_path: Path) -> None:
    chunks = [("@IMG_SCAN_03", raw_scan(SCAN)), ("@IMG_SCAN_03", raw_scan(SCAN + 1)), LENGTHS]
    path = save_topcon(tmp_path / "a.fds", chunks)
    with pytest.raises(InputError, match="1: IMG_SCAN_03 1; 2: IMG_SCAN_03 2"):
        read_image(path)
    assert np.array_equal(read_image(path, series="2").array, SCAN + 1)


def test_a_spacing_that_is_not_stored_is_said_to_be_a_guess(tmp_path: Path) -> None:
    image = read_image(save_topcon(tmp_path / "a.fds", [("@IMG_SCAN_03", raw_scan(SCAN))]))
    info = oct_info(image)
    assert info is not None
    assert image.geometry.spacing == pytest.approx((1.0, 0.46, 1.5))
    assert info.spacing_guessed
    assert "oct-spacing-nominal" in codes_of(info.remarks)
    assert image.stored is not None
    assert image.stored.spacing_guessed


@pytest.mark.parametrize("mode", [1, 3, 4])
def test_what_is_no_raster_is_refused(tmp_path: Path, mode: int) -> None:
    path = save_topcon(tmp_path / "a.fds", [("@IMG_SCAN_03", raw_scan(SCAN, mode)), LENGTHS])
    with pytest.raises(ReadError, match=f"mode {mode}"):
        read_image(path)


def test_a_file_without_a_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no OCT volume"):
        read_image(save_topcon(tmp_path / "a.fds", [LENGTHS]))


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fda").write_bytes(b"nothing of the kind")
    with pytest.raises(ReadError, match="FOCT"):
        read_image(tmp_path / "a.fda")


@pytest.mark.parametrize("length", [20, 40, 200])
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    path = save_topcon(tmp_path / "a.fds", [("@IMG_SCAN_03", raw_scan(SCAN)), LENGTHS])
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ReadError, match=r"truncated|damaged"):
        read_image(path)


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path: Path) -> None:
    content = raw_scan(SCAN)[:-2]
    with pytest.raises(ReadError, match="holds 119 voxels; expected 6x5x4"):
        read_image(save_topcon(tmp_path / "a.fds", [("@IMG_SCAN_03", content), LENGTHS]))
