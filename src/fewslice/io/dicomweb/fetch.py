"""A series of a server as a folder of files (WADO-RS): all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fewslice.errors import InputError, ReadError, ServerError
from fewslice.io.atomic import atomic_folder
from fewslice.io.dicom.files import read_header
from fewslice.io.dicomweb.connection import Connection, client
from fewslice.io.dicomweb.failures import failures_named
from fewslice.io.dicomweb.find import StoredSeries, is_uid, list_instances

Counted = Callable[[float, int], None]
"""Called with how many of how many instances are done."""

# As the server has them: whatever is compressed stays as it is, and nothing is lost on the way.
_AS_STORED = (("application/dicom", "*"),)


def fetch_series(
    connection: Connection, series: StoredSeries, folder: Path, progress: Counted | None = None
) -> int:
    """Write each instance as a file named by its UID, and return their number.

    See `DicomWebServer.fetch`.
    """
    expected = list_instances(connection, series)
    if not expected:
        raise _none_there(connection, series)
    with atomic_folder(folder) as temporary:
        for number, file in enumerate(_written(connection, series, temporary), 1):
            _require_whole(connection, file)
            if progress is not None:
                progress(number, max(number, len(expected)))
        missing = expected - {file.stem for file in temporary.iterdir()}
        if missing:
            raise ServerError(
                f"{connection.url} sent {len(expected) - len(missing)} of the {len(expected)} "
                f"instances of the series {series.uid}; nothing of it is kept: try again."
            )
        return sum(1 for _ in temporary.iterdir())


def _written(connection: Connection, series: StoredSeries, folder: Path) -> Iterator[Path]:
    missing = str(_none_there(connection, series))
    with failures_named(connection, missing), client(connection) as web:
        sent = web.iter_series(series.study, series.uid, media_types=_AS_STORED)
        for dataset in sent:
            yield _write(connection, dataset, folder)


def _write(connection: Connection, dataset: Any, folder: Path) -> Path:
    uid = str(dataset.get("SOPInstanceUID", ""))
    if not is_uid(uid):  # a name such as ../x must not become that of a file
        raise ServerError(
            f"{connection.url} sent an instance without a valid UID; nothing is kept of its "
            "series: ask who runs the server."
        )
    file = folder / f"{uid}.dcm"
    dataset.save_as(file, enforce_file_format=True)
    return file


def _require_whole(connection: Connection, file: Path) -> None:
    try:
        read_header(file)
    except ReadError:
        raise ServerError(
            f"{connection.url} sent an instance that is damaged or cut off ({file.stem}); nothing "
            "is kept of its series: try again."
        ) from None


def _none_there(connection: Connection, series: StoredSeries) -> InputError:
    return InputError(
        f"There is no series {series.uid} in the study {series.study} on {connection.url}; "
        "fewslice dicomweb list shows those there are."
    )
