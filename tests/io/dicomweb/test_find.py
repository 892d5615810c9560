"""Studies and series on a server, and which one is meant."""

from __future__ import annotations

from typing import Any

import pytest

from fewslice.errors import InputError
from fewslice.io.dicomweb import find
from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.find import (
    StoredSeries,
    StoredStudy,
    find_series,
    is_uid,
    list_instances,
    list_series,
    list_studies,
)
from tests.support.web_stub import Reply, as_json, entry, web_stub

STUDY = {
    "StudyInstanceUID": "1.2.3",
    "StudyDate": "19030625",
    "StudyDescription": "Thorax\x1b[2J",  # what would clear a terminal
    "ModalitiesInStudy": ["CT", "SEG"],
    "NumberOfStudyRelatedSeries": 2,
    "NumberOfStudyRelatedInstances": "7",
    "PatientName": {"Alphabetic": "Curie^Marie"},
    "PatientID": "P-1867",
}


def series(uid: str, modality: str = "CT", **more: Any) -> dict[str, Any]:
    return entry(StudyInstanceUID="1.2.3", SeriesInstanceUID=uid, Modality=modality, **more)


def test_a_study_as_the_server_lists_it() -> None:
    with web_stub({("GET", "/studies"): as_json([entry(**STUDY)])}) as stub:
        (plain,) = list_studies(Connection(stub.url), {"PatientID": "P-*"}, limit=1)
        (named,) = list_studies(Connection(stub.url), names=True, limit=1)
    assert plain == StoredStudy("1.2.3", "19030625", "Thorax[2J", ("CT", "SEG"), 2, 7)
    assert (named.patient, named.patient_id) == ("Curie^Marie", "P-1867")
    assert "Curie" not in repr(named)
    asked = stub.heard[0][1]
    assert (asked["PatientID"], asked["limit"], asked["offset"]) == (["P-*"], ["1"], ["0"])
    assert "StudyDescription" in asked["includefield"]


def test_what_a_server_does_not_say_is_unknown() -> None:
    with web_stub({("GET", "/studies"): as_json([entry(StudyInstanceUID="1.2")])}) as stub:
        assert list_studies(Connection(stub.url), limit=1) == [
            StoredStudy("1.2", "", "", (), None, None)
        ]


def test_the_newest_study_comes_first() -> None:
    dates = {"1.1": "20200101", "1.2": "20240101", "1.3": "20190101"}
    entries = [entry(StudyInstanceUID=uid, StudyDate=date) for uid, date in dates.items()]
    with web_stub({("GET", "/studies"): as_json(entries)}) as stub:
        found = list_studies(Connection(stub.url), limit=3)
        assert [each.uid for each in found] == ["1.2", "1.1", "1.3"]
        # A server that ignores the limit is held to it all the same.
        assert len(list_studies(Connection(stub.url), limit=2)) == 2


def test_a_server_that_begins_every_page_anew_does_not_keep_us_for_ever() -> None:
    with web_stub({("GET", "/studies"): as_json([entry(StudyInstanceUID="1.2")])}) as stub:
        assert len(list_studies(Connection(stub.url))) == 1
        assert len(stub.heard) == 2


def test_an_unknown_element_is_refused() -> None:
    with pytest.raises(InputError, match="no element 'Name' to search for"):
        list_studies(Connection("http://127.0.0.1:1"), {"Name": "Curie"})


def test_series_are_listed_by_number() -> None:
    entries = [
        series("1.2.3.1"),
        series("1.2.3.2", SeriesNumber=10),
        series("1.2.3.3", "SEG", SeriesNumber=2, NumberOfSeriesRelatedInstances=1),
    ]
    with web_stub({("GET", "/1.2.3/series"): as_json(entries)}) as stub:
        found = list_series(Connection(stub.url), "1.2.3")
    assert [each.uid for each in found] == ["1.2.3.3", "1.2.3.2", "1.2.3.1"]
    assert found[0] == StoredSeries("1.2.3", "1.2.3.3", "SEG", "", "", 2, 1)
    assert [each.holds_images for each in found] == [False, True, True]


