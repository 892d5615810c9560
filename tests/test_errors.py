"""Remarks: sentences with a code."""

from __future__ import annotations

import copy
import pickle

from fewslice.errors import Remark, codes_of, without


def test_a_remark_reads_as_its_sentence_and_keeps_its_code() -> None:
    remark = Remark("nothing-drawn", "Nothing is drawn.")
    assert remark == "Nothing is drawn."
    for copied in (copy.deepcopy(remark), pickle.loads(pickle.dumps(remark))):  # noqa: S301
        assert (copied, copied.code) == ("Nothing is drawn.", "nothing-drawn")


def test_codes_are_those_of_remarks_that_have_one() -> None:
    remarks = (Remark("one", "A."), "A sentence of somebody's own engine.", Remark("two", "B."))
    assert codes_of(remarks) == {"one", "two"}


def test_remarks_that_are_settled_are_left_out() -> None:
    said = (Remark("a", "One."), "Plain.", Remark("b", "Two."))
    assert without(said, "b") == ("One.", "Plain.")


def test_a_remark_calls_labels_as_a_person_does() -> None:
    remark = Remark("few", "Label {} is smaller than {}.", (254, 3))
    assert remark == "Label 254 is smaller than 3."
    prefixed = pickle.loads(pickle.dumps(remark.after("{a}.nii: ")))  # noqa: S301
    assert prefixed == "{a}.nii: Label 254 is smaller than 3."
    called = prefixed.calling(lambda label: {254: "255 (front)", 3: "3"}[label])
    assert (called, called.code) == ("{a}.nii: Label 255 (front) is smaller than 3.", "few")
    assert called.labels == ()


def test_a_remark_without_labels_may_hold_braces() -> None:
    remark = Remark("read", "The file {x}.nii is read.")
    assert remark.after("{y}: ") == "{y}: The file {x}.nii is read."
    assert remark.calling(str) is remark
