"""From the annotator to the reviewer, and back."""

from __future__ import annotations

import pytest

from fewslice.errors import AccessError, ConflictError, InputError
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.reviews import OpenChoiceError, accept, give_back, reviews, submit
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan, get_scan
from fewslice.project.structures import Structure, change_structure
from tests.support.projects import SmallProject, slice_of


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


def draw(small: SmallProject, by: int, index: int, *corner: int) -> None:
    save_revision(
        small.project,
        small.scan,
        by,
        action="draw",
        axis=2,
        index=index,
        labels=slice_of(index, *corner),
    )


def test_whose_version_counts_is_chosen_first(small: SmallProject) -> None:
    for by, column in ((small.ann, 1), (small.bob, 2)):
        for index in (5, 7):
            draw(small, by, index, 0, column)
    for step, by in ((submit, small.ann), (accept, small.bob)):
        with pytest.raises(OpenChoiceError) as refused:
            step(small.project, small.scan, by)
        assert str(refused.value) == (
            "The scan 'scan' has two versions of slice 5 across array axis 2, slice 7 across array "
            "axis 2; choose on its page which counts before it is handed in or accepted."
        )
    assert get_scan(small.project, small.scan).status == "in_progress"
    assert reviews(small.project, small.scan) == []
    for each in open_conflicts(small.project, small.scan):
        resolve_conflict(small.project, each.id, keep=True, by=small.ann)
    submit(small.project, small.scan, small.ann)
    assert accept(small.project, small.scan, small.bob).status == "accepted"


def test_nobody_waits_for_choices_of_others_who_annotate_independently(
    small: SmallProject,
) -> None:
    change_scan(small.project, small.scan, independent=True)
    draw(small, small.ann, 6, 0, 1)
    change_structure(small.project, Structure(2, "cube", locked=True))
    draw(small, small.ann, 6)  # paints over the locked cube
    draw(small, small.bob, 6)
    assert len(open_conflicts(small.project, small.scan)) == 1
    assert submit(small.project, small.scan, small.bob).status == "submitted"
    for step, by in ((submit, small.ann), (accept, small.bob)):
        with pytest.raises(OpenChoiceError):
            step(small.project, small.scan, by)


def test_a_scan_is_given_back_whatever_waits_for_a_choice(small: SmallProject) -> None:
    draw(small, small.ann, 6, 0, 1)
    submit(small.project, small.scan, small.ann)
    draw(small, small.bob, 6, 0, 2)
    assert give_back(small.project, small.scan, small.bob, "See 6.").status == "returned"
