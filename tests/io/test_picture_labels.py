"""Labels as pictures: each lies on the slice of its name, whatever their number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

from fewslice.errors import GeometryError, InputError, codes_of
from fewslice.io import read_image, read_labels
from fewslice.volumes import Geometry, Image
from fewslice.volumes.coerce import on_one_grid

SLICES = np.random.default_rng(3).integers(0, 250, (11, 5, 8)).astype(np.uint8)  # (k, row, column)
NAMES = [f"B{number}.png" for number in range(1, 12)]  # as text, B10 comes before B2
LABELS = (SLICES % 3).astype(np.uint8)


def save(folder: Path, names: list[str], slices: npt.NDArray[np.uint8] = SLICES) -> Path:
    folder.mkdir()
    for name, pixels in zip(names, slices, strict=False):
        Pillow.fromarray(pixels).save(folder / name)
    return folder


def save_labels(folder: Path, *numbers: int, suffix: str = ".png") -> Path:
    """Save the labels of slices that are counted from 1 as they are."""
    names = [f"B{number}{suffix}" for number in numbers]
    return save(folder, names, LABELS[[number - 1 for number in numbers]])


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_few_pictures_lie_on_the_slices_of_their_names(tmp_path: Path, suffix: str) -> None:
    scan = read_image(save(tmp_path / "scan", NAMES))
    labels = read_labels(save_labels(tmp_path / "drawn", 3, 10, 11, suffix=suffix), scan)
    expected = np.zeros((8, 5, 11), np.uint8)
    expected[..., [2, 9, 10]] = LABELS[[2, 9, 10]].T
    assert np.array_equal(labels.array, expected)
    assert codes_of(labels.remarks) == {"labels-by-name"}
    assert "The 3 pictures" in labels.remarks[0]
    assert "B3, B10, B11; on the other 8 slices nothing is drawn." in labels.remarks[0]
    image, found = on_one_grid(scan, labels)
    assert image is scan
    assert found is labels


def test_labels_of_all_slices_are_as_they_were(tmp_path: Path) -> None:
    scan = read_image(save(tmp_path / "scan", NAMES))
    labels = read_labels(save_labels(tmp_path / "drawn", *range(1, 12)), scan)
    assert np.array_equal(labels.array, LABELS.T)
    assert codes_of(labels.remarks) == {"pictures-as-slices"}


def test_names_that_agree_in_part_are_not_guessed_at(tmp_path: Path) -> None:
    # The scan lacks slice 4 and the labels lack slice 6: as many pictures, and three that lie apart
    # by one.
    scan = read_image(save(tmp_path / "scan", [name for name in NAMES if name != "B4.png"]))
    drawn = save_labels(tmp_path / "drawn", 1, 2, 3, 4, 5, 7, 8, 9, 10, 11)
    with pytest.raises(InputError, match=r"9 pictures in .*, but 1 are not \(B4\)"):
        read_labels(drawn, scan)


def test_other_names_count_as_slices_in_order_if_they_are_as_many(tmp_path: Path) -> None:
    scan = read_image(save(tmp_path / "scan", [f"scan{number}.png" for number in range(3)]))
    labels = read_labels(save_labels(tmp_path / "drawn", 1, 2, 3), scan)
    assert np.array_equal(on_one_grid(scan, labels)[1].array, LABELS[:3].T)
    fewer = read_labels(save_labels(tmp_path / "fewer", 1, 2), scan)
    with pytest.raises(GeometryError, match="8x5x2 voxels, the image has 8x5x3, and not both"):
        on_one_grid(scan, fewer)


def test_pictures_of_another_size_do_not_fit(tmp_path: Path) -> None:
    scan = read_image(save(tmp_path / "scan", NAMES))
    labels = read_labels(save(tmp_path / "drawn", NAMES[:2], LABELS[:, :3]), scan)
    with pytest.raises(GeometryError, match="8x3x2 voxels, the image has 8x5x11"):
        on_one_grid(scan, labels)


def test_a_scan_that_is_no_folder_of_pictures_has_no_names(tmp_path: Path) -> None:
    scan = Image(SLICES.T, Geometry(SLICES.T.shape, np.eye(4)))
    labels = read_labels(save_labels(tmp_path / "drawn", 3, 10), scan)
    assert labels.array.shape == (8, 5, 2)
    with pytest.raises(GeometryError, match="not both say where they lie"):
        on_one_grid(scan, labels)
