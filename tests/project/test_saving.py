"""Saving slices: what holds, what is refused, and what two people do at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import ConflictError, InputError, NotFoundError, ReadError
from fewslice.project.conflicts import open_conflicts, resolve_conflict
from fewslice.project.drawings import blame
from fewslice.project.reviews import accept
from fewslice.project.revisions import history, revision_labels, slice_head, slice_heads
from fewslice.project.saving import Saved, save_revision
from fewslice.project.scans import change_scan, get_scan
from fewslice.project.structures import Structure, change_structure
from fewslice.project.undo import undo
from fewslice.project.voxels import voxel_path
from tests.support.command_line import SHAPE
from tests.support.projects import SmallProject, slice_of


def draw(
    small: SmallProject,
    by: int,
    *,
    index: int = 6,
    corner: tuple[int, ...] = (),
    parent: int | None = None,
    client_key: str | None = None,
) -> Saved:
    return save_revision(
        small.project,
        small.scan,
        by,
        action="draw",
        axis=2,
        index=index,
        labels=slice_of(index, *corner),
        parent=parent,
        client_key=client_key,
    )


def save(
    small: SmallProject,
    by: int,
    action: str,
    labels: npt.NDArray[np.uint8] | None = None,
    client_key: str | None = None,
) -> Saved:
    return save_revision(
        small.project,
        small.scan,
        by,
        action=action,
        axis=2,
        index=6,
        labels=labels,
        client_key=client_key,
    )


def test_what_was_drawn_is_read_as_it_was_drawn(small: SmallProject) -> None:
    labels = slice_of(6, 0, 3)
    labels[19] = 255
    saved = save_revision(
        small.project,
        small.scan,
        small.ann,
        action="draw",
        axis=2,
        index=6,
        labels=labels,
        tool="brush",
        active_seconds=12.5,
    )
    (read,) = history(small.project, small.scan)
    assert (read.place, read.action, read.kind, read.person) == ((2, 6), "draw", "human", "ann")
    assert (read.tool, read.active_seconds, read.time) == ("brush", 12.5, small.clock.time)
    assert saved.revision == saved.head == read
    back = revision_labels(small.project, read)
    assert back is not None
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, labels)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_every_axis_have_the_shape_of_the_other_two(
    small: SmallProject, axis: int
) -> None:
    sides = tuple(length for other, length in enumerate(SHAPE) if other != axis)
    labels = np.arange(np.prod(sides)).reshape(sides) % 3
    save_revision(
        small.project, small.scan, small.ann, action="draw", axis=axis, index=1, labels=labels
    )
    head = slice_head(small.project, small.scan, (axis, 1))
    assert head is not None
    np.testing.assert_array_equal(revision_labels(small.project, head), labels)


def test_each_action_makes_a_slice_what_it_says(small: SmallProject) -> None:
    kinds = []
    for index, action in enumerate(("accept", "correct", "import", "absent", "present", "erase")):
        labels = slice_of(index) if index < 3 else None
        saved = save_revision(
            small.project,
            small.scan,
            small.ann,
            action=action,
            axis=2,
            index=index,
            labels=labels,
        )
        kinds.append(saved.head.kind)
    assert kinds == ["accepted", "corrected", "human", "absent", "present", None]
    assert [each.place for each in slice_heads(small.project, small.scan)] == [
        (2, index) for index in range(6)
    ]


def test_a_stroke_that_is_sent_again_is_stored_once(small: SmallProject) -> None:
    first = draw(small, small.ann, client_key="stroke 1")
    small.clock.advance(minutes=1)
    again = draw(small, small.ann, client_key="stroke 1")
    assert again.revision == first.revision
    assert len(history(small.project, small.scan)) == 1
    draw(small, small.bob, index=7, client_key="stroke 1")  # another person's keys are others
    with pytest.raises(ConflictError, match="names another change already"):
        draw(small, small.ann, corner=(0, 0), client_key="stroke 1")


def test_a_change_of_what_another_person_changed_since_becomes_a_conflict(
    small: SmallProject,
) -> None:
    first = draw(small, small.ann)
    second = draw(small, small.bob, corner=(0, 1), parent=first.revision.id)
    assert second.conflict is None  # bob had seen it
    third = draw(small, small.ann, corner=(0, 2), parent=first.revision.id)
    assert third.conflict == second.revision == third.head
    assert third.revision.conflict == second.revision.id
    kept = revision_labels(small.project, third.revision)
    assert kept is not None
    np.testing.assert_array_equal(kept, slice_of(6, 0, 2))


def test_ones_own_newer_change_is_no_conflict(small: SmallProject) -> None:
    first = draw(small, small.ann)
    draw(small, small.ann, corner=(0, 1), parent=first.revision.id)
    assert draw(small, small.ann, corner=(0, 2), parent=first.revision.id).conflict is None


def test_a_conflict_is_seen_behind_ones_own_newer_change(small: SmallProject) -> None:
    first = draw(small, small.ann)
    second = draw(small, small.bob, corner=(0, 1), parent=first.revision.id)
    draw(small, small.ann, corner=(0, 2), parent=second.revision.id)
    assert draw(small, small.ann, corner=(0, 3), parent=first.revision.id).conflict is not None


def apart(small: SmallProject, corner: tuple[int, ...], parent: int | None) -> Saved:
    """Let Ann send a slice that she changed in another program."""
    return save_revision(
        small.project,
        small.scan,
        small.ann,
        action="correct",
        axis=2,
        index=6,
        labels=slice_of(6, *corner),
        parent=parent,
        apart=True,
    )


def test_what_comes_from_elsewhere_replaces_nothing_that_one_drew_since(
    small: SmallProject,
) -> None:
    first = apart(small, (0, 1), None)
    assert first.conflict is None  # nothing was there
    second = draw(small, small.ann, corner=(0, 2), parent=first.head.id)
    late = apart(small, (0, 3), first.head.id)
    assert late.conflict == late.head == second.head
    assert apart(small, (0, 4), second.head.id).conflict is None
    assert apart(small, (0, 5), None).conflict is not None


def test_what_comes_twice_waits_for_one_choice(small: SmallProject) -> None:
    draw(small, small.ann)
    first, again = (apart(small, (0, 1), None) for _ in range(2))
    assert again.revision == first.revision
    resolve_conflict(small.project, first.revision.id, keep=False, by=small.ann)
    assert apart(small, (0, 1), None).revision == first.revision  # somebody has chosen
    assert open_conflicts(small.project, small.scan) == []
    draw(small, small.ann, corner=(0, 2), parent=3)
    assert apart(small, (0, 1), None).revision != first.revision


def test_what_was_taken_back_stands_in_nobodys_way(small: SmallProject) -> None:
    draw(small, small.ann)
    undo(small.project, small.scan, small.ann)
    assert draw(small, small.bob, corner=(0, 1)).conflict is None


@pytest.mark.parametrize("action", ["draw", "accept", "correct", "import"])
def test_what_somebody_drew_is_still_theirs_where_another_person_sends_the_same(
    small: SmallProject, action: str
) -> None:
    first = save(small, small.ann, "accept", slice_of(6))
    small.clock.advance(minutes=1)
    again = save(small, small.bob, action, slice_of(6), client_key="stroke 1")
    assert again.conflict is None
    assert (again.head.kind, again.head.shows) == ("accepted", first.revision.id)
    origin = blame(small.project, small.scan)[2, 6]
    assert (origin.kind, origin.person, origin.revision) == ("accepted", "ann", again.head.id)
    kept = save(small, small.bob, action, slice_of(6), client_key="stroke 1")
    assert kept.revision == again.revision


def test_who_sends_the_same_stands_in_nobodys_way(small: SmallProject) -> None:
    first = draw(small, small.ann)
    draw(small, small.bob)  # bob changes nothing, so ann need not have seen it
    second = draw(small, small.ann, corner=(0, 1), parent=first.revision.id)
    assert second.conflict is None
    assert draw(small, small.ann, corner=(0, 2), parent=first.revision.id).conflict is None


def test_ones_own_slice_may_be_called_otherwise(small: SmallProject) -> None:
    draw(small, small.ann)
    for action, kind in (("accept", "accepted"), ("correct", "corrected"), ("draw", "human")):
        assert save(small, small.ann, action, slice_of(6)).head.kind == kind


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [("absent", "draw", "absent"), ("draw", "absent", "human"), ("present", "present", "present")],
)
def test_marks_that_say_the_same_are_no_conflict(
    small: SmallProject, first: str, second: str, kind: str
) -> None:
    """A slice without any structure is one of zeros."""
    for person, action in ((small.ann, first), (small.bob, second)):
        labels = np.zeros((20, 18), np.uint8) if action == "draw" else None
        saved = save(small, person, action, labels)
        assert saved.conflict is None
    assert (saved.head.kind, blame(small.project, small.scan)[2, 6].person) == (kind, "ann")


@pytest.mark.parametrize(
    ("first", "second"), [("present", "absent"), ("absent", "present"), ("absent", "erase")]
)
def test_marks_that_say_something_else_are_a_conflict(
    small: SmallProject, first: str, second: str
) -> None:
    save(small, small.ann, first)
    assert save(small, small.bob, second).conflict is not None


def test_an_accepted_scan_stays_accepted_where_nothing_changes(small: SmallProject) -> None:
    draw(small, small.ann)
    accept(small.project, small.scan, small.bob)
    draw(small, small.bob)
    assert get_scan(small.project, small.scan).status == "accepted"
    draw(small, small.bob, corner=(0, 1), parent=2)
    assert get_scan(small.project, small.scan).status == "in_progress"


def test_a_locked_structure_is_not_painted_over(small: SmallProject) -> None:
    before = draw(small, small.ann, corner=(0, 1))
    change_structure(small.project, Structure(2, "cube", locked=True))
    beside = draw(small, small.ann, corner=(0, 1), parent=before.head.id)
    assert beside.conflict is None
    over = draw(small, small.ann, corner=(0, 2), parent=beside.head.id)
    assert over.conflict == beside.head
    erased = save_revision(
        small.project,
        small.scan,
        small.ann,
        action="erase",
        axis=2,
        index=6,
        parent=beside.head.id,
    )
    assert erased.conflict == beside.head


def test_people_who_annotate_independently_do_not_see_each_other(small: SmallProject) -> None:
    change_scan(small.project, small.scan, independent=True)
    draw(small, small.ann, corner=(0, 1))
    assert draw(small, small.bob, corner=(0, 2)).conflict is None
    for person, corner in ((small.ann, (0, 1)), (small.bob, (0, 2))):
        (head,) = slice_heads(small.project, small.scan, person)
        assert head.person_id == person
        np.testing.assert_array_equal(revision_labels(small.project, head), slice_of(6, *corner))


def test_saving_puts_a_scan_in_progress_whatever_it_was(small: SmallProject) -> None:
    assert get_scan(small.project, small.scan).status == "new"
    draw(small, small.ann)
    assert get_scan(small.project, small.scan).status == "in_progress"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"labels": np.zeros((3, 3), np.uint8)}, r"has shape \(3, 3\); expected \(20, 18\)"),
        ({"labels": np.full((20, 18), 7)}, "label 7 is no structure of this project; expected 0, "),
        ({"labels": np.full((20, 18), 0.5)}, "whole number"),
        ({"labels": None}, "came without labels"),
        ({"action": "absent"}, "came with labels"),
        ({"action": "paint"}, "no action 'paint'"),
        ({"index": 12}, "no slice 12"),
        ({"index": -1}, "no slice -1"),
        ({"axis": 3}, "no slice 6 across array axis 3"),
        ({"active_seconds": float("nan")}, "took nan seconds"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    small: SmallProject, given: dict[str, object], sentence: str
) -> None:
    arguments = {"action": "draw", "axis": 2, "index": 6, "labels": slice_of(6)} | given
    with pytest.raises(InputError, match=sentence):
        save_revision(small.project, small.scan, small.ann, **arguments)  # type: ignore[arg-type]
    assert history(small.project, small.scan) == []


def test_what_is_not_there_is_said(small: SmallProject) -> None:
    other = draw(small, small.ann, index=3).revision
    with pytest.raises(NotFoundError, match="is not of slice 6"):
        draw(small, small.ann, parent=other.id)
    with pytest.raises(NotFoundError, match="no revision 999"):
        draw(small, small.ann, parent=999)
    with pytest.raises(NotFoundError, match="no person 999"):
        draw(small, 999)
    with pytest.raises(NotFoundError, match="no scan 999"):
        save_revision(small.project, 999, small.ann, action="absent", axis=0, index=0)


def test_damaged_voxels_are_noticed_and_mended_by_saving_them_again(small: SmallProject) -> None:
    saved = draw(small, small.ann)
    assert saved.head.content is not None
    path = voxel_path(small.project.directory, saved.head.content.hash)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ReadError, match="missing or damaged"):
        revision_labels(small.project, saved.head)
    draw(small, small.ann, parent=saved.head.id)
    np.testing.assert_array_equal(revision_labels(small.project, saved.head), slice_of(6))


def test_many_people_who_save_at_once_lose_nothing(small: SmallProject) -> None:
    def save(number: int) -> int:
        by = (small.ann, small.bob)[number % 2]
        saved = draw(small, by, index=number % 4, corner=(0, number % 18), client_key=f"{number}")
        return saved.revision.id

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(save, range(24)))
    assert sorted(numbers) == [each.id for each in history(small.project, small.scan)]
    heads = {each.place: each for each in slice_heads(small.project, small.scan)}
    for place, head in heads.items():
        on_it = history(small.project, small.scan, *place)
        assert head.id == max(each.id for each in on_it if each.conflict is None)
