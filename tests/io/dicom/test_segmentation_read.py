"""DICOM SEG of other programs: overlaps, omitted frames, other orientations, damage."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from fewslice.errors import FewsliceError, GeometryError, InputError, ReadError, codes_of
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import Image
from tests.support.dicom_results import (
    labels_of,
    phantom,
    write_oriented,
    write_rtstruct,
    write_seg,
)
from tests.support.dicom_samples import write_series

AXIAL = (1, 0, 0, 0, 1, 0)


@pytest.fixture
def scan(tmp_path: Path) -> Image:
    """7 columns, 6 rows, 5 slices at z = 0, 2, ..., 8; the first pixel at LPS (10, 20, 0)."""
    return read_image(write_series(tmp_path / "scan", np.zeros((5, 6, 7), np.int16)))


def pixels(*places: tuple[int, int], shape: tuple[int, int] = (6, 7)) -> np.ndarray:
    drawn = np.zeros(shape, np.uint8)
    for place in places:
        drawn[place] = 1
    return drawn


def test_omitted_frames_in_any_order(scan: Image, tmp_path: Path) -> None:
    path = write_seg(
        tmp_path / "s.dcm",
        [
            (2, (10, 20, 6), pixels((1, 2))),
            (1, (10, 20, 2), pixels((5, 0), (5, 1))),
            (1, (10, 20, 6), pixels((0, 6))),
        ],
    )
    found = read_labels(path, scan)
    assert np.argwhere(found.array).tolist() == [[0, 5, 1], [1, 5, 1], [2, 1, 3], [6, 0, 3]]
    assert found.array[2, 1, 3] == 2
    assert found.names == {1: "one", 2: "two", 3: "three"}
    alone = read_labels(path)  # slices at z = 2 and 6: nothing says that there is one between
    assert alone.array.shape == (7, 6, 2)
    assert alone.geometry.spacing == (1, 1, 4)


def test_a_stated_distance_says_how_many_frames_are_omitted(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", [(1, (0, 0, z), pixels((1, 2))) for z in (2.0, 8.0)])
    dataset = dcmread(path)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = 2.0
    dataset.save_as(path)
    found = read_labels(path)
    assert found.array.shape == (7, 6, 4)
    assert np.argwhere(found.array).tolist() == [[2, 1, 0], [2, 1, 3]]


def test_a_single_frame_is_one_slice(tmp_path: Path) -> None:
    found = read_labels(write_seg(tmp_path / "s.dcm", [(1, (3, 4, 5), pixels((1, 2)))]))
    assert found.array.shape == (7, 6, 1)
    assert found.geometry.spacing == (1, 1, 2)
    assert found.geometry.affine[:3, 3].tolist() == [-3, -4, 5]


def test_the_smaller_of_overlapping_segments_counts_and_is_said(
    scan: Image, tmp_path: Path
) -> None:
    path = write_seg(
        tmp_path / "s.dcm",
        [
            (1, (10, 20, 2), pixels((2, 2))),
            (2, (10, 20, 2), pixels((2, 1), (2, 2), (2, 3))),
            (3, (10, 20, 2), pixels((2, 3), (3, 3))),
        ],
    )
    found = read_labels(path, scan)
    # (row 2, column 2) is in 1 and 2, (2, 3) in 2 and 3; 1 has one voxel, 3 two, 2 three.
    assert found.array[1:4, 2, 1].tolist() == [2, 1, 3]
    assert codes_of(found.remarks) == {"segments-overlap"}
    assert "2 voxels" in found.remarks[0]


@pytest.mark.parametrize(
    ("orientation", "place", "voxel"),
    [
        # First pixel, direction of rows and columns; row 1, column 2 is drawn.
        (AXIAL, (10, 20, 4), (2, 1, 2)),
        ((-1, 0, 0, 0, -1, 0), (16, 25, 4), (4, 4, 2)),
        ((0, 1, 0, 1, 0, 0), (10, 20, 4), (1, 2, 2)),
        ((-1, 0, 0, 0, 1, 0), (16, 20, 4), (4, 1, 2)),
    ],
)
def test_frames_may_be_turned_against_the_scan(
    scan: Image,
    tmp_path: Path,
    orientation: tuple[float, ...],
    place: tuple[float, ...],
    voxel: tuple[int, ...],
) -> None:
    shape = (7, 6) if orientation[0] == 0 else (6, 7)
    path = write_seg(tmp_path / "s.dcm", [(1, place, pixels((1, 2), shape=shape))], orientation)
    assert np.argwhere(read_labels(path, scan).array).tolist() == [list(voxel)]


def test_sagittal_frames_on_an_axial_scan(scan: Image, tmp_path: Path) -> None:
    # Rows run to P (6 columns), columns to F (5 rows), 1 mm by 2 mm; x = 13 is column 3.
    path = write_seg(
        tmp_path / "s.dcm", [(1, (13, 20, 8), pixels((1, 2), shape=(5, 6)))], (0, 1, 0, 0, 0, -1)
    )
    dataset = dcmread(path)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [2.0, 1.0]
    dataset.save_as(path)
    assert np.argwhere(read_labels(path, scan).array).tolist() == [[3, 2, 3]]


def test_fractions_of_nothing_and_all_are_labels(scan: Image, tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", [(1, (10, 20, 2), pixels((1, 2)))])
    dataset = dcmread(path)
    dataset.SegmentationType = "FRACTIONAL"
    dataset.MaximumFractionalValue = 255
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    for value, fits in ((255, True), (128, False)):
        dataset.PixelData = (pixels((1, 2)) * value).tobytes()
        dataset.save_as(path)
        if fits:
            assert read_labels(path, scan).array[2, 1, 1] == 1
        else:
            with pytest.raises(InputError, match="threshold"):
                read_labels(path, scan)


def test_a_backslash_in_a_name_is_part_of_it(scan: Image, tmp_path: Path) -> None:
    seg = write_seg(tmp_path / "r.dcm", [(1, (10.0, 20.0, 0.0), pixels((2, 3)))], names=[r"a\b"])
    assert read_labels(seg, scan).names == {1: r"a\b"}


def test_a_folder_with_nothing_but_a_seg_is_that_seg(scan: Image, tmp_path: Path) -> None:
    (tmp_path / "export" / "SE1").mkdir(parents=True)
    write_seg(tmp_path / "export" / "SE1" / "00000001", [(1, (10, 20, 2), pixels((1, 2)))])
    for folder in (tmp_path / "export" / "SE1", tmp_path / "export"):
        assert read_labels(folder, scan).array[2, 1, 1] == 1


def test_a_folder_with_a_seg_and_images_is_not_guessed_at(tmp_path: Path) -> None:
    folder = write_oriented(tmp_path / "series", AXIAL)
    (folder / "seg").mkdir()
    for name in ("a.dcm", "b.dcm"):
        write_seg(folder / "seg" / name, [(1, (10, 20, 2), pixels((1, 2)))])
    with pytest.raises(InputError) as caught:
        read_labels(folder)
    assert str(caught.value) == (
        f"{folder} holds 2 DICOM SEG or RTSTRUCT ({Path('seg/a.dcm')}, {Path('seg/b.dcm')}) among "
        "its 7 DICOM files; expected labels alone: point at the file that is meant."
    )


def test_what_does_not_fit_the_scan_is_refused(scan: Image, tmp_path: Path) -> None:
    path = tmp_path / "s.dcm"
    for place in ((10, 20, 3.0), (10.4, 20, 2)):
        write_seg(path, [(1, place, pixels((1, 2)))])
        with pytest.raises(GeometryError, match="voxels of the scan"):
            read_labels(path, scan)
    for place in ((10, 20, 12), (15, 20, 2)):  # beyond the last slice; beyond the last column
        write_seg(path, [(1, place, pixels((1, 6)))])
        with pytest.raises(GeometryError, match="outside of the scan"):
            read_labels(path, scan)


def test_what_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.dcm"
    one = (1, (10.0, 20.0, 2.0), pixels((1, 2)))
    write_seg(path, [one, (1, (10, 20, 4), one[2]), (1, (10, 20, 9), one[2])])
    with pytest.raises(GeometryError, match="uneven"):
        read_labels(path)
    write_seg(path, [(9, one[1], one[2])])
    with pytest.raises(ReadError, match="does not describe"):
        read_labels(path)
    write_seg(path, [one], NumberOfFrames=3)
    with pytest.raises(ReadError, match="3 frames but says of 1"):
        read_labels(path)
    write_seg(path, [one], PixelData=b"\0\0")
    with pytest.raises(ReadError, match="truncated"):
        read_labels(path)
    write_seg(path, [one], names=["x"] * 255)
    with pytest.raises(InputError, match="number 255"):
        read_labels(path)
    write_seg(path, [one])
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ReadError):
        read_labels(path)


def test_compressed_label_maps(tmp_path: Path) -> None:
    folder = write_oriented(tmp_path / "series", AXIAL)
    path = tmp_path / "r.dcm"
    write_labels(path, labels_of(read_image(folder)), dicom=DicomOutput(folder, kind="labelmap"))
    dataset = dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    assert np.array_equal(read_labels(path).array, phantom())


@pytest.mark.parametrize("seed", range(40))
def test_damage_of_any_kind_is_named(scan: Image, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    write_seg(tmp_path / "s.dcm", [(1, (10, 20, 2), pixels((1, 2)))])
    square = [[10, 20, 2], [12, 20, 2], [12, 22, 2]]
    write_rtstruct(tmp_path / "r.dcm", {1: [square]})
    for path in (tmp_path / "s.dcm", tmp_path / "r.dcm"):
        content = bytearray(path.read_bytes())
        for at in rng.integers(132, len(content), 6):
            content[at] = rng.integers(256)
        path.write_bytes(content)
        with suppress(FewsliceError):
            read_labels(path, scan)
