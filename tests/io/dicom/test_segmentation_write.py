"""DICOM SEG: the same voxels in every orientation, also for another program, and whose it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.errors import GeometryError, InputError
from fewslice.io import DicomOutput, read_image, read_labels, write_labels, write_probability
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.dicom_results import (
    ENHANCED_CT,
    ORIENTATIONS,
    PATIENT,
    SHAPE,
    by_dcmqi,
    enhanced_series,
    labels_of,
    phantom,
    phantom_places,
    places_of,
    write_oriented,
)

FLIPS = [(0, 1, 2), (2, 0, 1), (1, 2, 0)]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_oriented(tmp_path / "series", ORIENTATIONS["axial"])


Kind = Literal["binary", "labelmap"]


@pytest.fixture(params=["binary", "labelmap"])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(params=ORIENTATIONS)
def orientation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["ascending", "descending"])
def written(
    request: pytest.FixtureRequest, tmp_path: Path, orientation: str, kind: Kind
) -> tuple[Image, Path]:
    """A scan in any orientation, and the phantom on it as a SEG."""
    folder = write_oriented(tmp_path / "series", ORIENTATIONS[orientation], request.param)
    scan, path = read_image(folder), tmp_path / "result.dcm"
    write_labels(path, labels_of(scan), dicom=DicomOutput(folder, kind=kind))
    return scan, path


def test_the_voxels_come_back_in_every_orientation(written: tuple[Image, Path]) -> None:
    scan, path = written
    on_scan, alone = read_labels(path, scan), read_labels(path)
    assert np.array_equal(on_scan.array, phantom())
    assert np.array_equal(alone.array, phantom())
    np.testing.assert_allclose(alone.geometry.affine, scan.geometry.affine, atol=1e-6)


@pytest.mark.slow
def test_another_program_reads_the_same_places(
    written: tuple[Image, Path], tmp_path: Path, kind: Kind
) -> None:
    scan, path = written
    found = by_dcmqi(path, tmp_path / "out")
    expected = {2: 1, 7: 2} if kind == "binary" else {2: 2, 7: 7}
    for value, number in expected.items():
        places = [places_of(image, number) for image in found.values()]
        assert set[object]().union(*places) == phantom_places(scan, value)


def test_all_frames_are_written_in_order_and_refer_to_their_images(
    series: Path, tmp_path: Path
) -> None:
    scan = read_image(series)
    array = np.zeros(SHAPE, np.uint8)
    array[4, 5, 2] = 3
    write_labels(tmp_path / "r.dcm", labels_of(scan, array), dicom=DicomOutput(series))
    written = dcmread(tmp_path / "r.dcm")
    assert written.NumberOfFrames == SHAPE[2]
    frames = written.PerFrameFunctionalGroupsSequence
    heights = [frame.PlanePositionSequence[0].ImagePositionPatient[2] for frame in frames]
    assert heights == [19, 16, 13, 10, 7]  # against the normal, without a gap
    referred = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in frames
    ]
    files = {h.SOPInstanceUID: h.ImagePositionPatient[2] for h in map(dcmread, series.iterdir())}
    assert [files[uid] for uid in referred] == heights
    first = next(series.iterdir())
    assert written.StudyInstanceUID == dcmread(first).StudyInstanceUID
    assert written.FrameOfReferenceUID == PATIENT["FrameOfReferenceUID"]
    assert written.ReferencedSeriesSequence[0].SeriesInstanceUID == dcmread(first).SeriesInstanceUID


def test_segments_have_names_colours_and_codes(series: Path, tmp_path: Path) -> None:
    names = {2: "Left kidney", 7: "Größe"}
    write_labels(
        tmp_path / "r.dcm", labels_of(read_image(series)), dicom=DicomOutput(series, names)
    )
    kidney, other = dcmread(tmp_path / "r.dcm").SegmentSequence
    assert (kidney.SegmentLabel, other.SegmentLabel) == ("Left kidney", "Größe")
    assert kidney.SegmentedPropertyTypeCodeSequence[0].CodeValue == "64033007"
    modifier = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert modifier[0].CodeMeaning == "Left"
    assert other.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"
    assert kidney.RecommendedDisplayCIELabValue != other.RecommendedDisplayCIELabValue
    assert read_labels(tmp_path / "r.dcm").names == names


def test_labels_may_lie_on_a_turned_mirrored_or_cropped_copy_of_the_series(
    series: Path, tmp_path: Path
) -> None:
    scan = read_image(series)
    for number, order in enumerate(FLIPS):
        affine = scan.geometry.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ [12, 10, 0]
        affine[:3, :2] *= -1  # as NIfTI files often have it
        mirrored = phantom()[::-1, ::-1].transpose(order)
        affine[:3, :3] = affine[:3, list(order)]
        copy = LabelMap(mirrored, Geometry(mirrored.shape, affine))
        path = tmp_path / f"{number}.dcm"
        write_labels(path, copy, dicom=DicomOutput(series))
        assert np.array_equal(read_labels(path, scan).array, phantom())
    part = labels_of(scan).array[:, 1:, 1:]
    cropped = LabelMap(part, scan.geometry.cropped((0, 1, 1), SHAPE))
    write_labels(tmp_path / "part.dcm", cropped, dicom=DicomOutput(series))
    found = read_labels(tmp_path / "part.dcm")
    expected = phantom()
    expected[:, 0], expected[:, :, 0] = 0, 0
    assert np.array_equal(found.array, expected)
    assert dcmread(tmp_path / "part.dcm").NumberOfFrames == 2 * SHAPE[2]


def test_files_of_many_frames_in_any_order(tmp_path: Path) -> None:
    heights = (4.0, 0.0, 6.0, 2.0)
    path = enhanced_series(tmp_path / "many.dcm", [(1.0, 2.0, z) for z in heights])
    scan = read_image(path)
    array = np.zeros((7, 6, 4), np.uint8)
    array[1, 2, 3], array[2:5, 1, 0] = 1, 1
    for kind in ("binary", "labelmap", "rtstruct"):
        result = tmp_path / f"{kind}.dcm"
        given = DicomOutput(path, kind=kind)
        write_labels(result, LabelMap(array, scan.geometry), dicom=given)
        assert np.array_equal(read_labels(result, scan).array, array)
    frames = dcmread(tmp_path / "binary.dcm").PerFrameFunctionalGroupsSequence
    referred = {
        float(frame.PlanePositionSequence[0].ImagePositionPatient[2]): int(
            frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        )
        for frame in frames
    }
    assert referred == {4.0: 1, 0.0: 2, 6.0: 3, 2.0: 4}


def test_enhanced_files_of_one_frame_each(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    for k in range(4):
        enhanced_series(folder / f"{k}.dcm", [(1.0, 2.0, 2.0 * k)], InstanceNumber=k + 1)
    scan = read_image(folder)
    array = np.zeros(scan.array.shape, np.uint8)
    array[1, 2, 3], array[2:5, 1, 0] = 1, 1
    for kind in ("binary", "labelmap", "rtstruct"):
        result = tmp_path / f"{kind}.dcm"
        write_labels(result, LabelMap(array, scan.geometry), dicom=DicomOutput(folder, kind=kind))
        assert np.array_equal(read_labels(result, scan).array, array)
    for frame in dcmread(tmp_path / "binary.dcm").PerFrameFunctionalGroupsSequence:
        referred = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert referred.ReferencedSOPClassUID == ENHANCED_CT
    (series,) = dcmread(tmp_path / "binary.dcm").ReferencedSeriesSequence
    classes = {each.ReferencedSOPClassUID for each in series.ReferencedInstanceSequence}
    assert classes == {ENHANCED_CT}


def test_slices_that_lack_in_the_series_are_written_in_their_place(
    series: Path, tmp_path: Path
) -> None:
    scan = read_image(series)
    (series / "004.dcm").unlink()
    write_labels(tmp_path / "r.dcm", labels_of(scan), dicom=DicomOutput(series))
    assert np.array_equal(read_labels(tmp_path / "r.dcm", scan).array, phantom())


def test_probabilities_are_kept_in_steps(series: Path, tmp_path: Path) -> None:
    scan = read_image(series)
    chance = np.random.default_rng(3).random((2, *SHAPE)).astype(np.float32)
    path = tmp_path / "p.dcm"
    given = DicomOutput(series, {4: "Liver"})
    write_probability(path, Image(chance, scan.geometry), (4, 6), dicom=given)
    written = dcmread(path)
    assert written.SegmentationFractionalType == "PROBABILITY"
    assert [each.SegmentLabel for each in written.SegmentSequence] == ["Liver", "Structure 6"]
    found = np.zeros_like(chance)
    frames = written.PerFrameFunctionalGroupsSequence
    for frame, pixels in zip(frames, written.pixel_array, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        height = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        found[number - 1, :, :, round((height - 7) / 3)] = pixels.T / 255
    np.testing.assert_allclose(found, chance, atol=0.5 / 255 + 1e-6)
    with pytest.raises(InputError, match="threshold"):
        read_labels(path, scan)
    write_probability(tmp_path / "p.nii.gz", Image(chance, scan.geometry), (4, 6))
    assert np.array_equal(read_image(tmp_path / "p.nii.gz").array, chance)
    with pytest.raises(InputError, match="2 structures for 1 labels"):
        write_probability(path, Image(chance, scan.geometry), (4,), dicom=given)


@pytest.mark.parametrize("kind", ["binary", "labelmap", "rtstruct"])
def test_nothing_of_the_patient_but_what_the_standard_asks(
    series: Path, tmp_path: Path, kind: str
) -> None:
    labels = labels_of(read_image(series))
    for anonymise in (False, True):
        given = DicomOutput(series, kind=kind, anonymise=anonymise)  # type: ignore[arg-type]
        write_labels(tmp_path / "r.dcm", labels, dicom=given)
        content = (tmp_path / "r.dcm").read_bytes()
        kept = {
            *("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyTime"),
            *("StudyID", "AccessionNumber"),
        }
        for name, value in PATIENT.items():
            if name not in ("PatientSex", "FrameOfReferenceUID"):
                assert (value.encode() in content) == (name in kept and not anonymise), name
        written = dcmread(tmp_path / "r.dcm")
        assert written.PatientSex == ("" if anonymise else "F")
        assert written.ReferringPhysicianName == ""
        assert written.get("PatientIdentityRemoved") == ("YES" if anonymise else None)


@pytest.mark.parametrize("kind", ["binary", "rtstruct"])
def test_broken_values_of_a_header_are_left_out_and_never_shown(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str], recwarn: object
) -> None:
    series = write_oriented(
        tmp_path / "series", ORIENTATIONS["axial"], FrameOfReferenceUID=None, StudyDate=None
    )
    for path in series.iterdir():
        content = path.read_bytes().replace(b"18671107", b"7.11.67 ")
        path.write_bytes(content)
    scan = read_image(series)
    given = DicomOutput(series, kind=kind)  # type: ignore[arg-type]
    write_labels(tmp_path / "r.dcm", labels_of(scan), dicom=given)
    written = dcmread(tmp_path / "r.dcm")
    assert written.PatientBirthDate == ""
    assert written.FrameOfReferenceUID
    shown = capsys.readouterr()
    assert shown.out + shown.err == ""
    assert not list(recwarn)  # type: ignore[call-overload]


def test_what_does_not_fit_into_dicom_is_refused(series: Path, tmp_path: Path) -> None:
    scan, path = read_image(series), tmp_path / "r.dcm"
    given = DicomOutput(series)
    unknown = phantom()
    unknown[0, 0, 0] = 255
    with pytest.raises(InputError, match="255"):
        write_labels(path, labels_of(scan, unknown), dicom=given)
    with pytest.raises(InputError, match="no structure"):
        write_labels(path, labels_of(scan, np.zeros(SHAPE, np.uint8)), dicom=given)
    for source in (None, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="needs the DICOM series"):
            write_labels(path, labels_of(scan), dicom=DicomOutput(source))
    other = scan.geometry.with_spacing((1, 1, 1))
    with pytest.raises(GeometryError, match="lies on the voxels"):
        write_labels(path, LabelMap(phantom(), other), dicom=given)
    wider = np.zeros((SHAPE[0] + 1, *SHAPE[1:]), np.uint8)
    wider[-1, 0, 0] = 1
    with pytest.raises(InputError, match="1 labelled voxels lie outside"):
        write_labels(
            path, LabelMap(wider, Geometry(wider.shape, scan.geometry.affine)), dicom=given
        )
    assert not path.exists()


def test_the_series_may_be_named_by_text(series: Path, tmp_path: Path) -> None:
    scan, path = read_image(series), tmp_path / "result.dcm"
    write_labels(path, labels_of(scan), dicom=DicomOutput(str(series)))  # type: ignore[arg-type]
    assert np.array_equal(read_labels(path).array, phantom())
