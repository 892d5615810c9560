"""Undo and redo, which outlive the process and leave other people's work alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fewslice.project.drawings import drawing
from fewslice.project.opening import open_project
from fewslice.project.revisions import history, slice_heads
from fewslice.project.saving import save_revision
from fewslice.project.undo import redo, undo
from tests.support.projects import SmallProject, slice_of


def save(small: SmallProject, by: int, index: int, action: str = "draw", *corner: int) -> int:
    labels = slice_of(index, *corner) if action == "draw" else None
    heads = {each.index: each.id for each in slice_heads(small.project, small.scan)}
    saved = save_revision(
        small.project,
        small.scan,
        by,
        action=action,
        axis=2,
        index=index,
        labels=labels,
        parent=heads.get(index),
    )
    assert saved.conflict is None
    return saved.revision.id


def shown(small: SmallProject) -> dict[int, int | None]:
    """What each slice shows."""
    return {each.index: each.shows for each in slice_heads(small.project, small.scan)}


def test_steps_back_and_forth_across_slices(small: SmallProject) -> None:
    first = save(small, small.ann, 5)
    second = save(small, small.ann, 5, "draw", 0, 0)
    third = save(small, small.ann, 6, "absent")
    states = []
    for step in (undo, undo, undo, undo, redo, redo, redo, redo):
        taken = step(small.project, small.scan, small.ann)
        states.append((None if taken is None else taken.target, shown(small)))
    assert states == [
        (third, {5: second, 6: None}),
        (second, {5: first, 6: None}),
        (first, {5: None, 6: None}),
        (None, {5: None, 6: None}),
        (first, {5: first, 6: None}),
        (second, {5: second, 6: None}),
        (third, {5: second, 6: third}),
        (None, {5: second, 6: third}),
    ]


def test_a_new_change_forgets_what_could_be_made_anew(small: SmallProject) -> None:
    save(small, small.ann, 5)
    undo(small.project, small.scan, small.ann)
    save(small, small.ann, 6)
    assert redo(small.project, small.scan, small.ann) is None


def test_it_goes_on_after_a_restart_weeks_later(small: SmallProject) -> None:
    first = save(small, small.ann, 5)
    save(small, small.ann, 5, "erase")
    small.project.engine.dispose()
    small.clock.advance(weeks=3)
    again = replace(open_project(small.project.directory, small.url), now=small.clock)
    taken = undo(again, small.scan, small.ann)
    assert taken is not None
    assert (taken.shows, taken.time) == (first, small.clock.time)
    drawn = drawing(again, small.scan)
    np.testing.assert_array_equal(drawn.drawing.slices[0].labels, slice_of(5))
    again.engine.dispose()


def test_what_another_person_changed_since_is_passed_over(small: SmallProject) -> None:
    mine = save(small, small.ann, 4)
    save(small, small.ann, 5)
    theirs = save(small, small.bob, 5, "draw", 0, 1)
    taken = undo(small.project, small.scan, small.ann)
    assert taken is not None
    assert taken.target == mine
    assert shown(small) == {4: None, 5: theirs}


def test_what_is_made_anew_does_not_cover_another_persons_work(small: SmallProject) -> None:
    save(small, small.ann, 5)
    undo(small.project, small.scan, small.ann)
    theirs = save(small, small.bob, 5, "draw", 0, 1)
    assert redo(small.project, small.scan, small.ann) is None
    assert shown(small) == {5: theirs}


def test_what_another_person_drew_just_so_is_not_taken_back(small: SmallProject) -> None:
    mine = save(small, small.ann, 5)
    save(small, small.bob, 5)
    assert undo(small.project, small.scan, small.ann) is None
    assert shown(small) == {5: mine}


def test_a_stroke_that_changed_nothing_takes_back_nothing_else(small: SmallProject) -> None:
    """The page counts it as a stroke, and asks for one step back."""
    other = save(small, small.bob, 4)
    mine = save(small, small.ann, 5)
    theirs = save(small, small.bob, 5)
    for step in (undo, redo, undo):
        taken = step(small.project, small.scan, small.bob)
        assert taken is not None
        assert (taken.target, shown(small)) == (theirs, {4: other, 5: mine})
    undo(small.project, small.scan, small.ann)
    assert shown(small) == {4: other, 5: None}


def test_each_person_takes_back_their_own(small: SmallProject) -> None:
    mine = save(small, small.ann, 4)
    theirs = save(small, small.bob, 5)
    for person, target in ((small.ann, mine), (small.bob, theirs)):
        taken = undo(small.project, small.scan, person)
        assert taken is not None
        assert (taken.target, taken.person_id) == (target, person)


def test_nothing_is_removed_from_the_history(small: SmallProject) -> None:
    save(small, small.ann, 4)
    undo(small.project, small.scan, small.ann)
    redo(small.project, small.scan, small.ann)
    actions = [each.action for each in history(small.project, small.scan)]
    assert actions == ["draw", "undo", "redo"]


def test_the_drawing_names_who_drew_what_an_undo_brought_back(small: SmallProject) -> None:
    save(small, small.bob, 5)
    save(small, small.ann, 5, "draw", 0, 1)
    undo(small.project, small.scan, small.ann)
    origin = drawing(small.project, small.scan).origins[2, 5]
    assert (origin.kind, origin.person) == ("human", "bob")
