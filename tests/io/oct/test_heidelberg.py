"""Heidelberg's formats: two real exports of one volume, and made files where none can be had."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, codes_of
from fewslice.io import read_image
from fewslice.io.oct.info import OctInfo, oct_info
from fewslice.typing import Float64Array
from fewslice.volumes import Image
from tests.support.oct_samples import SAMPLES, save_e2e

pytest.importorskip("eyepy")

VOL = SAMPLES / "heidelberg" / "test_volume.vol"
XML = SAMPLES / "heidelberg" / "xml"
HEADER = 3656  # bytes before the voxels of a B-scan
SPACING = (0.011819, 0.003872, 0.283 / 9)  # B-scans go from y = 6.807 to 6.524 mm in nine steps


def read(path: Path, series: int | None = None) -> tuple[Image, OctInfo]:
    image = read_image(path, series=series)
    info = oct_info(image)
    assert info is not None
    return image, info


def voxel_of_vol(a_scan: int, depth: int, b_scan: int) -> float:
    """Read one voxel by hand: 2048 bytes, the fundus, then B-scans with a header of 3656 bytes."""
    data = VOL.read_bytes()
    width, _, height = struct.unpack_from("<III", data, 12)
    fundus = int(np.prod(struct.unpack_from("<II", data, 48)))
    start = 2048 + fundus + b_scan * (HEADER + 4 * width * height)
    assert struct.unpack_from("<I", data, start + 12) == (HEADER,)
    at = start + HEADER + 4 * (depth * width + a_scan)
    value: float = struct.unpack_from("<f", data, at)[0]
    return value


def fields_of_vol() -> tuple[float, ...]:
    return struct.unpack_from("<ddd", VOL.read_bytes(), 24)


@pytest.mark.parametrize("place", [(0, 0, 0), (7, 31, 4), (49, 39, 9), (20, 5, 8), (33, 20, 2)])
def test_voxels_of_a_real_vol_are_those_of_its_bytes(place: tuple[int, int, int]) -> None:
    assert read(VOL)[0].array[place] == voxel_of_vol(*place)


def test_a_real_vol_has_the_spacing_of_its_header() -> None:
    image, info = read(VOL)
    assert fields_of_vol() == pytest.approx((SPACING[0], SPACING[2], SPACING[1]), rel=1e-3)
    assert image.array.shape == (50, 40, 10)
    assert image.geometry.spacing == pytest.approx(SPACING, rel=1e-3)
    assert info.spacing_from == ("stored", "stored", "stored")
    assert not info.spacing_guessed


def test_two_real_exports_of_one_volume_are_the_same() -> None:
    vol, xml = read(VOL), read(XML)
    assert np.array_equal(vol[0].array, xml[0].array)
    assert np.unique(vol[0].array).size > 100
    assert vol[0].geometry.same_grid(xml[0].geometry)
    assert vol[1].fundus is not None
    assert xml[1].fundus is not None
    assert np.array_equal(vol[1].fundus, xml[1].fundus)


@pytest.mark.parametrize("path", [VOL, XML, XML / "test_dummy.xml"])
def test_what_else_a_real_export_says_is_kept(path: Path) -> None:
    image, info = read(path)
    assert info.laterality == "R"
    assert info.directions_known
    assert image.geometry.axis_codes == ("L", "P", "S")  # y of the fundus decreases: upwards
    assert info.positions is not None
    assert info.positions[3].tolist() == [[1.513, 6.713], [7.564, 6.713]]
    assert info.fundus_spacing == (0.0118, 0.0118)
    assert image.geometry.affine[:3, 3].tolist() == [-1.513, 0.0, -6.807]


def test_a_picture_of_a_real_export_is_a_b_scan_as_it_stands() -> None:
    from PIL import Image as Picture

    with Picture.open(XML / "B3.tif") as picture:
        pixels = np.asarray(picture)
    names = (XML / "test_dummy.xml").read_text(encoding="utf-8").split("ExamURL>")[1::2]
    order = [
        name.removesuffix("</").split("\\")[-1] for name in names if "B3.tif" in name or "B" in name
    ]
    number = [each for each in order if each.startswith("B")].index("B3.tif")
    assert np.array_equal(read(XML)[0].array[:, :, number].T, pixels)


def test_positions_that_contradict_the_spacing_are_said() -> None:
    """The real exports were made smaller by their makers: 50 A-scans on the width of 512."""
    image, info = read(VOL)
    assert "oct-positions-disagree" in codes_of(info.remarks)
    assert image.remarks == info.remarks  # so that every command says them


def test_reflectivities_become_the_grey_values_that_heyex_shows(tmp_path: Path) -> None:
    data = bytearray(VOL.read_bytes())
    values = np.full((10, 40, 50), 0.25, "<f4")
    values[0, 0, :4] = 1.0, 2.0**-12, 3.4028235e38, 0.0
    for number in range(10):
        start = 2048 + 2500 + number * (HEADER + 8000) + HEADER
        data[start : start + 8000] = values[number].tobytes()
    (tmp_path / "a.vol").write_bytes(data)
    image, info = read(tmp_path / "a.vol")
    # 255 (ln(v + .000244) + 8.3) / 8.285; nothing measured is black
    assert image.array[:5, 0, 0].tolist() == [255, 21, 0, 0, 213]
    assert "oct-grey-values" not in codes_of(info.remarks)


def test_series_of_an_export_are_told_apart(tmp_path: Path) -> None:
    shutil.copytree(XML, tmp_path / "two")
    file = tmp_path / "two" / "test_dummy.xml"
    text = file.read_text(encoding="utf-8")
    one = text[text.index("<Series>") : text.index("</Series>") + len("</Series>")]
    other = one.replace("<Laterality>R<", "<Laterality>L<").replace("B2.tif", "B1.tif")
    file.write_text(text.replace(one, one + other), encoding="utf-8")
    with pytest.raises(InputError, match=r"holds 2 volumes \(1: series .*--series 1"):
        read_image(file)
    first, second = read(file, 1), read(file, 2)
    assert np.array_equal(first[0].array, read(XML)[0].array)
    assert (first[1].laterality, second[1].laterality) == ("R", "L")
    assert not np.array_equal(first[0].array, second[0].array)
    with pytest.raises(InputError, match="has no volume 3"):
        read_image(file, series=3)


@pytest.mark.parametrize("pattern", [2, 5])
def test_a_circle_or_star_is_no_volume(tmp_path: Path, pattern: int) -> None:
    data = bytearray(VOL.read_bytes())
    struct.pack_into("<i", data, 96, pattern)
    (tmp_path / "a.vol").write_bytes(data)
    with pytest.raises(ReadError, match="circular or radial"):
        read_image(tmp_path / "a.vol")


@pytest.mark.parametrize("length", [10, 3000, 100_000])
def test_a_truncated_vol_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "a.vol").write_bytes(VOL.read_bytes()[:length])
    with pytest.raises(ReadError, match=r"a\.vol is damaged"):
        read_image(tmp_path / "a.vol")


def test_an_export_without_its_pictures_is_refused(tmp_path: Path) -> None:
    shutil.copy(XML / "test_dummy.xml", tmp_path)
    with pytest.raises(ReadError, match="cannot be read"):
        read_image(tmp_path / "test_dummy.xml")


@pytest.fixture
def series() -> tuple[Float64Array, ...]:
    first = np.full((6, 5, 4), 0.25)
    first[1, 2, 3], first[4, 0, 0] = 1.0, 2.0**-12
    return first, np.full((3, 4, 2), 1.0)


FUNDUS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_made_e2e(tmp_path: Path, series: tuple[Float64Array, ...]) -> None:
    image, info = read(save_e2e(tmp_path / "a.e2e", series, FUNDUS), 1)
    expected = np.full((6, 5, 4), 213)
    expected[1, 2, 3], expected[4, 0, 0] = 255, 21
    assert np.array_equal(image.array, expected)
    # five degrees over six A-scans, half a degree from B-scan to B-scan, .2896 mm each
    assert image.geometry.spacing == pytest.approx((5 / 6 * 0.2896, 0.004, 0.1448), rel=1e-5)
    assert info.spacing_from == ("estimated", "stored", "estimated")
    assert info.spacing_guessed
    assert info.laterality == "R"
    assert image.geometry.axis_codes == ("L", "P", "S")
    assert info.fundus is not None
    assert np.array_equal(info.fundus, FUNDUS)
    assert "oct-spacing-estimated" in codes_of(info.remarks)


def test_series_of_an_e2e_are_listed_and_chosen(
    tmp_path: Path, series: tuple[Float64Array, ...]
) -> None:
    path = save_e2e(tmp_path / "a.e2e", series, FUNDUS)
    with pytest.raises(InputError, match=r"1: series 0, 4 B-scans; 2: series 1, 2 B-scans"):
        read_image(path)
    assert np.array_equal(read_image(path, series=2).array, np.full((3, 4, 2), 255))
