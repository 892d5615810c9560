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
