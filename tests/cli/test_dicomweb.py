"""`fewslice dicomweb`, most of it on a real server; that part is skipped without Orthanc."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from fewslice.cli.dicomweb import parse_filters
from fewslice.cli.main import run
from fewslice.cli.server_options import LOGIN
from fewslice.errors import InputError
from fewslice.io import DicomOutput, read_image, read_labels, write_labels
from fewslice.volumes import LabelMap
from tests.support.command_line import refused
from tests.support.dicom_results import ORIENTATIONS, PATIENT, SHAPE, phantom, write_oriented
from tests.support.orthanc import Orthanc
from tests.support.web_stub import Reply, as_json, entry, web_stub

ENTRIES = [
    entry(
        StudyInstanceUID=f"1.2.{n}",
        StudyDate=f"2024010{n}",
        ModalitiesInStudy=["CT", "SEG"],
        NumberOfStudyRelatedSeries=n,
        NumberOfStudyRelatedInstances=30,
        StudyDescription="Thorax",
        PatientName={"Alphabetic": "Curie^Marie"},
        PatientID="P-1867",
    )
    for n in (1, 2)
]
LISTED = """\
Study       1.2.2
            2024-01-02; CT, SEG; 2 series; 30 instances; Thorax
Study       1.2.1
            2024-01-01; CT, SEG; 1 series; 30 instances; Thorax
"""


def test_a_list_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with web_stub({("GET", "/studies"): as_json(ENTRIES)}) as stub:
        command = ["dicomweb", "list", stub.url, "--limit", "2"]
        assert run([*command, "--filter", "PatientID=P-*"]) == 0
        assert capsys.readouterr() == (LISTED, "")
        assert stub.heard[-1][1]["PatientID"] == ["P-*"]
        assert run([*command, "--json"]) == 0
        shown = capsys.readouterr().out
        assert json.loads(shown)[0] == {
            "uid": "1.2.2",
            "date": "20240102",
            "description": "Thorax",
            "modalities": ["CT", "SEG"],
            "series": 2,
            "instances": 30,
        }
        assert run([*command, "--names"]) == 0
        assert "            Curie^Marie (P-1867)\n" in capsys.readouterr().out
        assert run([*command, "--names", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["patient"] == "Curie^Marie"


def test_more_than_are_shown_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with web_stub({("GET", "/studies"): as_json(ENTRIES)}) as stub:
        assert run(["dicomweb", "list", stub.url, "--limit", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("Study ") == 1
    assert "There are more than 1 studies" in shown.err


def test_nothing_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    replies = {("GET", "/studies"): Reply(200, b"[]"), ("GET", "/1.2/series"): Reply(200, b"[]")}
    with web_stub(replies) as stub:
        assert run(["dicomweb", "list", stub.url]) == 0
        assert run(["dicomweb", "list", stub.url, "1.2"]) == 0
    assert capsys.readouterr().out == "No study was found.\nNo series was found.\n"


def test_refusals_before_anything_is_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://127.0.0.1:1"
    segment = ["dicomweb", "segment", url, "1.2.3", "--labels", "seg"]
    dicom = str(tmp_path / "out.dcm")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for command, said in (
        ([*segment, "-o", str(tmp_path / "out.nii.gz")], "expected .dcm"),
        ([*segment, "-o", dicom, "--anonymise"], "leave out --anonymise, or add --no-store"),
        ([*segment, "-o", dicom, "--keep", str(tmp_path / "full")], "there already"),
        (["dicomweb", "fetch", url, "1.2", "-o", str(tmp_path / "full")], "there already"),
        (["dicomweb", "fetch", url, "-o", str(tmp_path / "new")], "No series is named"),
        (["dicomweb", "list", url, "1.2", "--names"], "are for studies"),
        (["dicomweb", "list", url, "--filter", "StudyDate"], "--filter cannot be read"),
        (["dicomweb", "store", url, str(tmp_path / "none.dcm")], "does not exist"),
    ):
        assert said in refused(command, capsys)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full"]


def test_filters() -> None:
    assert parse_filters(["StudyDate=2024-", "PatientName= A=B*"]) == {
        "StudyDate": "2024-",
        "PatientName": "A=B*",
    }
    for text in ("Curie", "=Curie"):
        with pytest.raises(InputError, match="cannot be read") as failed:
            parse_filters([text])
        assert "Curie" not in str(failed.value)


@pytest.fixture
def study(orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A study on the server with an oblique scan, the files of which are in tmp_path/own."""
    assert orthanc.server.login is not None
    monkeypatch.setenv(LOGIN, orthanc.server.login)
    uid = str(generate_uid())
    series = write_oriented(
        tmp_path / "own",
        ORIENTATIONS["oblique"],
        StudyInstanceUID=uid,
        SeriesInstanceUID=str(generate_uid()),
    )
    for file in series.iterdir():
        dataset = dcmread(file)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.save_as(file)
    assert run(["dicomweb", "store", orthanc.url, str(series), "--study", uid, "--quiet"]) == 0
    return uid


