"""The images of a result, found by where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import GeometryError, InputError
from fewslice.io import read_image
from fewslice.io.dicom.source import find_source, require_dicom
from tests.support.dicom_results import ORIENTATIONS, write_oriented, write_seg
from tests.support.dicom_samples import write_series, write_slice


def test_the_series_that_lies_on_the_result_is_found_among_others(tmp_path: Path) -> None:
    write_series(tmp_path / "a", np.zeros((5, 6, 7), np.int16), SeriesInstanceUID="1.1")
    own = write_oriented(tmp_path / "b", ORIENTATIONS["oblique"], SeriesInstanceUID="1.2")
    geometry = read_image(own).geometry
    (tmp_path / "notes.txt").write_text("no image")
    source = find_source(tmp_path, geometry)
    assert {header.SeriesInstanceUID for header in source.headers} == {"1.2"}
    assert [frame.placement.index for frame in source.frames] == [0, 1, 2, 3, 4]
    assert source.step == pytest.approx(3.0)
    with pytest.raises(GeometryError, match="lies on the voxels"):
        find_source(tmp_path / "a", geometry)


def test_a_file_stands_for_its_series(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", np.zeros((5, 6, 7), np.int16))
    geometry = read_image(folder).geometry
    write_slice(folder / "other.dcm", np.zeros((6, 7), np.int16), SeriesInstanceUID="1.9")
    source = find_source(folder / "IM003.dcm", geometry)
    assert len(source.headers) == 5


def test_labels_that_were_drawn_on_a_series_are_no_source(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", np.zeros((5, 6, 7), np.int16), SeriesInstanceUID="1.9")
    inside = np.ones((6, 7), np.uint8)
    frames = [(1, (10, 20, 2 * k), inside) for k in range(5)]
    seg = write_seg(tmp_path / "a.dcm", frames, SOPInstanceUID="1.1", SeriesInstanceUID="1.2")
    source = find_source(tmp_path, read_image(folder).geometry)
    assert {header.SeriesInstanceUID for header in source.headers} == {"1.9"}
    with pytest.raises(InputError, match=r"a\.dcm is none"):
        require_dicom(seg, tmp_path / "out.dcm")


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", np.zeros((5, 6, 7), np.int16))
    (folder / "lost.dcm").symlink_to(tmp_path / "nowhere")
    assert require_dicom(folder, tmp_path / "out.dcm") == folder
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match=r"and .*b is none"):
        require_dicom(tmp_path / "b", tmp_path / "out.dcm")
    placeless = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    many = write_slice(
        tmp_path / "b" / "oct.dcm", np.zeros((3, 6, 7), np.int16), NumberOfFrames=3, **placeless
    )
    with pytest.raises(InputError, match=r"oct\.dcm does not say where in the patient"):
        require_dicom(many, tmp_path / "out.dcm")


def test_of_images_at_one_place_the_first_is_taken(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", np.zeros((3, 6, 7), np.int16))
    geometry = read_image(folder).geometry
    for k in range(3):
        write_slice(
            folder / f"second{k}.dcm",
            np.zeros((6, 7), np.int16),
            ImagePositionPatient=[10.0, 20.0, 2.0 * k],
            InstanceNumber=10 + k,
        )
    source = find_source(folder, geometry)
    assert [header.InstanceNumber for header in source.headers] == [1, 2, 3]
    assert len(source.frames) == 3


def test_the_series_may_reach_beyond_the_result(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "a", np.zeros((5, 6, 7), np.int16))
    part = read_image(folder).geometry.cropped((1, 1, 1), (4, 4, 3))
    source = find_source(folder, part)
    assert [frame.placement.index for frame in source.frames] == [-1, 0, 1, 2, 3]
    array = np.ones((3, 3, 2), np.uint8)
    pixels = source.pixels(array)
    assert pixels.shape == (5, 6, 7)
    assert pixels[1:3, 1:4, 1:4].all()
    assert pixels.sum() == 18
