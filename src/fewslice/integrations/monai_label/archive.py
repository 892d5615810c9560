"""Scans that clients name by the UID of their DICOM series, and the server where these lie.

OHIF shows what lies on a DICOMweb server, and knows a scan only by its series. A series that the
project does not have yet is fetched when it is asked for first, and labels of it are stored on
that server as DICOM SEG.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from fewslice.errors import AccessError, FewsliceError, InputError, NotFoundError, ServerError
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.dicom.files import dicom_files, read_header
from fewslice.io.dicomweb.find import is_uid
from fewslice.io.dicomweb.server import DicomWebServer
from fewslice.io.write import write_labels
from fewslice.project.adding import add_scan
from fewslice.project.blindness import sees_others
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.people import Person
from fewslice.project.scans import ScanRow, find_scan, list_scans, read_scan
from fewslice.project.structures import list_structures
from fewslice.volumes import LabelMap
from fewslice.volumes.image import UNKNOWN, LabelArray


@dataclass(frozen=True)
class Series:
    """What of a DICOM series a viewer needs to open it; nothing of the patient."""

    uid: str
    study: str
    modality: str


@dataclass(frozen=True, eq=False)
class Archive:
    """The scans of a project by their series.

    server: where they lie, if on one. proxied: whether viewers may ask it through this one.
    """

    server: DicomWebServer | None = None
    proxied: bool = False
    _known: dict[str, Series | None] = field(default_factory=dict)
    _fetching: Lock = field(default_factory=Lock)

    def scan(self, project: Project, image: str, by: int, folder: Path) -> ScanRow:
        """Return the scan that a client calls `image`: its name, number, or the UID of its series.

        by: the person for whom a series is added that only the server has. folder: for its files on
        the way. Raises NotFoundError if there is none; ServerError if it cannot be fetched.
        """
        try:
            return find_scan(project, image)
        except NotFoundError:
            pass
        found = self._of_series(project, image) if is_uid(image) else None
        if found is None and self.server is not None and is_uid(image):
            found = self._fetched(project, self.server, image, by, folder)
        if found is None:
            raise NotFoundError(
                f"There is no scan {image!r} in the project; fewslice project list shows their "
                "names."
            )
        return found

    def shared_scan(self, project: Project, image: str, person: Person, folder: Path) -> ScanRow:
        """Return a scan whose labels a person may see and change here.

        Raises what `scan` does, and AccessError where people annotate it independently: the
        protocol knows only one drawing of a scan.
        """
        row = self.scan(project, image, person.id, folder)
        if not sees_others(project, row, person):
            raise AccessError(
                f"The scan {row.name!r} is annotated independently, and this protocol would show "
                "what others draw; open it in the project's page."
            )
        return row

    def series(self, row: ScanRow) -> Series | None:
        """Return the series of a scan; None if it is no DICOM, or a folder of several series."""
        if row.hash not in self._known:
            self._known[row.hash] = _series(row)
        return self._known[row.hash]

    def store(self, project: Project, row: ScanRow, folder: Path) -> None:
        """Store what is drawn on a scan as DICOM SEG, if the scan lies on the server.

        Raises ServerError if the server refuses it; the project keeps the labels all the same.
        """
        series = self.series(row)
        if self.server is None or series is None:
            return
        labels = drawing(project, row.id).drawing.labels()
        if not np.any((labels != 0) & (labels != UNKNOWN)):
            return
        path = write_segmentation(project, row, labels, folder)
        try:
            self.server.store([path], series.study)
        except FewsliceError as error:
            raise ServerError(
                f"The labels are kept in the project, but not on the DICOMweb server: {error}"
            ) from error

    def _of_series(self, project: Project, uid: str) -> ScanRow | None:
        for row in list_scans(project):
            series = self.series(row)
            if series is not None and series.uid == uid:
                return row
        return None

    def _fetched(
        self, project: Project, server: DicomWebServer, uid: str, by: int, folder: Path
    ) -> ScanRow | None:
        with self._fetching:  # two requests for one series must not add it twice
            try:
                return find_scan(project, uid)
            except NotFoundError:
                pass
            try:
                found = server.find(series=uid)
            except InputError:
                return None  # there is no such series
            server.fetch(found, folder / "fetched")
            return add_scan(project, folder / "fetched", name=uid, by=by, copy=True)


def write_segmentation(project: Project, row: ScanRow, labels: LabelArray, folder: Path) -> Path:
    """Write labels of a scan as DICOM SEG. Raises InputError if the scan is no DICOM."""
    if not _is_dicom(row):
        raise InputError(
            f"The scan {row.name!r} is no DICOM series, to which a DICOM SEG could refer; ask for "
            "another format."
        )
    image = read_scan(project, row.id)
    structures = list_structures(project)
    path = folder / "labels.dcm"
    known = np.where(labels == UNKNOWN, 0, labels)
    output = DicomOutput(row.paths[0], {each.value: each.name for each in structures})
    write_labels(path, LabelMap(known, image.geometry, image.stored), dicom=output)
    return path


def _is_dicom(row: ScanRow) -> bool:
    return len(row.paths) == 1 and bool(_files(row.paths[0]))


def _series(row: ScanRow) -> Series | None:
    files = _files(row.paths[0]) if len(row.paths) == 1 else []
    found: set[Series] = set()
    for file in files:
        try:
            header = read_header(file)
        except FewsliceError:
            return None
        found.add(
            Series(
                str(header.get("SeriesInstanceUID", "")),
                str(header.get("StudyInstanceUID", "")),
                str(header.get("Modality", "")),
            )
        )
        if len(found) > 1:
            return None
    return found.pop() if found else None


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return dicom_files(path)
    return [path] if path.suffix.lower() == ".dcm" and path.is_file() else []
