"""Pictures as slices: folders, pages of TIFF files, single ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image as Pillow

from fewslice.errors import ReadError, codes_of
from fewslice.io import read_image, read_labels
from fewslice.volumes.spacing import HEADER, MISSING, spacing_origin
from tests.support.dicom_samples import write_slice

SLICES = np.random.default_rng(3).integers(0, 250, (11, 5, 8)).astype(np.uint8)  # (k, row, column)


def save(folder: Path, names: list[str], slices: npt.NDArray[Any] = SLICES, **how: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, pixels in zip(names, slices, strict=False):
        Pillow.fromarray(pixels).save(folder / name, **how)
    return folder


@pytest.mark.parametrize("suffix", ["png", "PNG", "tif", "bmp"])
def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path, suffix: str) -> None:
    # As text, scan10 would come before scan2.
    folder = save(tmp_path / "eye", [f"scan{number}.{suffix}" for number in range(1, 12)])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    read = read_image(folder)
    assert read.array.dtype == np.uint8
    assert np.array_equal(read.array, SLICES.T)
    assert read.geometry.spacing == (1, 1, 1)
    assert spacing_origin(read) == MISSING
    assert codes_of(read.remarks) == {"pictures-as-slices"}
    assert f"from scan1.{suffix} to scan11.{suffix}." in read.remarks[0]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a_1.png", "a_2.png", "a_4.png", "a_5.png"], "left out after 2, so a slice may be"),
        (["a_2.png", "a_4.png", "a_6.png"], "a_6.png."),
        (["7_a.png", "7_b.png", "7_c.png"], "7_c.png."),
    ],
)
def test_numbers_that_are_left_out_are_said(tmp_path: Path, names: list[str], said: str) -> None:
    assert said in read_image(save(tmp_path / "eye", names)).remarks[0]


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    wide = SLICES.astype(np.uint16) * 256
    read = read_image(save(tmp_path / "eye", ["1.png", "2.png"], wide))
    assert read.array.dtype == np.uint16
    assert np.array_equal(read.array, wide[:2].T)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_in_colours_is_grey(tmp_path: Path, channels: int) -> None:
    colours = np.repeat(SLICES[..., np.newaxis], channels, axis=-1)
    colours[..., 3:] = 255
    read = read_image(save(tmp_path / "eye", ["1.png", "2.png"], colours))
    assert np.array_equal(read.array, SLICES[:2].T)
    colours[0, 0, 0, 0] ^= 1
    with pytest.raises(ReadError, match=r"1\.png is a colour picture"):
        read_image(save(tmp_path / "eye", ["1.png", "2.png"], colours))


def test_a_palette_holds_labels_or_shades_of_grey(tmp_path: Path) -> None:
    picture = Pillow.fromarray((SLICES[0] % 3).astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png")
    assert np.array_equal(read_labels(tmp_path / "a.png").array[..., 0], SLICES[0].T % 3)
    picture.putpalette([0, 0, 0, 90, 90, 90, 7, 7, 7])
    picture.save(tmp_path / "a.png")
    expected = np.array([0, 90, 7])[SLICES[0].T % 3]
    assert np.array_equal(read_image(tmp_path / "a.png").array[..., 0], expected)


def test_a_mask_of_one_bit(tmp_path: Path) -> None:
    Pillow.fromarray(SLICES[0] > 100).save(tmp_path / "a.png")
    labels = read_labels(tmp_path / "a.png").array
    assert np.array_equal(labels[..., 0] > 0, SLICES[0].T > 100)


def test_a_single_picture_of_another_kind_is_left_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "eye", ["B1.png", "B2.png"])
    Pillow.fromarray(SLICES[0, :3]).save(folder / "fundus.png")
    Pillow.fromarray(SLICES[0]).save(folder / "preview.jpg")
    read = read_image(folder)
    assert np.array_equal(read.array, SLICES[:2].T)
    assert "left out: preview.jpg, fundus.png" in read.remarks[0] or (
        "left out: fundus.png, preview.jpg" in read.remarks[0]
    )


@pytest.mark.parametrize("odd", ["B2.png", "B02.jpg", "B4.png"])
def test_a_slice_of_another_kind_is_not_left_out(tmp_path: Path, odd: str) -> None:
    folder = save(tmp_path / "eye", ["B1.png", "B3.png"])
    Pillow.fromarray(SLICES[0, :3]).save(folder / odd)
    with pytest.raises(ReadError) as caught:
        read_image(folder)
    assert str(caught.value) == (
        f"{folder / odd} is named as the slices beside it, but is of another kind (8x3 uint8 "
        f"{odd[-4:]}, not 8x5 uint8 .png); expected slices of one size and type: convert it, or "
        "move it elsewhere if it is none."
    )


def test_a_preview_of_a_slice_is_left_out(tmp_path: Path) -> None:
    folder = save(tmp_path / "eye", ["B1.png", "B2.png"])
    Pillow.fromarray(SLICES[0, :3]).save(folder / "B1.jpg")
    assert "left out: B1.jpg" in read_image(folder).remarks[0]


def test_pictures_that_may_be_two_volumes_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "eye", ["1.png", "2.png"])
    save(folder, ["3.png", "4.png"], SLICES[:, :3])
    with pytest.raises(ReadError, match=r"\(8x5 uint8 .png, 8x3 uint8 .png\)"):
        read_image(folder)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    folder = save(tmp_path / "eye", ["1.png", "2.png"])
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    with pytest.raises(ReadError, match=r"2\.png is damaged"):
        read_image(folder)


def test_dicom_in_a_folder_comes_before_its_previews(tmp_path: Path) -> None:
    folder = save(tmp_path / "eye", ["1.png"])
    write_slice(folder / "a.dcm", np.arange(6, dtype=np.int16).reshape(2, 3))
    assert read_image(folder).array.shape == (3, 2, 1)


@pytest.mark.parametrize("suffix", [".tif", ".TIFF"])
@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("colours", [True, False])
def test_pages_are_slices(tmp_path: Path, suffix: str, one_by_one: bool, colours: bool) -> None:
    path = tmp_path / f"a{suffix}"
    pages = np.repeat(SLICES[..., np.newaxis], 3, axis=-1) if colours else SLICES
    with tifffile.TiffWriter(path) as writer:
        for pixels in pages if one_by_one else [pages]:
            kind = "rgb" if colours else "minisblack"
            writer.write(pixels, resolution=(72, 72), resolutionunit="INCH", photometric=kind)
    read = read_image(path)
    assert np.array_equal(read.array, SLICES.T)
    assert spacing_origin(read) == MISSING  # 72 dots an inch say nothing of an eye


def test_an_ome_tiff_has_its_spacing_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    both = np.stack([SLICES, SLICES + 1])
    told = {
        "axes": "CZYX",
        **{"PhysicalSizeX": 6.0, "PhysicalSizeY": 4.0, "PhysicalSizeZ": 0.12},
        **{"PhysicalSizeXUnit": "µm", "PhysicalSizeYUnit": "µm", "PhysicalSizeZUnit": "mm"},
    }
    tifffile.imwrite(path, both, metadata=told)
    read = read_image(path)
    assert np.array_equal(read.array, np.stack([SLICES.T, SLICES.T + 1]))
    np.testing.assert_allclose(read.geometry.spacing, (0.006, 0.004, 0.12))
    assert spacing_origin(read) == HEADER


def test_a_file_of_imagej_has_its_spacing(tmp_path: Path) -> None:
    told = {"axes": "ZYX", "spacing": 3.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", SLICES, imagej=True, resolution=(0.5, 0.25), metadata=told)
    read = read_image(tmp_path / "a.tif")
    assert np.array_equal(read.array, SLICES.T)
    np.testing.assert_allclose(read.geometry.spacing, (0.002, 0.004, 0.003))


def test_moments_in_time_of_slices_are_channels(tmp_path: Path) -> None:
    both = np.stack([SLICES, SLICES + 1])
    tifffile.imwrite(tmp_path / "a.tif", both, imagej=True, metadata={"axes": "TZYX"})
    assert np.array_equal(read_image(tmp_path / "a.tif").array, np.stack([SLICES.T, SLICES.T + 1]))


def test_pages_of_several_sizes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(SLICES[0])
        writer.write(SLICES[0, :3])
    with pytest.raises(ReadError, match="2 series of pages that differ"):
        read_image(tmp_path / "a.tif")


def test_a_tiff_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"no picture" * 20)
    with pytest.raises(ReadError, match=r"a\.tif is damaged"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_pages_that_are_lost_are_no_zeros(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with tifffile.TiffWriter(path, ome=suffix == ".ome.tif") as writer:
        for page in SLICES:
            writer.write(page, contiguous=False, photometric="minisblack")
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        last = file.pages[-1]
        pixels, offset = last.dataoffsets[0], last.offset
    path.write_bytes(whole[: max(pixels, offset) + 4])
    with pytest.raises(ReadError, match="truncated"):
        read_image(path)
