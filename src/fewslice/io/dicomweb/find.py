"""What is on a server: studies, their series, the instances of one (QIDO-RS)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fewslice.errors import InputError, ServerError
from fewslice.io.dicomweb.connection import Connection, client
from fewslice.io.dicomweb.failures import failures_named

LABEL_MODALITIES = ("SEG", "RTSTRUCT")

_PAGE = 500
_MOST_LISTED = 12
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_NO_IMAGES = (*LABEL_MODALITIES, "RTPLAN", "RTRECORD", "SR", "PR", "KO", "REG", "DOC", "ECG", "AU")
_OF_STUDY = ("StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedSeries")
_OF_SERIES = ("SeriesDescription", "SeriesDate", "SeriesNumber", "NumberOfSeriesRelatedInstances")

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class StoredStudy:
    """A study on a server.

    Attributes
    ----------
    uid, date, description : str
        What the server says; "" where it says nothing. The date as DICOM writes it, YYYYMMDD.
    modalities : tuple of str
        Of its series.
    series, instances : int, optional
        How many it has; None where the server does not say.
    patient, patient_id : str
        Only if they were asked for.
    """

    uid: str
    date: str
    description: str
    modalities: tuple[str, ...]
    series: int | None
    instances: int | None
    patient: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)


@dataclass(frozen=True)
class StoredSeries:
    """A series on a server.

    Attributes
    ----------
    study, uid, modality, description, date : str
        What the server says; "" where it says nothing. study: its UID.
    number, instances : int, optional
        Its number, and how many instances it has; None where the server does not say.
    """

    study: str
    uid: str
    modality: str
    description: str
    date: str
    number: int | None
    instances: int | None

    @property
    def holds_images(self) -> bool:
        """Whether it can be a scan: not if it is a segmentation, report, plan or the like."""
        return self.modality not in _NO_IMAGES


def list_studies(
    connection: Connection,
    filters: Mapping[str, str] | None = None,
    *,
    names: bool = False,
    limit: int | None = None,
) -> list[StoredStudy]:
    """Return studies, the newest first. See `DicomWebServer.studies`."""
    asked = {"fields": _OF_STUDY, "search_filters": _checked_filters(filters or {})}
    with failures_named(connection), client(connection) as web:
        entries = list(_pages(web.search_for_studies, "StudyInstanceUID", limit, **asked))
        found = [_study(entry, names) for entry in entries]
    return sorted(found, key=lambda study: (study.date, study.uid), reverse=True)


def list_series(
    connection: Connection, study: str | None, filters: Mapping[str, str] | None = None
) -> list[StoredSeries]:
    """Return the series of a study by number; study: its UID, None for all studies."""
    asked = {"fields": _OF_SERIES, "search_filters": _checked_filters(filters or {})}
    if study is not None:
        _require_uid(study, "study")
    missing = None if study is None else f"There is no study {study} on {connection.url}."
    with failures_named(connection, missing), client(connection) as web:
        pages = _pages(
            web.search_for_series, "SeriesInstanceUID", None, study_instance_uid=study, **asked
        )
        found = [_series(entry, study) for entry in pages]
    return sorted(found, key=lambda each: (each.number is None, each.number or 0, each.uid))


def list_instances(connection: Connection, series: StoredSeries) -> set[str]:
    """Return the UIDs of the instances of a series."""
    within = {"study_instance_uid": series.study, "series_instance_uid": series.uid}
    with failures_named(connection), client(connection) as web:
        pages = _pages(web.search_for_instances, "SOPInstanceUID", None, **within)
        return {_uid(entry, "SOPInstanceUID") for entry in pages}


def find_series(
    connection: Connection,
    study: str | None,
    wanted: str | None = None,
    modalities: Sequence[str] = (),
) -> StoredSeries:
    """Return the series that is meant, or raise InputError, which lists those there are.

    study: UID; None to look in all, which not every server does. wanted: UID of the series or the
    end of it; None for the only one. modalities: those that count; () for all that can be a scan.
    """
    if study is None:
        return _by_uid(connection, wanted)
    listed = list_series(connection, study)
    if not listed:
        raise InputError(
            f"There is no study {study} on {connection.url}, or it is empty; fewslice dicomweb "
            "list shows those there are."
        )
    if wanted is None:
        fitting = [each for each in listed if _counts(each, modalities)]
        if len(fitting) == 1:
            return fitting[0]
        kind = " or ".join(modalities) or "image"
        raise InputError(
            f"The study {study} has {len(fitting)} {kind} series: {named(fitting or listed)}; "
            "choose one by its UID or the end of it."
        )
    fitting = [each for each in listed if len(wanted) > 1 and each.uid.endswith(wanted)]
    exact = [each for each in fitting if each.uid == wanted] or fitting
    if len(exact) == 1:
        return exact[0]
    found = f"{len(exact)} series end with" if exact else "there is no series"
    raise InputError(
        f"In the study {study} {found} {wanted}; choose one by its UID or the end of it: "
        f"{named(exact or listed)}."
    )


def named(series: Sequence[StoredSeries]) -> str:
    """Return series as text for a message."""
    more = len(series) - _MOST_LISTED
    shown = "; ".join(_named(each) for each in series[:_MOST_LISTED])
    return shown + (f"; and {more} more" if more > 0 else "")


def _named(series: StoredSeries) -> str:
    count = "?" if series.instances is None else str(series.instances)
    return (
        f"'{series.description or 'without description'}' ({series.modality or 'no modality'}, "
        f"instances: {count}, UID {series.uid})"
    )


def _counts(series: StoredSeries, modalities: Sequence[str]) -> bool:
    return series.modality in modalities if modalities else series.holds_images


def _by_uid(connection: Connection, wanted: str | None) -> StoredSeries:
    if wanted is None:
        raise InputError(
            "No series is named; give the UID of a series, or --study with that of its study."
        )
    _require_uid(wanted, "series")
    found = list_series(connection, None, {"SeriesInstanceUID": wanted})
    found = [each for each in found if each.uid == wanted]  # some servers ignore filters
    if found:
        return found[0]
    raise InputError(
        f"There is no series {wanted} on {connection.url}, or it only looks within studies; name "
        "its study with --study UID."
    )


def _pages(search: Any, key: str, limit: int | None, **given: Any) -> Iterator[Entry]:
    """Yield what a search finds, page by page, each once.

    key: the element that tells entries apart. Some servers ignore where a page should begin.
    """
    seen: set[str] = set()
    while limit is None or len(seen) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(seen))
        page = {_uid(entry, key): entry for entry in search(limit=size, offset=len(seen), **given)}
        new = [uid for uid in page if uid not in seen][:size]
        if not new:
            return
        seen.update(new)
        yield from (page[uid] for uid in new)


def _study(entry: Entry, names: bool) -> StoredStudy:
    return StoredStudy(
        _uid(entry, "StudyInstanceUID"),
        _text(entry, "StudyDate"),
        _text(entry, "StudyDescription"),
        tuple(_texts(entry, "ModalitiesInStudy")),
        _number(entry, "NumberOfStudyRelatedSeries"),
        _number(entry, "NumberOfStudyRelatedInstances"),
        _text(entry, "PatientName") if names else "",
        _text(entry, "PatientID") if names else "",
    )


def _series(entry: Entry, study: str | None) -> StoredSeries:
    return StoredSeries(
        study or _uid(entry, "StudyInstanceUID"),
        _uid(entry, "SeriesInstanceUID"),
        _text(entry, "Modality"),
        _text(entry, "SeriesDescription"),
        _text(entry, "SeriesDate") or _text(entry, "StudyDate"),
        _number(entry, "SeriesNumber"),
        _number(entry, "NumberOfSeriesRelatedInstances"),
    )


def _texts(entry: Entry, keyword: str) -> list[str]:
    """Return the values of an element in DICOM's JSON, without what could steer a terminal."""
    from pydicom.datadict import tag_for_keyword

    values = entry.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or []
    plain = [value.get("Alphabetic", "") if isinstance(value, dict) else value for value in values]
    texts = [str(value) for value in plain if value is not None]
    return ["".join(letter for letter in text if letter.isprintable()).strip() for text in texts]


