"""A DICOMweb server as one object: list, fetch, store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.fetch import Counted, fetch_series
from fewslice.io.dicomweb.find import (
    StoredSeries,
    StoredStudy,
    find_series,
    list_series,
    list_studies,
)
from fewslice.io.dicomweb.store import Receipt, store_files


@dataclass(frozen=True)
class DicomWebServer(Connection):
    """A DICOMweb server (QIDO-RS, WADO-RS, STOW-RS) and how to speak with it.

    Attributes
    ----------
    url : str
        Address of its DICOMweb services, such as ``https://pacs.example.org/dicom-web``.
    token : str, optional
        Sent as "Bearer" token.
    login : str, optional
        ``user:password``, for HTTP's basic authentication; not beside `token`.
    headers : mapping of str to str
        More headers to send, such as the key of a gateway.
    timeout : float
        Seconds of silence after which the server counts as lost.
    ca_file : str, optional
        Certificates (PEM) to trust in place of the usual ones.
    verify : bool
        Whether to check the server's certificate.

    Raises
    ------
    InputError
        If one of them cannot be used. No message, and no text of this object, repeats a secret.
    """

    def studies(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        names: bool = False,
        limit: int | None = None,
    ) -> list[StoredStudy]:
        """Return the studies on the server, the newest first.

        Parameters
        ----------
        filters
            What to search for, by DICOM's keywords: ``{"StudyDate": "20240101-", "PatientID":
            "17"}``. ``*`` stands for any text.
        names
            Whether to keep the patient's name and ID.
        limit
            How many at most; of more, the server chooses which.

        Raises
        ------
        ServerError
            If the server cannot be reached, refuses, or does not speak DICOMweb.
        InputError
            If DICOM has no such keyword.
        """
        return list_studies(self, filters, names=names, limit=limit)

    def series(self, study: str) -> list[StoredSeries]:
        """Return the series of a study (its UID), by number. Raises as `studies` does."""
        return list_series(self, study)

    def find(
        self, study: str | None = None, series: str | None = None, modalities: Sequence[str] = ()
    ) -> StoredSeries:
        """Return one series.

        Parameters
        ----------
        study
            UID of its study; None to look in all of them, which not every server does.
        series
            UID of the series or, if `study` is given, the end of it; None for the only one.
        modalities
            Those that count where `series` is None, such as ``("SEG",)``; by default all that can
            be a scan.

        Raises
        ------
        InputError
            If there is no such series, or several, which are listed.
        ServerError
            As `studies` does.
        """
        return find_series(self, study, series, modalities)

    def fetch(
        self,
        series: StoredSeries,
        folder: str | os.PathLike[str],
        progress: Counted | None = None,
    ) -> int:
        """Fetch a series into a new folder, a file an instance, as the server stores them.

        Parameters
        ----------
        series
            From `series` or `find`.
        folder
            Must be free or empty. It appears when everything is there and whole; on any failure
            nothing is left.
        progress
            Called with how many of how many instances are done.

        Returns
        -------
        int
            The number of instances.

        Raises
        ------
        ServerError, InputError
            As `find` does; also if instances are missing or damaged.
        WriteError
            If the folder cannot be written.
        """
        return fetch_series(self, series, Path(folder), progress)

    def store(
        self,
        paths: Sequence[str | os.PathLike[str]],
        study: str | None = None,
        progress: Counted | None = None,
    ) -> Receipt:
        """Store DICOM files, such as a SEG that `write_labels` wrote.

        Parameters
        ----------
        paths
            Files, or folders of them.
        study
            UID of the study that they must belong to; the server refuses others.
        progress
            Called with how many of how many files are done.

        Returns
        -------
        Receipt
            The UIDs that the server confirmed, and remarks where it warns or says nothing.

        Raises
        ------
        ServerError
            If it refuses some: says which and why. The others are stored.
        ReadError
            If a file is no DICOM or damaged.
        """
        return store_files(self, [Path(path) for path in paths], study, progress)
