"""A series comes as a folder, whole or not at all. `test_orthanc` fetches from a real server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.errors import FewsliceError, InputError, ServerError, WriteError
from fewslice.io import read_image
from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.fetch import fetch_series
from fewslice.io.dicomweb.find import StoredSeries
from tests.support.dicom_samples import SERIES, write_series
from tests.support.web_stub import Reply, as_json, entry, multipart, web_stub

ONE = StoredSeries("1.2.3", SERIES, "CT", "", "", None, None)
VOLUME = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


def sent(tmp_path: Path, **tags: str) -> list[bytes]:
    """Return the files of a series, as a server sends them."""
    files = sorted(write_series(tmp_path / "there", VOLUME, 2.0, **tags).iterdir())
    return [file.read_bytes() for file in files]


def listed(parts: Sequence[bytes]) -> Reply:
    from pydicom.filebase import DicomBytesIO

    uids = [str(dcmread(DicomBytesIO(part)).SOPInstanceUID) for part in parts]
    return as_json([entry(SOPInstanceUID=uid) for uid in uids])


def fetched(folder: Path, instances: Reply, series: Reply) -> list[tuple[float, int]]:
    """Fetch the series from a server that answers this; return the progress."""
    shown: list[tuple[float, int]] = []
    replies = {("GET", f"{SERIES}/instances"): instances, ("GET", f"series/{SERIES}"): series}
    with web_stub(replies) as stub:
        fetch_series(Connection(stub.url), ONE, folder, lambda done, of: shown.append((done, of)))
        assert "transfer-syntax=*" in stub.heard[-1][2]["Accept"]  # as it is stored
    return shown


def refused(tmp_path: Path, instances: Reply, series: Reply) -> FewsliceError:
    """Return the error, after which nothing is left."""
    before = set(tmp_path.iterdir())
    with pytest.raises(FewsliceError) as failed:
        fetched(tmp_path / "new", instances, series)
    assert set(tmp_path.iterdir()) == before
    return failed.value


def test_each_instance_becomes_a_file(tmp_path: Path) -> None:
    parts = sent(tmp_path)
    shown = fetched(tmp_path / "new", listed(parts), multipart(parts))
    assert shown == [(1, 3), (2, 3), (3, 3)]
    assert {file.read_bytes() for file in (tmp_path / "new").iterdir()} == set(parts)
    assert all(dcmread(f).SOPInstanceUID == f.stem for f in (tmp_path / "new").iterdir())
    old, new = read_image(tmp_path / "there"), read_image(tmp_path / "new")
    assert np.array_equal(old.array, new.array)
    assert np.array_equal(old.geometry.affine, new.geometry.affine)


def test_an_instance_that_is_missing(tmp_path: Path) -> None:
    parts = sent(tmp_path)
    error = refused(tmp_path, listed(parts), multipart(parts[:2]))
    assert isinstance(error, ServerError)
    assert "sent 2 of the 3 instances" in str(error)


def test_an_instance_that_is_cut_off(tmp_path: Path) -> None:
    parts = sent(tmp_path)
    error = refused(tmp_path, listed(parts), multipart([*parts[:2], parts[2][:-20]]))
    assert "damaged or cut off" in str(error)


def test_an_answer_that_breaks_off(tmp_path: Path) -> None:
    parts = sent(tmp_path)
    whole = multipart(parts)
    error = refused(tmp_path, listed(parts), Reply(200, whole.body, whole.headers, cut=200))
    assert "broke off" in str(error)


def test_what_is_no_dicom(tmp_path: Path) -> None:
    error = refused(tmp_path, listed(sent(tmp_path)), multipart([b"nothing of the kind"]))
    assert "not as DICOMweb does" in str(error)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # that is the point
def test_a_name_that_would_lead_elsewhere(tmp_path: Path) -> None:
    parts = sent(tmp_path, SOPInstanceUID="../../elsewhere")
    error = refused(tmp_path, as_json([entry(SOPInstanceUID="1.2")]), multipart(parts[:1]))
    assert "without a valid UID" in str(error)


@pytest.mark.parametrize("instances", [Reply(200, b"[]"), as_json([entry(SOPInstanceUID="1.2")])])
def test_a_series_that_is_not_there(tmp_path: Path, instances: Reply) -> None:
    error = refused(tmp_path, instances, Reply(404))
    assert isinstance(error, InputError)
    assert f"There is no series {SERIES} in the study 1.2.3" in str(error)


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    parts = sent(tmp_path)
    with pytest.raises(WriteError, match="there already"):
        fetched(folder, listed(parts), multipart(parts))
    assert [file.name for file in folder.iterdir()] == ["mine"]
