"""Files as layers, the right way up, and what fewslice does not read left to others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice import example
from fewslice.errors import ReadError
from fewslice.integrations.napari.opening import read_layers, reader_of
from fewslice.io import write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap


def test_a_scan_is_an_image_the_right_way_up(nifti: Path) -> None:
    ((voxels, attributes, kind),) = read_layers(str(nifti))
    assert kind == "image"
    assert voxels.shape == (2, 4, 3)
    # Stored at [front, left, head]; the first voxel seen is in front, on the right, at the feet.
    assert voxels[0, 0, 0] == np.arange(24).reshape(4, 3, 2)[3, 0, 0] == 18
    assert attributes["name"] == "scan"
    assert attributes["scale"] == pytest.approx((5, 2, 3))
    assert attributes["translate"] == pytest.approx((30, 14, -10))


def test_channels_are_layers(tmp_path: Path) -> None:
    path = tmp_path / "two.nii.gz"
    array = np.stack([np.zeros((4, 3, 2), np.uint8), np.ones((4, 3, 2), np.uint8)])
    write_image(path, Image(array, Geometry.from_spacing((4, 3, 2))))
    first, second = read_layers(str(path))
    assert (first[1]["name"], second[1]["name"]) == ("two 0", "two 1")
    assert (first[0].max(), second[0].min()) == (0, 1)
    assert (first[1]["visible"], second[1]["visible"]) == (True, False)


def test_many_channels_are_time_points_of_one_layer(tmp_path: Path) -> None:
    path = tmp_path / "film.nii.gz"
    array = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 3, 2), np.uint8)
    write_image(path, Image(array, Geometry.from_spacing((4, 3, 2), (1, 2, 3))))
    ((voxels, attributes, _),) = read_layers(str(path))
    assert voxels.shape == (20, 2, 3, 4)
    assert attributes["scale"] == pytest.approx((1, 3, 2, 1))
    assert voxels[7].min() == voxels[7].max() == 7


def test_several_files_are_channels_of_one_scan(nifti: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.nii.gz"
    other.write_bytes(nifti.read_bytes())
    layers = read_layers([str(nifti), str(other)])
    np.testing.assert_array_equal(layers[0][0], layers[1][0])


@pytest.mark.parametrize(
    "name", ["liver_seg.nii.gz", "Labels.nii.gz", "a-mask.nii.gz", "labelsTr/case.mha"]
)
def test_what_is_called_labels_is_labels(tmp_path: Path, name: str) -> None:
    labels = LabelMap(np.ones((4, 3, 2), np.uint8), Geometry.from_spacing((4, 3, 2)))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    write_labels(tmp_path / name, labels)
    assert read_layers(str(tmp_path / name))[0][2] == "labels"


def test_segmentations_of_slicer_are_labels_with_names(tmp_path: Path) -> None:
    path = tmp_path / "anything.seg.nrrd"
    write_labels(path, LabelMap(np.ones((4, 3, 2), np.uint8), Geometry.from_spacing((4, 3, 2))))
    assert read_layers(str(path))[0][2] == "labels"


def test_a_scan_named_after_a_place_is_no_label(tmp_path: Path, nifti: Path) -> None:
    path = tmp_path / "segal_unmasked.nii.gz"
    path.write_bytes(nifti.read_bytes())
    assert read_layers(str(path))[0][2] == "image"


def test_the_bundled_scan_has_a_reader_and_a_text_has_none(tmp_path: Path) -> None:
    assert reader_of(str(example.scan_path())) is not None
    text = tmp_path / "notes.txt"
    text.write_text("nothing to see")
    assert reader_of(str(text)) is None
    assert reader_of(str(tmp_path)) is None


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"no scan")
    reader = reader_of(str(path))
    assert reader is not None
    with pytest.raises(ReadError, match=r"scan\.nii\.gz"):
        reader(str(path))


def test_what_is_assumed_is_shown(tmp_path: Path, shown: list[str]) -> None:
    affine = np.eye(4)
    affine[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    path = tmp_path / "oblique.nii.gz"
    write_image(path, Image(np.zeros((4, 3, 2), np.uint8), Geometry((4, 3, 2), affine)))
    read_layers(str(path))
    assert any("37 degrees oblique" in each for each in shown)
