"""Words for people."""

from __future__ import annotations

from fewslice.annotation.counts import AnnotatedSlice
from fewslice.annotation.phrases import (
    annotated_text,
    counted,
    slices_text,
    source_text,
    volume_text,
)


def test_slices_read_like_a_person_would_write_them() -> None:
    places = [("axial", 3), ("axial", 4), ("axial", 5), ("axial", 8), ("axial", 9), ("coronal", 1)]
    assert slices_text(places) == "axial 3-5, 8, 9; coronal 1"
    assert slices_text([]) == ""


def test_nouns_agree_with_their_number() -> None:
    assert [counted(n, "slice") for n in (0, 1, 2)] == ["0 slices", "1 slice", "2 slices"]


def test_slices_with_nothing_on_them_are_told_apart() -> None:
    drawn = [AnnotatedSlice("axial", 2, index, True) for index in (3, 6)]
    empty = AnnotatedSlice("axial", 2, 0, False)
    assert annotated_text([empty, *drawn]) == "axial 3, 6; nothing there: axial 0"
    assert annotated_text(drawn) == "axial 3, 6"
    assert annotated_text([empty]) == "nothing there: axial 0"


def test_tiny_volumes_have_a_unit_of_their_own() -> None:
    assert volume_text(0.0001038) == "0.1038 mm³"
    assert [volume_text(ml) for ml in (0, 0.1, 1234)] == ["0 ml", "0.1 ml", "1234 ml"]


def test_what_a_segmentation_was_made_from() -> None:
    assert annotated_text(()) == "none"
    assert source_text(1, 0) == "1 annotated slice"
    assert source_text(0, 0) == "0 annotated slices"
    assert source_text(0, 5) == "5 support scans"
    assert source_text(3, 1) == "3 annotated slices and 1 support scan"
