"""A scan on a DICOMweb server, and labels of it, as files for as long as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fewslice.batch.jobs import CountProgress, uncounted
from fewslice.errors import InputError
from fewslice.io.dicomweb.find import LABEL_MODALITIES, StoredSeries, is_uid
from fewslice.io.dicomweb.server import DicomWebServer


@dataclass(frozen=True)
class StoredCase:
    """What is to be segmented. scan: folder of its series. labels: file of what is drawn."""

    scan: Path
    labels: Path | None


def find_labels(
    server: DicomWebServer, scan: StoredSeries, given: str | None
) -> Path | StoredSeries | None:
    """Return labels by what a person gave.

    given: a file or folder; the UID of a series in the study of the scan, or the end of it; "seg"
    for the only DICOM SEG or RTSTRUCT there. Raises InputError.
    """
    if given is None:
        return None
    path = Path(given)
    if path.exists():
        return path
    if given.lower() == "seg":
        return server.find(scan.study, modalities=LABEL_MODALITIES)
    if is_uid(given.removeprefix(".")):
        return server.find(scan.study, given)
    raise InputError(
        f"{given} does not exist; expected a label map, the UID of a DICOM SEG or RTSTRUCT series "
        "in the study of the scan, or seg for the only one."
    )


@contextmanager
def stored_case(
    server: DicomWebServer,
    scan: StoredSeries,
    labels: Path | StoredSeries | None = None,
    *,
    keep: Path | None = None,
    progress: CountProgress = uncounted,
) -> Iterator[StoredCase]:
    """Yield a series, and labels if they are on the server too, as files; remove them at the end.

    keep: a new folder where the scan stays. progress: of fetching the scan. Raises ServerError,
    InputError and WriteError as `DicomWebServer.fetch` does.
    """
    with TemporaryDirectory(prefix="fewslice-") as place:
        if isinstance(labels, StoredSeries):
            labels = _only_file(server, labels, Path(place) / "labels")
        folder = keep or Path(place) / "scan"
        server.fetch(scan, folder, progress)
        yield StoredCase(folder, labels)


def _only_file(server: DicomWebServer, series: StoredSeries, folder: Path) -> Path:
    """Fetch a series of labels, which must be one object."""
    count = server.fetch(series, folder)
    if count > 1:
        raise InputError(
            f"The series {series.uid} holds {count} objects; expected one DICOM SEG or RTSTRUCT: "
            "fetch it (fewslice dicomweb fetch) and give one of its files as labels."
        )
    return next(folder.iterdir())
