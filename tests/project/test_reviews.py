"""From the annotator to the reviewer, and back."""

from __future__ import annotations

import pytest

from fewslice.errors import AccessError, ConflictError, InputError
from fewslice.project.reviews import accept, give_back, reviews, submit
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan
from tests.support.projects import SmallProject


def test_the_whole_way(small: SmallProject) -> None:
    steps = [
        submit(small.project, small.scan, small.ann),
        give_back(small.project, small.scan, small.bob, " the top is missing "),
        submit(small.project, small.scan, small.ann),
        accept(small.project, small.scan, small.bob),
    ]
    assert [each.status for each in steps] == ["submitted", "returned", "submitted", "accepted"]
    decided = [
        (each.person, each.verdict, each.remark) for each in reviews(small.project, small.scan)
    ]
    assert decided == [
        ("ann", "submitted", ""),
        ("bob", "returned", "the top is missing"),
        ("ann", "submitted", ""),
        ("bob", "accepted", ""),
    ]


def test_only_reviewers_and_admins_decide(small: SmallProject) -> None:
    submit(small.project, small.scan, small.ann)
    with pytest.raises(AccessError, match="ann is annotator; only a reviewer or admin"):
        accept(small.project, small.scan, small.ann)
    with pytest.raises(AccessError):
        give_back(small.project, small.scan, small.ann, "x")
    assert get_scan(small.project, small.scan).status == "submitted"


def test_what_does_not_follow_is_refused(small: SmallProject) -> None:
    with pytest.raises(ConflictError, match="'scan' is new; it cannot become returned"):
        give_back(small.project, small.scan, small.bob, "x")
    accept(small.project, small.scan, small.bob)
    for step in (submit, accept):
        with pytest.raises(ConflictError, match="is accepted"):
            step(small.project, small.scan, small.bob)
    with pytest.raises(InputError, match="without a remark"):
        give_back(small.project, small.scan, small.bob, " ")


def test_a_change_takes_the_acceptance_back(small: SmallProject) -> None:
    accept(small.project, small.scan, small.bob)
    save_revision(small.project, small.scan, small.ann, action="absent", axis=2, index=0)
    assert get_scan(small.project, small.scan).status == "in_progress"
