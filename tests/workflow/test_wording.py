"""Words for people."""

from __future__ import annotations

from fewslice.workflow.wording import counted, slices_text


def test_slices_read_like_a_person_would_write_them() -> None:
    places = [("axial", 3), ("axial", 4), ("axial", 5), ("axial", 8), ("axial", 9), ("coronal", 1)]
    assert slices_text(places) == "axial 3-5, 8, 9; coronal 1"
    assert slices_text([]) == ""


def test_nouns_agree_with_their_number() -> None:
    assert [counted(n, "slice") for n in (0, 1, 2)] == ["0 slices", "1 slice", "2 slices"]
