"""Storing DICOM files on a server (STOW-RS), and understanding what it says to that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewslice.errors import InputError, Remark, ServerError
from fewslice.io.dicom.files import damage_named, dicom_files
from fewslice.io.dicom.kinds import read_whole
from fewslice.io.dicomweb.connection import Connection, client
from fewslice.io.dicomweb.failures import failures_named
from fewslice.io.dicomweb.fetch import Counted

_WHOLE = 2**62  # no body is sent in chunks: many servers and proxies refuse those
_AT_ONCE = 32_000_000  # bytes of files in one request
_MOST_LISTED = 5
_ANSWERED = (202, 400, 409)  # with an account of every instance, though not all are stored

# PS3.18, Store Instances Response, and PS3.4 annex B.
_REASONS = {
    0x0106: "values that are not valid",
    0x0110: "a failure while it was processed",
    0x0111: "the server has it already",
    0x0117: "its UID is not valid",
    0x0118: "there is no such kind of object",
    0x0122: "the server does not take this kind of object",
    0x0124: "not authorised",
    0x0212: "values were mistyped",
    0x0272: "the transfer syntax is not supported",
    0xA700: "the server is out of space",
    0xA770: "the transfer syntax is not supported",
    0xA773: "it contradicts what the server has",
    0xB000: "the server changed some values",
    0xB006: "the server left some elements out",
    0xB007: "it does not match its kind of object",
    0xC122: "the transfer syntax is not supported",
}
_CLASSES = {
    0xA700: "the server is out of space",
    0xA900: "it does not match its kind of object",
    0xC000: "the server cannot understand it",
}


@dataclass(frozen=True)
class Receipt:
    """What a server said of the objects that it was sent.

    Attributes
    ----------
    stored : tuple of str
        UIDs of those it confirmed.
    refused : tuple of (str, str)
        UID of those it refused, and why.
    remarks : tuple of str
        What it says of those it stored, and which it says nothing of.
    """

    stored: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    remarks: tuple[Remark, ...] = ()


def store_files(
    connection: Connection,
    paths: Sequence[Path],
    study: str | None = None,
    progress: Counted | None = None,
) -> Receipt:
    """Store files, or those in folders. See `DicomWebServer.store`."""
    files = [file for path in paths for file in _files(path)]
    receipt, done = Receipt(), 0
    for batch in _batches(files):
        receipt = _joined(receipt, _stored(connection, batch, study))
        done += len(batch)
        if progress is not None:
            progress(done, len(files))
    if receipt.refused:
        raise ServerError(_partly(connection, receipt, len(files)))
    return receipt


def _stored(connection: Connection, files: Sequence[Path], study: str | None) -> Receipt:
    from requests.exceptions import HTTPError

    datasets = [read_whole(file) for file in files]
    sent = [_uid(file, dataset) for file, dataset in zip(files, datasets, strict=True)]
    with failures_named(connection), client(connection, _WHOLE) as web:
        try:
            answer = web.store_instances(datasets, study)
        except HTTPError as error:
            answer = _account(error.response)
            if answer is None:
                raise
    with failures_named(connection):
        return _receipt(connection, answer, sent)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = dicom_files(path)
        if not found:
            raise InputError(f"{path} holds no DICOM files; name those to store.")
        return found
    if not path.is_file():
        raise InputError(f"{path} does not exist; name the DICOM files to store.")
    return [path]


def _batches(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield files that go in one request: several small ones, or a large one alone."""
    batch: list[Path] = []
    size = 0
    for file in files:
        own = file.stat().st_size
        if batch and size + own > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += own
    if batch:
        yield batch


def _uid(file: Path, dataset: Any) -> str:
    with damage_named(file):
        uid = str(dataset.get("SOPInstanceUID", ""))
    if not uid:
        raise InputError(f"{file} has no SOP Instance UID, so that no server can store it.")
    return uid


def _account(response: Any) -> Any:
    """Return what a server says of each instance although not all are stored; None if nothing."""
    from pydicom import Dataset

    if response is None or response.status_code not in _ANSWERED:
        return None
    try:
        answer = Dataset.from_json(response.json())
    except Exception:  # noqa: BLE001 - it is no account, and the status says enough
        return None
    told = ("FailedSOPSequence", "ReferencedSOPSequence")
    return answer if any(answer.get(name) for name in told) else None


def _receipt(connection: Connection, answer: Any, sent: Sequence[str]) -> Receipt:
    refused = {
        _named(item): _reason(item, "FailureReason")
        for item in answer.get("FailedSOPSequence") or []
    }
    stored, remarks = [], []
    for item in answer.get("ReferencedSOPSequence") or []:
        uid = _named(item)
        stored.append(uid)
        if item.get("WarningReason"):
            warning = _reason(item, "WarningReason")
            remarks.append(
                Remark(
                    "stored-with-warning", f"{connection.url} stored {uid}, but warns: {warning}."
                )
            )
    untold = [uid for uid in sent if uid not in stored and uid not in refused]
    if untold:
        remarks.append(
            Remark(
                "store-unconfirmed",
                f"{connection.url} took {len(untold)} of {len(sent)} objects without saying that "
                f"they are stored (such as {untold[0]}); look there whether they are.",
            )
        )
    return Receipt(tuple(stored), tuple(refused.items()), tuple(remarks))


def _named(item: Any) -> str:
    return str(item.get("ReferencedSOPInstanceUID", "") or "an object without UID")


def _reason(item: Any, keyword: str) -> str:
    """Return a code in words, with the code."""
    code = int(item.get(keyword) or 0)
    words = _REASONS.get(code) or _CLASSES.get(code & 0xFF00) or _CLASSES.get(code & 0xF000)
    return f"{words or 'for a reason of its own'} (code {code:04X})"


def _joined(one: Receipt, other: Receipt) -> Receipt:
    return Receipt(
        one.stored + other.stored, one.refused + other.refused, one.remarks + other.remarks
    )


def _partly(connection: Connection, receipt: Receipt, count: int) -> str:
    shown = "; ".join(f"{uid}: {reason}" for uid, reason in receipt.refused[:_MOST_LISTED])
    more = len(receipt.refused) - _MOST_LISTED
    rest = count - len(receipt.refused)
    others = f"; the other {rest} are stored" if rest > 0 else ""
    return (
        f"{connection.url} refused {len(receipt.refused)} of {count} objects ({shown}"
        f"{f'; and {more} more' if more > 0 else ''}){others}: mend those, or ask who runs it."
    )
