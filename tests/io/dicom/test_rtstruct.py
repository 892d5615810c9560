"""RT Structure Sets: the same voxels come back, and outlines of others are understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.errors import GeometryError, InputError, ReadError, codes_of
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import Image
from tests.support.dicom_results import (
    ORIENTATIONS,
    by_plastimatch,
    labels_of,
    phantom,
    phantom_places,
    places_of,
    write_oriented,
    write_rtstruct,
)
from tests.support.dicom_samples import write_series


@pytest.fixture
def scan(tmp_path: Path) -> Image:
    """7 columns, 6 rows, 5 slices at z = 0, 2, ..., 8; the first pixel at LPS (10, 20, 0)."""
    return read_image(write_series(tmp_path / "scan", np.zeros((5, 6, 7), np.int16)))


def square(left: float, top: float, right: float, bottom: float, z: float) -> list[list[float]]:
    return [[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_voxels_come_back_in_every_orientation(
    tmp_path: Path, name: str, descending: bool
) -> None:
    folder = write_oriented(tmp_path / "series", ORIENTATIONS[name], descending)
    scan, path = read_image(folder), tmp_path / "result-rtstruct.dcm"
    given = DicomOutput(folder, {2: "Left kidney"})
    write_labels(path, labels_of(scan), dicom=given)
    found = read_labels(path, scan)
    assert np.array_equal(found.array, phantom())
    assert found.names == {2: "Left kidney", 7: "Structure 7"}
    assert found.remarks == ()


def test_a_backslash_in_a_name_is_read_but_not_written(scan: Image, tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "r.dcm", {1: [square(10, 20, 12, 22, 2)]})
    dataset = dcmread(path)
    dataset.StructureSetROISequence[0].ROIName = r"a\b"
    dataset.save_as(path)
    labels = read_labels(path, scan)
    assert labels.names == {1: r"a\b"}
    write_labels(
        tmp_path / "again.dcm", labels, dicom=DicomOutput(tmp_path / "scan", kind="rtstruct")
    )
    assert dcmread(tmp_path / "again.dcm").StructureSetROISequence[0].ROIName == "a/b"


@pytest.mark.slow
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_another_program_finds_the_same_voxels(tmp_path: Path, name: str, descending: bool) -> None:
    folder = write_oriented(tmp_path / "series", ORIENTATIONS[name], descending)
    scan, path = read_image(folder), tmp_path / "result-rtstruct.dcm"
    write_labels(path, labels_of(scan), dicom=DicomOutput(folder, {2: "two", 7: "seven"}))
    found = by_plastimatch(path, folder, tmp_path / "out")
    assert found.keys() == {"two", "seven"}
    for structure, value in (("two", 2), ("seven", 7)):
        assert places_of(found[structure], 1) == phantom_places(scan, value)


def test_points_lie_halfway_between_voxels_in_patient_space(tmp_path: Path) -> None:
    # Rows run to P, columns to F: column c, row r of slice 0 is LPS (x, y + 0.75 c, z - 0.5 r).
    folder = write_oriented(tmp_path / "series", ORIENTATIONS["sagittal"])
    scan = read_image(folder)
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[4, 6, 0] = 1  # column 4, row 6
    write_labels(
        tmp_path / "r.dcm", labels_of(scan, array), dicom=DicomOutput(folder, kind="rtstruct")
    )
    written = dcmread(tmp_path / "r.dcm")
    (contour,) = written.ROIContourSequence[0].ContourSequence
    points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
    # The normal is P x F = LPS (-1, 0, 0): the first slice in order is that of the highest x.
    assert set(points[:, 0]) == {-20.5}
    y, z = 31.25 + 0.75 * 4, 7 - 0.5 * 6
    expected = {(y - 0.375, z), (y + 0.375, z), (y, z - 0.25), (y, z + 0.25)}
    assert {(a, b) for _, a, b in points.tolist()} == expected
    image = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
    at = {h.SOPInstanceUID: h.ImagePositionPatient[0] for h in map(dcmread, folder.iterdir())}
    assert at[image] == -20.5


def test_it_says_what_it_lies_on(tmp_path: Path) -> None:
    folder = write_oriented(tmp_path / "series", ORIENTATIONS["axial"])
    path = tmp_path / "rtstruct.dcm"
    write_labels(path, labels_of(read_image(folder)), dicom=DicomOutput(folder, {7: "Liver"}))
    written, image = dcmread(path), dcmread(folder / "001.dcm")
    assert written.Modality == "RTSTRUCT"
    assert written.StudyInstanceUID == image.StudyInstanceUID
    assert written.SeriesInstanceUID != image.SeriesInstanceUID
    (frame,) = written.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    assert len(series.ContourImageSequence) == 5
    assert [roi.ROINumber for roi in written.StructureSetROISequence] == [2, 7]
    liver = written.RTROIObservationsSequence[1].RTROIIdentificationCodeSequence[0]
    assert (liver.CodeValue, liver.CodeMeaning) == ("10200004", "Liver")
    # Label 2 on the second slice: a component with a hole, cut out by a keyhole, and another one.
    kinds = [each.ContourGeometricType for each in written.ROIContourSequence[0].ContourSequence]
    assert kinds == ["CLOSED_PLANAR"] * 3


def test_outlines_of_others_give_sparse_slices(scan: Image, tmp_path: Path) -> None:
    path = write_rtstruct(
        tmp_path / "r.dcm",
        {
            4: [
                square(11.5, 20.5, 15.5, 24.5, 2.0),  # columns 2 to 5, rows 1 to 4
                square(12.5, 21.5, 14.5, 23.5, 2.0),  # a hole: columns 3 and 4, rows 2 and 3
                square(10, 20, 11, 21, 6.0),  # on centres: columns 0 and 1, rows 0 and 1
            ],
            9: [square(14.6, 20.6, 15.4, 21.4, 6.1)],  # a little off its slice: column 5, row 1
        },
    )
    expected = np.zeros((7, 6, 5), np.uint8)
    expected[2:6, 1:5, 1] = 4
    expected[3:5, 2:4, 1] = 0
    expected[0:2, 0:2, 3] = 4
    expected[5, 1, 3] = 9
    found = read_labels(path, scan)
    assert np.array_equal(found.array, expected)
    assert found.names == {4: "roi 4", 9: "roi 9"}
    assert np.array_equal(found.geometry.affine, scan.geometry.affine)


def test_outlines_of_another_plane(scan: Image, tmp_path: Path) -> None:
    points = [[12, 21.5, 1.0], [12, 23.5, 1.0], [12, 23.5, 7.0], [12, 21.5, 7.0]]
    found = read_labels(write_rtstruct(tmp_path / "r.dcm", {1: [points]}), scan)
    expected = np.zeros((7, 6, 5), bool)
    expected[2, 2:4, 1:4] = True  # y from 21.5 to 23.5, z from 1 to 7: slices at 2, 4 and 6
    assert np.array_equal(found.array == 1, expected)


def test_numbers_that_are_no_labels_are_counted_anew(scan: Image, tmp_path: Path) -> None:
    one, other = [square(11.5, 20.5, 13.5, 22.5, 2)], [square(14.5, 20.5, 15.5, 22.5, 2)]
    found = read_labels(write_rtstruct(tmp_path / "r.dcm", {0: one, 255: other}), scan)
    assert found.values == (1, 2)
    assert found.names == {1: "roi 0", 2: "roi 255"}


def test_overlaps_and_what_is_left_out_are_said(scan: Image, tmp_path: Path) -> None:
    path = write_rtstruct(
        tmp_path / "r.dcm",
        {
            1: [square(9.5, 19.5, 13.5, 23.5, 2), square(10, 20, 13, 23, 40)],
            2: [square(11.5, 20.5, 12.5, 21.5, 2), square(11.5, 20.5, 12.5, 21.5, 2)[:2]],
        },
    )
    found = read_labels(path, scan)
    assert found.array[2, 1, 1] == 2
    assert np.count_nonzero(found.array == 1) == 15
    assert codes_of(found.remarks) == {"outlines-left-out", "segments-overlap"}
    assert any("outside of the scan" in remark for remark in found.remarks)
    assert any("fewer than three points" in remark for remark in found.remarks)


def test_what_cannot_be_understood_is_refused(scan: Image, tmp_path: Path) -> None:
    path = tmp_path / "r.dcm"
    write_rtstruct(path, {1: [square(10, 20, 13, 23, 2)]})
    with pytest.raises(InputError, match="with the scan"):
        read_labels(path)
    write_rtstruct(path, {1: [square(10, 20, 13, 23, 3.0)]})
    with pytest.raises(GeometryError, match=r"0\.5 slices off"):
        read_labels(path, scan)
    oblique = [[10, 20, 2], [13, 20, 2], [13, 23, 5], [10, 23, 5]]
    write_rtstruct(path, {1: [oblique]})
    with pytest.raises(GeometryError, match="slices off"):
        read_labels(path, scan)
    write_rtstruct(path, {1: []})
    with pytest.raises(ReadError, match="without outlines"):
        read_labels(path, scan)
    write_rtstruct(path, {1: [square(10, 20, 13, 23, 2)]}, kind="OPEN_NONPLANAR")
    with pytest.raises(InputError, match="no closed outline"):
        read_labels(path, scan)