def drawn(series: Path) -> LabelMap:
    array = np.zeros(SHAPE, np.uint8)
    array[..., [1, 3]] = phantom()[..., [1, 3]]
    return LabelMap(array, read_image(series).geometry)


@pytest.mark.slow
def test_a_scan_is_segmented_where_it_is(
    orthanc: Orthanc, study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    write_labels(tmp_path / "drawn.nii.gz", drawn(own))
    command = ["dicomweb", "segment", orthanc.url, "--study", study, "--engine", "interpolation"]
    by_file = [*command, "--labels", str(tmp_path / "drawn.nii.gz")]
    assert run([*by_file, "-o", str(tmp_path / "a.dcm"), "--keep", str(tmp_path / "kept")]) == 0
    shown = capsys.readouterr().out
    written = dcmread(tmp_path / "a.dcm")
    assert f"Stored      {written.SOPInstanceUID}\n" in shown
    assert written.StudyInstanceUID == study
    assert len(list((tmp_path / "kept").iterdir())) == SHAPE[2]

    # The answer is that of the same files on disk.
    plain = ["segment", str(own), "--labels", str(tmp_path / "drawn.nii.gz"), *command[-2:]]
    assert run([*plain, "-o", str(tmp_path / "plain.nii.gz"), "--quiet"]) == 0
    expected = read_labels(tmp_path / "plain.nii.gz").array
    scan = read_image(own)
    series = str(written.SeriesInstanceUID)
    fetch = ["dicomweb", "fetch", orthanc.url, series, "-o", str(tmp_path / "back")]
    assert run(fetch) == 0
    (back,) = (tmp_path / "back").iterdir()
    assert np.array_equal(read_labels(back, scan).array, expected)

    # Now there is a second series, which is no scan; and the labels are on the server.
    assert run(["dicomweb", "list", orthanc.url, study]) == 0
    listed = capsys.readouterr().out
    assert f"Series      {series}" in listed
    assert "SEG; 1 instance;" in listed
    orthanc.server.store([_as_seg(tmp_path, own)], study)
    outlines = tmp_path / "b-rtstruct.dcm"
    end = str(dcmread(tmp_path / "drawn.dcm").SeriesInstanceUID)[-9:]
    report = ["--report", str(tmp_path / "report.json"), "--quiet"]
    assert run([*command, "--labels", end, "-o", str(outlines), *report]) == 0
    assert np.array_equal(read_labels(outlines, scan).array, expected)
    assert orthanc.tags(str(dcmread(outlines).SOPInstanceUID))["Modality"] == "RTSTRUCT"
    inputs = json.loads((tmp_path / "report.json").read_text())
    assert str(dcmread(next(own.iterdir())).SeriesInstanceUID) in json.dumps(inputs)

    everything = capsys.readouterr()
    texts = shown + listed + everything.out + everything.err
    private = set(PATIENT.values()) - {"F", PATIENT["StudyDate"], PATIENT["StudyDescription"]}
    assert not any(value in texts for value in private)


def _as_seg(tmp_path: Path, series: Path) -> Path:
    path = tmp_path / "drawn.dcm"
    write_labels(path, drawn(series), dicom=DicomOutput(series))
    return path


@pytest.mark.slow
def test_a_result_that_is_refused_is_kept(
    orthanc: Orthanc,
    study: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fewslice.io.dicomweb import server as module
    from fewslice.io.dicomweb import store as storing

    write_labels(tmp_path / "drawn.nii.gz", drawn(tmp_path / "own"))
    other = str(generate_uid())
    store = storing.store_files
    monkeypatch.setattr(
        module, "store_files", lambda own, paths, _, shown: store(own, paths, other, shown)
    )
    out = tmp_path / "out.dcm"
    labels = ["--labels", str(tmp_path / "drawn.nii.gz"), "--engine", "interpolation", "--quiet"]
    command = ["dicomweb", "segment", orthanc.url, "--study", study, *labels, "-o", str(out)]
    said = refused(command, capsys)
    assert "refused 1 of 1 objects" in said
    assert f"The result is kept in {out}" in said
    assert read_labels(out, read_image(tmp_path / "own")).array.any()
    assert run([*command, "--no-store"]) == 0
