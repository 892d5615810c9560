"""What several people drew, taken together, on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError
from fewslice.project.consensus import annotators, consensus, joined, majority, staple
from fewslice.project.people import add_person
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan
from tests.support.projects import SmallProject, slice_of


def votes(*rows: str) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Return a row of labels for each person; ? stands for not looked at."""
    return [np.array([[255 if c == "?" else int(c) for c in row]], np.uint8) for row in rows]


def test_the_majority_decides_each_pixel_and_a_draw_stays_open() -> None:
    decided = majority(votes("0112?1", "0122??", "01022?"))
    # all 0; all 1; 1, 2, 0: a draw; all 2; only one looked; only one looked
    assert decided.tolist() == [[0, 1, 255, 2, 2, 1]]
    assert majority(votes("??", "??")).tolist() == [[255, 255]]
    assert majority(votes("01", "10")).tolist() == [[255, 255]]


def test_staple_trusts_those_who_agree_with_the_others() -> None:
    good = "0" * 40 + "1" * 20
    careless = "01" * 30
    decided = staple(votes(good, good, careless))
    assert decided.tolist() == votes(good)[0].tolist()


def test_staple_outvotes_two_unreliable_people_where_majority_cannot() -> None:
    """Two people are right everywhere; two are wrong, alone elsewhere, together at the end."""
    truth = "0" * 100 + "1" * 100
    careless = (
        "1" * 40 + "0" * 60 + "1" * 90 + "0" * 10,
        "0" * 40 + "1" * 40 + "0" * 20 + "1" * 90 + "0" * 10,
    )
    rows = votes(truth, truth, *careless)
    assert majority(rows)[0, 190:].tolist() == [255] * 10  # two against two
    assert staple(rows).tolist() == votes(truth)[0].tolist()


def test_staple_leaves_open_what_cannot_be_told_and_takes_what_all_say() -> None:
    assert staple(votes("000111", "111111"))[0, 3:].tolist() == [1, 1, 1]
    assert staple(votes("1111", "1111")).tolist() == [[1, 1, 1, 1]]
    assert staple(votes("0000", "0000")).tolist() == [[0, 0, 0, 0]]
    # ITK's own estimate of these two people is .5 for the first half of the zeros
    assert staple(votes("0" * 100 + "1" * 100, "1" * 50 + "0" * 50 + "1" * 100)).tolist() == [
        [255] * 50 + [0] * 50 + [1] * 100
    ]


def test_where_somebody_did_not_look_staple_takes_the_majority() -> None:
    decided = staple(votes("0011?", "00112", "00112"))
    assert decided.tolist() == [[0, 0, 1, 1, 2]]
    assert staple(votes("?1", "1?")).tolist() == [[1, 1]]


def test_slices_of_one_person_are_taken_as_they_are() -> None:
    first = Drawing((2, 1, 4)).drawn((0, 0), votes("0110")[0]).said_present((0, 1))
    second = Drawing((2, 1, 4)).drawn((2, 3), np.array([[1], [0]]))
    whole = joined([first, second], "majority")
    assert whole.places == ((0, 0), (2, 3))
    assert whole.present == {(0, 1)}
    np.testing.assert_array_equal(whole.slices[0].labels, votes("0110")[0])


@pytest.mark.parametrize("method", ["majority", "staple"])
def test_three_people_of_a_project(small: SmallProject, method: str) -> None:
    change_scan(small.project, small.scan, independent=True)
    cat = add_person(small.project, "cat", None).id
    for person, corner in ((small.ann, ()), (small.bob, ()), (cat, (0, 0))):
        save_revision(
            small.project,
            small.scan,
            person,
            action="draw",
            axis=2,
            index=6,
            labels=slice_of(6, *corner),
        )
    assert annotators(small.project, small.scan) == {small.ann: "ann", small.bob: "bob", cat: "cat"}
    (together,) = consensus(small.project, small.scan, method).slices
    np.testing.assert_array_equal(together.labels, slice_of(6))


def test_of_a_shared_scan_it_is_what_was_drawn(small: SmallProject) -> None:
    save_revision(
        small.project, small.scan, small.ann, action="draw", axis=2, index=6, labels=slice_of(6)
    )
    assert annotators(small.project, small.scan) == {}
    assert consensus(small.project, small.scan).places == ((2, 6),)
    with pytest.raises(InputError, match="no consensus 'mean'"):
        consensus(small.project, small.scan, "mean")
