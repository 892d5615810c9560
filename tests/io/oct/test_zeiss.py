"""Zeiss's cubes, in files laid out as the readers of several groups have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ReadError, codes_of
from fewslice.io import read_image
from fewslice.io.oct.info import oct_info
from fewslice.io.oct.read import is_oct
from tests.support.oct_samples import numbered, save_zeiss

CUBE = numbered((12, 1024, 10), "uint8")
NAME = "P1_Macular Cube 12x10_1-2-2013_10-0-0_OS_sn0001_cube_z.img"


def test_a_cube(tmp_path: Path) -> None:
    image = read_image(save_zeiss(tmp_path / NAME, CUBE))
    info = oct_info(image)
    assert info is not None
    assert np.array_equal(image.array, CUBE)
    assert image.geometry.spacing == pytest.approx((0.5, 2 / 1024, 0.6))
    assert info.laterality == "L"
    assert info.spacing_from == ("nominal", "nominal", "nominal")
    assert codes_of(info.remarks) == {"oct-spacing-nominal", "oct-directions-assumed"}


def test_the_first_byte_is_the_last_row_and_column_of_the_first_b_scan(tmp_path: Path) -> None:
    data = np.zeros(12 * 1024 * 10, np.uint8)
    data[0], data[11], data[12 * 1023], data[12 * 1024] = 1, 2, 3, 4
    data.tofile(tmp_path / NAME)
    array = read_image(tmp_path / NAME).array
    assert array[11, 1023, 0] == 1
    assert array[0, 1023, 0] == 2
    assert array[11, 0, 0] == 3
    assert array[11, 1023, 1] == 4


@pytest.mark.slow
@pytest.mark.parametrize(("along", "across"), [(512, 128), (200, 200)])
def test_usual_cubes_are_known_by_their_size(tmp_path: Path, along: int, across: int) -> None:
    with (tmp_path / "a.img").open("wb") as stream:
        stream.truncate(along * across * 1024)
    image = read_image(tmp_path / "a.img")
    assert image.array.shape == (along, 1024, across)
    info = oct_info(image)
    assert info is not None
    assert info.laterality == ""


def test_a_size_that_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    save_zeiss(tmp_path / NAME.replace("12x10", "12x11"), CUBE)
    with pytest.raises(ReadError, match="expected a cube of 12x11 A-scans"):
        read_image(tmp_path / NAME.replace("12x10", "12x11"))


@pytest.mark.parametrize(
    ("header", "said"),
    [(".hdr", "is damaged or not what its name says"), (".hdr.gz", "is one of two files")],
)
def test_an_analyze_pair_is_not_taken_for_a_cube(tmp_path: Path, header: str, said: str) -> None:
    save_zeiss(tmp_path / NAME, CUBE)
    (tmp_path / NAME).with_suffix(header).write_bytes(b"x")
    assert not is_oct(tmp_path / NAME)
    with pytest.raises(ReadError, match=said):
        read_image(tmp_path / NAME)
