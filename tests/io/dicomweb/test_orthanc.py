"""There and back on a real server: what is stored is what is read, to the voxel.

Skipped without Orthanc (make orthanc).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from fewslice.errors import InputError, ServerError
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.io.dicom.derived import DicomKind
from fewslice.io.dicomweb.server import DicomWebServer
from fewslice.volumes import LabelMap
from tests.support.dicom_results import (
    ORIENTATIONS,
    PATIENT,
    SHAPE,
    enhanced_series,
    labels_of,
    write_oriented,
)
from tests.support.orthanc import USER, Orthanc

pytestmark = pytest.mark.slow


def new_identity() -> dict[str, str]:
    """Return identifiers of a study that no other test has."""
    names = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    return {name: str(generate_uid()) for name in names}


def stored_series(
    orthanc: Orthanc, folder: Path, orientation: str, descending: bool = False, **tags: Any
) -> dict[str, str]:
    """Write a series of a new study, with UIDs that are unique, and store it."""
    identity = new_identity()
    write_oriented(folder, ORIENTATIONS[orientation], descending, **identity, **tags)
    for file in folder.iterdir():
        dataset = dcmread(file)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(file)
    assert len(orthanc.server.store([folder]).stored) == SHAPE[2]
    return identity


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_scan_and_its_labels_return_to_the_voxel(
    orthanc: Orthanc, tmp_path: Path, orientation: str
) -> None:
    descending = orientation in ("axial", "coronal", "oblique")  # files run against the normal
    server = orthanc.server
    ids = stored_series(orthanc, tmp_path / "own", orientation, descending)
    study = ids["StudyInstanceUID"]
    assert server.fetch(server.find(study), tmp_path / "scan") == SHAPE[2]
    own, scan = read_image(tmp_path / "own"), read_image(tmp_path / "scan")
    assert np.array_equal(scan.array, own.array)
    assert np.array_equal(scan.geometry.affine, own.geometry.affine)

    for kind in ("binary", "labelmap", "rtstruct"):
        _returns(server, orthanc, tmp_path / kind, kind, labels_of(scan), tmp_path / "scan")


def _returns(  # noqa: PLR0917 - all of a round trip
    server: DicomWebServer,
    orthanc: Orthanc,
    folder: Path,
    kind: DicomKind,
    labels: LabelMap,
    source: Path,
) -> None:
    """Store labels in the study of their scan, fetch them, and compare; also what Orthanc reads."""
    folder.mkdir()
    path = folder / "result.dcm"
    write_labels(path, labels, dicom=DicomOutput(source, {2: "Liver"}, kind))
    written = dcmread(path)
    study, uid = str(written.StudyInstanceUID), str(written.SOPInstanceUID)
    receipt = server.store([path], study)
    assert (receipt.stored, receipt.remarks) == ((uid,), ())

    server.fetch(server.find(study, str(written.SeriesInstanceUID)), folder / "back")
    (file,) = (folder / "back").iterdir()
    back = read_labels(file, read_image(source))
    assert np.array_equal(back.array, labels.array)
    assert np.array_equal(back.geometry.affine, labels.geometry.affine)
    assert back.names[2] == "Liver"

    tags = orthanc.tags(uid)
    scan = next(source.iterdir()).stem
    assert orthanc.study_of(uid) == orthanc.study_of(scan)
    assert tags["PatientID"] == PATIENT["PatientID"]
    if kind == "rtstruct":
        assert tags["Modality"] == "RTSTRUCT"
        assert tags["StructureSetROISequence"][0]["ROIName"] == "Liver"
        assert len(tags["ROIContourSequence"][0]["ContourSequence"]) >= 2
    else:
        assert tags["Modality"] == "SEG"
        assert "Liver" in {each["SegmentLabel"] for each in tags["SegmentSequence"]}
        frames = tags["PerFrameFunctionalGroupsSequence"]
        assert len(frames) == int(tags["NumberOfFrames"])
        assert tags["FrameOfReferenceUID"] == str(written.FrameOfReferenceUID)


def test_listing(orthanc: Orthanc, tmp_path: Path) -> None:
    server = orthanc.server
    ids = stored_series(orthanc, tmp_path / "own", "axial", SeriesNumber=4, PatientID="P-listing")
    study = ids["StudyInstanceUID"]
    (found,) = server.studies({"PatientID": "P-listing"})
    assert (found.uid, found.date, found.modalities) == (study, "19030625", ("CT",))
    assert (found.series, found.instances, found.description) == (1, SHAPE[2], "secret study")
    assert (found.patient, found.patient_id) == ("", "")
    (named,) = server.studies({"StudyInstanceUID": study}, names=True)
    assert (named.patient, named.patient_id) == (PATIENT["PatientName"], "P-listing")
    assert server.studies({"StudyDate": "20990101-"}) == []
    (one,) = server.series(study)
    assert (one.uid, one.number, one.instances) == (ids["SeriesInstanceUID"], 4, SHAPE[2])
    assert (one.modality, one.description) == ("CT", "Thorax")
    assert server.find(series=ids["SeriesInstanceUID"]).study == study
    with pytest.raises(InputError, match="There is no study"):
        server.find(str(generate_uid()))
    with pytest.raises(InputError, match="There is no series"):
        server.find(series=str(generate_uid()))


def test_an_instance_of_many_frames(orthanc: Orthanc, tmp_path: Path) -> None:
    ids = new_identity()
    tags = {name: uid for name, uid in ids.items() if name != "FrameOfReferenceUID"}
    own = enhanced_series(tmp_path / "own.dcm", [(0, 0, 2.0 * k) for k in (2, 0, 1, 3)])
    dataset = dcmread(own)
    pixels = np.arange(4 * 6 * 7, dtype=np.int16)
    dataset.PixelData = pixels.tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name, uid in tags.items():
        setattr(dataset, name, uid)
    dataset.save_as(own)
    server = orthanc.server
    server.store([own])
    assert server.fetch(server.find(ids["StudyInstanceUID"]), tmp_path / "scan") == 1
    scan = read_image(tmp_path / "scan")
    assert np.array_equal(scan.array, read_image(own).array)
    assert np.array_equal(np.sort(scan.array.ravel()), pixels)


def test_refusals_of_a_real_server(orthanc: Orthanc, tmp_path: Path) -> None:
    stored_series(orthanc, tmp_path / "own", "axial")
    with pytest.raises(ServerError, match=r"asks who you are \(401\)"):
        DicomWebServer(orthanc.url, login=f"{USER}:wrong").studies()
    with pytest.raises(ServerError, match="nothing at this address"):
        DicomWebServer(f"{orthanc.root}/nowhere", login=orthanc.server.login).studies()
    # Of another study than it was sent to.
    with pytest.raises(ServerError, match=r"refused 5 of 5 objects .* \(code 0110\)"):
        orthanc.server.store([tmp_path / "own"], str(generate_uid()))