def _text(entry: Entry, keyword: str) -> str:
    return next(iter(_texts(entry, keyword)), "")


def _number(entry: Entry, keyword: str) -> int | None:
    text = _text(entry, keyword)
    return int(text) if re.fullmatch(r"[+-]?\d{1,12}", text) else None


def _uid(entry: Entry, keyword: str) -> str:
    """Return an identifier, which becomes part of addresses and file names, or raise."""
    uid = _text(entry, keyword)
    if not is_uid(uid):
        raise ServerError(
            f"The server lists something without a valid {keyword}; expected digits and dots: ask "
            "who runs it."
        )
    return uid


def is_uid(text: str) -> bool:
    """Whether a text is an identifier of DICOM; leading zeros, which are common, are let pass."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _require_uid(text: str, what: str) -> None:
    if not is_uid(text):
        raise InputError(
            f"{text!r} is not the UID of a {what}; expected digits and dots, as fewslice dicomweb "
            "list shows them."
        )


def _checked_filters(filters: Mapping[str, str]) -> dict[str, str]:
    from pydicom.datadict import tag_for_keyword

    for name in filters:
        if tag_for_keyword(name) is None:
            raise InputError(
                f"DICOM has no element {name!r} to search for; expected a keyword such as "
                "PatientID, AccessionNumber, StudyDate or ModalitiesInStudy."
            )
    return dict(filters)
