"""A scan on a server and its labels, as files for as long as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.errors import InputError
from fewslice.io import read_image
from fewslice.io.dicomweb.find import StoredSeries
from fewslice.io.dicomweb.server import DicomWebServer
from fewslice.workflow.stored_case import find_labels, stored_case
from tests.support.dicom_samples import SERIES, write_series
from tests.support.web_stub import as_json, entry, multipart, web_stub

SCAN = StoredSeries("1.2.3", SERIES, "CT", "", "", None, None)
LABELS = StoredSeries("1.2.3", "1.2.3.7", "SEG", "", "", None, None)


def listed(uid: str, modality: str) -> dict[str, Any]:
    return entry(StudyInstanceUID="1.2.3", SeriesInstanceUID=uid, Modality=modality)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return sorted(write_series(tmp_path / "own", np.zeros((2, 4, 5), np.int16)).iterdir())


@pytest.fixture
def server(files: list[Path]) -> Iterator[DicomWebServer]:
    """A server with one series, and another of which one file stands for labels."""
    uids = [str(dcmread(file).SOPInstanceUID) for file in files]
    parts = [file.read_bytes() for file in files]
    replies = {
        ("GET", "/1.2.3/series"): as_json([listed(SERIES, "CT"), listed("1.2.3.7", "SEG")]),
        ("GET", f"{SERIES}/instances"): as_json([entry(SOPInstanceUID=uid) for uid in uids]),
        ("GET", f"/series/{SERIES}"): multipart(parts),
        ("GET", "/1.2.3.7/instances"): as_json([entry(SOPInstanceUID=uids[0])]),
        ("GET", "/series/1.2.3.7"): multipart(parts[:1]),
    }
    with web_stub(replies) as stub:
        yield DicomWebServer(stub.url)


def test_files_are_there_for_as_long_as_needed(server: DicomWebServer, files: list[Path]) -> None:
    with stored_case(server, SCAN, LABELS) as case:
        assert read_image(case.scan).geometry.shape == (5, 4, 2)
        assert case.labels is not None
        assert case.labels.read_bytes() == files[0].read_bytes()
    assert not case.scan.exists()
    assert not case.labels.exists()


def test_the_scan_may_stay(server: DicomWebServer, tmp_path: Path) -> None:
    shown = []
    own = tmp_path / "labels.nii.gz"
    with stored_case(
        server, SCAN, own, keep=tmp_path / "kept", progress=lambda done, of: shown.append(done)
    ) as case:
        assert (case.scan, case.labels) == (tmp_path / "kept", own)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert shown == [1, 2]


def test_labels_must_be_one_object(server: DicomWebServer, tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=f"The series {SERIES} holds 2 objects"),
        stored_case(server, SCAN, SCAN, keep=tmp_path / "kept"),
    ):
        pass
    assert not (tmp_path / "kept").exists()


def test_labels_are_a_file_or_a_series(
    server: DicomWebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_labels(server, SCAN, None) is None
    for given in ("seg", "SEG", "1.2.3.7", ".3.7"):
        assert find_labels(server, SCAN, given) == LABELS
    with pytest.raises(InputError, match=r"none.nii does not exist; expected a label map, the UID"):
        find_labels(server, SCAN, "none.nii")
    with pytest.raises(InputError, match=r"there is no series 1.2.3.8"):
        find_labels(server, SCAN, "1.2.3.8")
    monkeypatch.chdir(tmp_path)
    Path("seg").touch()  # a file of that name is what was meant
    assert find_labels(server, SCAN, "seg") == Path("seg")
