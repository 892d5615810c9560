"""What a server says of the objects that it was sent. `test_orthanc` stores on a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from fewslice.errors import FewsliceError, InputError, ReadError, ServerError, codes_of
from fewslice.io.dicomweb import store
from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.store import Receipt, store_files
from tests.support.dicom_samples import write_series
from tests.support.web_stub import Reply, as_json, entry, web_stub

URL_PATHS = ("/studies", "/studies/1.2.3")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return sorted(write_series(tmp_path / "mine", np.zeros((3, 4, 5), np.int16)).iterdir())


def uids(files: list[Path]) -> list[str]:
    return [str(dcmread(file).SOPInstanceUID) for file in files]


def said(
    stored: list[str], failed: dict[str, int], warned: dict[str, int] | None = None
) -> dict[str, Any]:
    """Return the account of a server in DICOM's JSON."""
    referenced = [
        entry(ReferencedSOPInstanceUID=uid)
        | (entry(WarningReason=warned[uid]) if warned and uid in warned else {})
        for uid in stored
    ]
    refused = [
        entry(ReferencedSOPInstanceUID=uid, FailureReason=code) for uid, code in failed.items()
    ]
    return entry(ReferencedSOPSequence=referenced, FailedSOPSequence=refused)


def stored(files: list[Path], reply: Reply, study: str | None = None) -> Receipt:
    path = "/studies" if study is None else f"/studies/{study}"
    with web_stub({("POST", path): reply}) as stub:
        return store_files(Connection(stub.url), files, study)


def test_all_are_stored(files: list[Path]) -> None:
    confirmed = uids(files)
    assert stored(files, as_json(said(confirmed, {}))) == Receipt(tuple(confirmed))
    folder = [files[0].parent]
    assert stored(folder, as_json(said(confirmed, {})), "1.2.3").stored == tuple(confirmed)


@pytest.mark.parametrize("status", [200, 202, 409])
def test_some_are_refused(files: list[Path], status: int) -> None:
    one, two, three = uids(files)
    with pytest.raises(ServerError) as failed:
        stored(files, as_json(said([one], {two: 0x0122, three: 0xA9FF}), status))
    assert (
        f"refused 2 of 3 objects ({two}: the server does not take this kind of object (code 0122); "
        f"{three}: it does not match its kind of object (code A9FF)); the other 1 are stored"
    ) in str(failed.value)


def test_warnings_are_remarks(files: list[Path]) -> None:
    one, two, three = uids(files)
    receipt = stored(files, as_json(said([one, two, three], {}, {two: 0xB000}), 202))
    (remark,) = receipt.remarks
    assert remark.code == "stored-with-warning"
    assert f"stored {two}, but warns: the server changed some values (code B000)." in remark


@pytest.mark.parametrize("reply", [Reply(200), Reply(200, b"OK", {"Content-Type": "text/plain"})])
def test_a_server_that_says_nothing_is_not_taken_to_have_stored(
    files: list[Path], reply: Reply
) -> None:
    receipt = stored(files, reply)
    assert receipt.stored == ()
    assert codes_of(receipt.remarks) == {"store-unconfirmed"}
    assert "took 3 of 3 objects without saying" in receipt.remarks[0]


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (Reply(403), "does not allow this"),
        (Reply(409, b"a conflict"), r"refused the request \(409\)"),
        (as_json({}, 409), r"refused the request \(409\)"),
        (Reply(413), "no request of this size"),
        (Reply(200, b"[", {"Content-Type": "application/dicom+json"}), "not as DICOMweb does"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/x"}), "points elsewhere"),
    ],
)
def test_all_are_refused(files: list[Path], reply: Reply, match: str) -> None:
    with pytest.raises(ServerError, match=match):
        stored(files, reply)


def test_an_answer_in_xml(files: list[Path]) -> None:
    one, *_ = uids(files)
    xml = (
        '<NativeDicomModel><DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence">'
        '<Item number="1"><DicomAttribute tag="00081155" vr="UI" '
        f'keyword="ReferencedSOPInstanceUID"><Value number="1">{one}</Value></DicomAttribute>'
        "</Item></DicomAttribute></NativeDicomModel>"
    )
    reply = Reply(200, xml.encode(), {"Content-Type": "application/dicom+xml"})
    assert stored(files[:1], reply) == Receipt((one,))


def test_large_files_go_in_requests_of_their_own(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_AT_ONCE", 2 * files[0].stat().st_size)
    shown: list[tuple[float, int]] = []
    with web_stub({("POST", "/studies"): as_json(said(uids(files), {}))}) as stub:
        store_files(Connection(stub.url), files, progress=lambda done, of: shown.append((done, of)))
        assert len(stub.heard) == 2
        # No body in chunks, which many servers and proxies refuse.
        assert all("Content-Length" in headers for _, _, headers in stub.heard)
    assert shown == [(2, 3), (3, 3)]


def test_what_cannot_be_stored(files: list[Path], tmp_path: Path) -> None:
    text, empty = tmp_path / "text.dcm", tmp_path / "empty"
    text.write_text("text")
    empty.mkdir()
    kinds: dict[Path, type[FewsliceError]] = {
        text: ReadError,
        empty: InputError,
        tmp_path / "none.dcm": InputError,
    }
    for path, kind in kinds.items():
        with pytest.raises(kind, match=path.name):
            store_files(Connection("http://127.0.0.1:1"), [path])
