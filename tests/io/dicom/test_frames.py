"""Many frames in one file: enhanced, dose grids, and those that only say a spacing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from fewslice.errors import GeometryError, codes_of
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import LabelMap
from fewslice.volumes.spacing import MISSING, spacing_origin
from tests.support.dicom_samples import write_slice

VOLUME = np.random.default_rng(5).integers(0, 900, (3, 6, 7)).astype(np.int16)  # (k, row, column)
NOWHERE = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "SliceThickness": None}


def many(path: Path, **tags: Any) -> Path:
    return write_slice(path, VOLUME, **{"NumberOfFrames": 3, **tags})


@pytest.mark.parametrize("step", [0.2, -0.2])
def test_frames_with_a_spacing_only_lie_one_behind_the_other(tmp_path: Path, step: float) -> None:
    tags = {**NOWHERE, "SpacingBetweenSlices": step, "PixelSpacing": [0.3, 0.4]}
    read = read_image(many(tmp_path / "cbct.dcm", **tags))
    assert np.array_equal(read.array, VOLUME.T)
    expected = np.diag([-0.4, -0.3, 0.2, 1.0])
    np.testing.assert_allclose(read.geometry.affine, expected, atol=1e-12)
    assert codes_of(read.remarks) == {"frames-laid-out"}
    assert "0.2 mm apart." in read.remarks[0]


def test_the_first_frame_may_say_where_the_others_are(tmp_path: Path) -> None:
    # Rows run to the patient's left, columns to the feet: the normal is L x (-S) = +Posterior.
    place = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    read = read_image(many(tmp_path / "a.dcm", **place, SliceThickness=2.0))
    expected = [[-1, 0, 0, -1], [0, 0, -2, -2], [0, -1, 0, 3], [0, 0, 0, 1]]
    np.testing.assert_allclose(read.geometry.affine, expected, atol=1e-12)
    assert np.array_equal(read.array, VOLUME.T)


def test_frames_without_any_spacing_ask_for_one(tmp_path: Path) -> None:
    read = read_image(many(tmp_path / "oct.dcm", **NOWHERE, PixelSpacing=None))
    assert read.geometry.spacing == (1, 1, 1)
    assert spacing_origin(read) == MISSING
    assert "--spacing" in read.remarks[0]


def test_moments_in_time_are_no_volume(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="moments in time"):
        read_image(many(tmp_path / "cine.dcm", **NOWHERE, FrameTime=33))


def test_a_dose_grid_has_offsets(tmp_path: Path) -> None:
    read = read_image(
        many(
            tmp_path / "dose.dcm",
            GridFrameOffsetVector=[0, 2.5, 5],
            DoseGridScaling=0.5,
            ImagePositionPatient=[0, 0, 10],
            RescaleSlope=None,
            RescaleIntercept=None,
        )
    )
    assert np.array_equal(read.array, VOLUME.T * 0.5)
    assert read.geometry.affine[2].tolist() == [0, 0, 2.5, 10]
    assert read.remarks == ()
    labels = LabelMap(np.ones(read.array.shape, np.uint8), read.geometry)
    write_labels(tmp_path / "seg.dcm", labels, dicom=DicomOutput(tmp_path / "dose.dcm"))
    assert read_labels(tmp_path / "seg.dcm", read).array.all()


def nuclear(path: Path, between: float, kind: str = "RECON TOMO", **tags: Any) -> Path:
    """Write an image of nuclear medicine whose first slice lies at 1, 2, 30 mm."""
    detector = Dataset()
    detector.ImagePositionPatient = [1, 2, 30]
    detector.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    given = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20",
        "ImageType": ["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        "DetectorInformationSequence": [detector],
        "SpacingBetweenSlices": between,
        "PixelSpacing": [4.0, 4.0],
    }
    return many(path, **{**NOWHERE, **given, **tags})


@pytest.mark.parametrize(("between", "start"), [(5.0, 30.0), (-5.0, 20.0)])
def test_slices_of_nuclear_medicine_lie_behind_the_first_or_before_it(
    tmp_path: Path, between: float, start: float
) -> None:
    """Rows run to the right, columns to the front: the normal is the head's direction."""
    path = nuclear(tmp_path / "spect.dcm", between)
    read = read_image(path)
    expected = np.array([[4, 0, 0, -1], [0, 4, 0, -2], [0, 0, 5, start], [0, 0, 0, 1]])
    np.testing.assert_allclose(read.geometry.affine, expected, atol=1e-12)
    np.testing.assert_array_equal(read.array, VOLUME[:: int(np.sign(between))].T)
    assert read.remarks == ()
    drawn = np.zeros(read.array.shape, np.uint8)
    drawn[1:3, 2, 0] = 1
    labels = LabelMap(drawn, read.geometry)
    write_labels(tmp_path / "seg.dcm", labels, dicom=DicomOutput(path))
    np.testing.assert_array_equal(read_labels(tmp_path / "seg.dcm", read).array, drawn)


def test_the_order_of_nuclear_slices_may_be_stored(tmp_path: Path) -> None:
    read = read_image(nuclear(tmp_path / "spect.dcm", 5.0, SliceVector=[2, 3, 1]))
    np.testing.assert_array_equal(read.array, VOLUME[[2, 0, 1]].T)
    with pytest.raises(GeometryError, match="numbers 2 slices in its SliceVector"):
        read_image(nuclear(tmp_path / "spect.dcm", 5.0, SliceVector=[1, 2]))


@pytest.mark.parametrize("kind", ["TOMO", "WHOLE BODY", "DYNAMIC"])
def test_projections_of_nuclear_medicine_are_no_volume(tmp_path: Path, kind: str) -> None:
    with pytest.raises(GeometryError, match=rf"projections or moments in time \({kind}\)"):
        read_image(nuclear(tmp_path / "spect.dcm", 5.0, kind))


def test_every_frame_has_its_own_slope(tmp_path: Path) -> None:
    frames = []
    for k, slope in enumerate([2.0, 0.5, 3.0]):
        frame, plane, values = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [0, 0, 2.0 * k]
        plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        values.RescaleSlope, values.RescaleIntercept = slope, -k
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [plane], [values]
        frames.append(frame)
    tags = {**NOWHERE, "RescaleSlope": None, "RescaleIntercept": None}
    read = read_image(many(tmp_path / "a.dcm", **tags, PerFrameFunctionalGroupsSequence=frames))
    for k, slope in enumerate([2.0, 0.5, 3.0]):
        assert np.array_equal(read.array[..., k], VOLUME[k].T * slope - k)


def test_a_file_of_frames_and_slices_of_the_same_series_are_two_volumes(tmp_path: Path) -> None:
    many(tmp_path / "a.dcm", **NOWHERE, SpacingBetweenSlices=2.0)
    many(tmp_path / "b.dcm", **NOWHERE, SpacingBetweenSlices=2.0)
    assert np.array_equal(read_image(tmp_path, series=2).array, VOLUME.T)
