"""Two people, one slice: somebody chooses, and both versions stay."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import ConflictError, InputError
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.database import writing
from fewslice.project.revisions import get_revision, history, revision_labels
from fewslice.project.saving import Saved, save_revision
from fewslice.project.scans import found_scan, get_scan
from tests.support.projects import SmallProject, slice_of


def clash(small: SmallProject) -> tuple[Saved, Saved]:
    """Return what ann drew, and what bob drew without having seen it."""
    first, second = (
        save_revision(
            small.project,
            small.scan,
            person,
            action="draw",
            axis=2,
            index=6,
            labels=slice_of(6, 0, person),
        )
        for person in (small.ann, small.bob)
    )
    assert second.conflict == first.revision
    return first, second


@pytest.mark.parametrize("keep", [True, False])
def test_what_was_chosen_holds_and_the_other_one_is_still_there(
    small: SmallProject, keep: bool
) -> None:
    first, second = clash(small)
    assert [each.id for each in open_conflicts(small.project, small.scan)] == [second.revision.id]
    chosen = resolve_conflict(small.project, second.revision.id, keep=keep, by=small.ann)
    winner = small.bob if keep else small.ann
    np.testing.assert_array_equal(
        revision_labels(small.project, chosen.head), slice_of(6, 0, winner)
    )
    assert open_conflicts(small.project, small.scan) == []
    for saved, person in ((first, small.ann), (second, small.bob)):
        kept = get_revision(small.project, saved.revision.id)
        np.testing.assert_array_equal(revision_labels(small.project, kept), slice_of(6, 0, person))
    assert [each.action for each in history(small.project, small.scan)] == [
        "draw",
        "draw",
        "resolve",
    ]


def test_a_choice_is_made_once_and_only_between_conflicts(small: SmallProject) -> None:
    first, second = clash(small)
    with pytest.raises(InputError, match="is no conflict"):
        resolve_conflict(small.project, first.revision.id, keep=True, by=small.ann)
    resolve_conflict(small.project, second.revision.id, keep=True, by=small.ann)
    with pytest.raises(ConflictError, match="has chosen already"):
        resolve_conflict(small.project, second.revision.id, keep=False, by=small.ann)


def test_who_has_not_seen_the_choice_makes_another_conflict(small: SmallProject) -> None:
    first, second = clash(small)
    resolve_conflict(small.project, second.revision.id, keep=True, by=small.bob)
    third = save_revision(
        small.project,
        small.scan,
        small.ann,
        action="absent",
        axis=2,
        index=6,
        parent=first.revision.id,
    )
    assert third.conflict is not None


@pytest.mark.parametrize(("keep", "status"), [(False, "accepted"), (True, "in_progress")])
def test_an_accepted_scan_stays_accepted_if_what_holds_is_chosen(
    small: SmallProject, keep: bool, status: str
) -> None:
    _, second = clash(small)
    with writing(small.project) as session:  # as where a late stroke comes after the acceptance
        found_scan(session, small.scan).status = "accepted"
    resolve_conflict(small.project, second.revision.id, keep=keep, by=small.bob)
    assert get_scan(small.project, small.scan).status == status