def test_instances_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_PAGE", 2)
    asked: list[dict[str, Any]] = []

    def search(**given: Any) -> list[dict[str, Any]]:
        asked.append(given)
        start = given["offset"]
        return [entry(SOPInstanceUID=f"1.{n}") for n in range(1, 6)][start : start + given["limit"]]

    found = [find._uid(each, "SOPInstanceUID") for each in find._pages(search, "SOPInstanceUID", 4)]
    assert found == ["1.1", "1.2", "1.3", "1.4"]
    assert asked == [{"limit": 2, "offset": 0}, {"limit": 2, "offset": 2}]


def test_the_instances_of_a_series() -> None:
    entries = [entry(SOPInstanceUID="1.5"), entry(SOPInstanceUID="1.6")]
    with web_stub({("GET", "/series/1.4/instances"): as_json(entries)}) as stub:
        one = StoredSeries("1.2.3", "1.4", "CT", "", "", None, None)
        assert list_instances(Connection(stub.url), one) == {"1.5", "1.6"}


ENTRIES = [
    series("1.2.3.14", SeriesDescription="Lung", NumberOfSeriesRelatedInstances=300),
    series("1.2.3.24"),
    series("1.2.3.35", "SEG"),
]


def found(**given: Any) -> str:
    """Return which series is found in the study of `ENTRIES`, or in all of them."""
    replies = {
        ("GET", "/1.2.3/series"): as_json(ENTRIES),
        ("GET", "/9.9/series"): Reply(200, b"[]"),
        ("GET", "/8.8/series"): Reply(404),
        ("GET", "/dicom-web/series"): as_json(ENTRIES),  # ignores what is searched for
    }
    with web_stub(replies) as stub:
        return find_series(Connection(stub.url), **given).uid


@pytest.mark.parametrize(
    ("given", "uid"),
    [
        ({"study": "1.2.3", "wanted": "1.2.3.14"}, "1.2.3.14"),
        ({"study": "1.2.3", "wanted": "24"}, "1.2.3.24"),
        ({"study": "1.2.3", "modalities": ("SEG", "RTSTRUCT")}, "1.2.3.35"),
        ({"study": None, "wanted": "1.2.3.24"}, "1.2.3.24"),
    ],
)
def test_the_series_that_is_meant(given: dict[str, Any], uid: str) -> None:
    assert found(**given) == uid


@pytest.mark.parametrize(
    ("given", "said"),
    [
        # Several: all of them are listed, the SEG is none of them.
        (
            {"study": "1.2.3"},
            "The study 1.2.3 has 2 image series: 'Lung' (CT, instances: 300, UID 1.2.3.14); "
            "'without description' (CT, instances: ?, UID 1.2.3.24); choose one by its UID",
        ),
        ({"study": "1.2.3", "wanted": ".4"}, "there is no series .4; choose one by its UID"),
        ({"study": "1.2.3", "wanted": "4"}, "there is no series 4"),  # one digit says nothing
        ({"study": "1.2.3", "modalities": ("RTSTRUCT",)}, "has 0 RTSTRUCT series: 'Lung'"),
        ({"study": "9.9"}, "There is no study 9.9 on http://127.0.0.1"),
        ({"study": "8.8"}, "There is no study 8.8 on http://127.0.0.1"),
        ({"study": None}, "No series is named; give the UID of a series, or --study"),
        ({"study": None, "wanted": "1.2.9"}, "There is no series 1.2.9 on http://127.0.0.1"),
        ({"study": None, "wanted": "../x"}, "'../x' is not the UID of a series"),
        ({"study": "1/2"}, "'1/2' is not the UID of a study"),
    ],
)
def test_none_or_several_are_listed(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        found(**given)
    assert said in str(refused.value)


def test_identifiers() -> None:
    assert all(map(is_uid, ("1", "1.2.840.10008", "1.02")))
    assert not any(map(is_uid, ("", ".", "..", "1.", ".1", "1/2", "1.a", "1." + "2" * 63, "١")))
