"""Names of structures and their codes in SNOMED CT."""

from __future__ import annotations

import pytest
from pydicom.multival import MultiValue

from fewslice.io.dicom.segments import label_text, segments_of, snomed_codes
from fewslice.volumes.colours import structure_colour


@pytest.mark.parametrize(
    ("name", "category", "kind", "side"),
    [
        ("Liver", "91723000", "10200004", None),
        ("left kidney", "91723000", "64033007", "7771000"),
        ("kidney_right", "91723000", "64033007", "24028007"),
        ("LeftLung", "91723000", "39607008", "7771000"),
        ("Lungs", "91723000", "39607008", None),
        ("Tumour", "49755003", "108369006", None),
        ("Structure 1", "85756007", "85756007", None),
        ("", "85756007", "85756007", None),
    ],
)
def test_codes_follow_from_names(name: str, category: str, kind: str, side: str | None) -> None:
    found = snomed_codes(name)
    assert (found.category.value, found.type.value) == (category, kind)
    assert (found.side.value if found.side else None) == side
    assert found.known == (kind != "85756007")


def test_structures_without_a_name_get_their_number() -> None:
    segments = segments_of((2, 9), {9: "x" * 80}, {9: (0.5, 0.0, 1.0)})
    assert [segment.name for segment in segments] == ["Structure 2", "x" * 64]
    assert segments[0].colour == structure_colour(0)
    assert segments[1].colour == (0.5, 0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (r"a\b", "a/b"),
        ("two\nlines\tand\x7f more", "two lines and  more"),
        ("  ", "Structure 1"),
        ("\n", "Structure 1"),
        ("Größe", "Größe"),
    ],
)
def test_names_hold_only_what_dicom_allows(name: str, written: str) -> None:
    (segment,) = segments_of((1,), {1: name}, {})
    assert segment.name == written


def test_a_label_of_several_values_is_one_text() -> None:
    assert label_text(MultiValue(str, ["a", "b"])) == r"a\b"
    assert label_text("liver ") == "liver"
    assert label_text(None) == ""
