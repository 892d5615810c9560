"""A session: what people do in a loop, and what must never happen to what they drew."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import fewslice
from fewslice.annotation.drawing import Drawing
from fewslice.annotation.slice_shift import SliceShifts, shift_slices, slice_shifts
from fewslice.errors import InputError, ReadError, WriteError, codes_of
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Geometry, Image
from fewslice.workflow.session import CancelledError, Session
from tests.support.phantoms import two_organs
from tests.support.shifted_slices import SPACING, column, zigzag

PHANTOM = two_organs()


def session(*drawn: int, engine: str = "interpolation") -> Session:
    found = Session(PHANTOM.image, spacing=PHANTOM.spacing, engine=engine)
    for index in drawn:
        found.draw(2, index, PHANTOM.truth[..., index])
    return found


@pytest.mark.slow
def test_it_answers_as_segment_does() -> None:
    mine = session(6, 10, 14, engine="auto")
    mine.absent(2, 21)
    named = [(2, 6), (2, 10), (2, 14), (2, 21)]
    expected = fewslice.segment(
        PHANTOM.image, PHANTOM.sparse(2, 6, 10, 14), annotated=named, spacing=PHANTOM.spacing
    )
    assert mine.annotated == tuple(named)
    np.testing.assert_array_equal(mine.segment().labels.array, expected.labels.array)
    assert mine.result is not None


def test_one_more_slice_is_answered_around_it_and_stands_as_drawn() -> None:
    mine = session(4, 9, 14)
    before = mine.segment().labels.array
    mine.draw(2, 12, PHANTOM.truth[..., 12])
    after = mine.segment().labels.array
    np.testing.assert_array_equal(after[..., 12], PHANTOM.truth[..., 12])
    np.testing.assert_array_equal(after[..., :10], before[..., :10])
    np.testing.assert_array_equal(after[..., 14:], before[..., 14:])


def test_a_slice_beyond_the_others_is_answered_as_segment_does() -> None:
    mine = session(4, 9, 14)
    mine.segment()
    mine.draw(2, 16, PHANTOM.truth[..., 16])
    expected = session(4, 9, 14, 16).segment()
    np.testing.assert_array_equal(mine.segment().labels.array, expected.labels.array)


def test_slices_near_the_one_in_hand_are_shown_first_then_the_answer() -> None:
    mine = session(4, 14, 9)
    shown: list[AnsweredSlices] = []
    found = mine.segment(on_slices=shown.append)
    assert (shown[0].first, len(shown[0].labels), shown[0].final) == (7, 5, False)
    np.testing.assert_array_equal(shown[0].labels[2], PHANTOM.truth[..., 9])
    assert all(each.final for each in shown[1:])
    put = np.zeros_like(found.labels.array)
    for each in shown[1:]:
        put[..., each.first : each.first + len(each.labels)] = np.moveaxis(each.labels, 0, 2)
    np.testing.assert_array_equal(put, found.labels.array)
    distances = [
        min(abs(index - 9) for index in range(each.first, each.first + len(each.labels)))
        for each in shown[1:]
    ]
    assert distances == sorted(distances)


def test_what_has_not_changed_is_not_shown_again() -> None:
    mine = session(4, 11, 14)
    mine.segment()
    mine.draw(2, 9, PHANTOM.truth[..., 9])
    shown: list[AnsweredSlices] = []
    mine.segment(near=6, on_slices=shown.append)
    assert shown[0].first == 4
    assert all(4 < each.first <= 11 for each in shown[1:])
    again: list[AnsweredSlices] = []
    mine.segment(on_slices=again.append)
    assert [each.final for each in again] == [False]


def test_steps_back_and_forth() -> None:
    mine = session(6)
    assert not mine.redo()
    mine.draw(2, 10, PHANTOM.truth[..., 10])
    mine.erase(2, 6)
    assert list(mine.annotated) == [(2, 10)]
    assert mine.undo()
    assert list(mine.annotated) == [(2, 6), (2, 10)]
    assert mine.undo()
    assert mine.redo()
    np.testing.assert_array_equal(mine.labels.array, PHANTOM.sparse(2, 6, 10))
    mine.absent(2, 0)
    assert not mine.redo()  # a new change ends what could be redone
    assert [mine.undo() for _ in range(4)] == [True, True, True, False]
    assert not mine.labels.array.any()


def test_a_refused_change_changes_nothing() -> None:
    mine = session(6)
    with pytest.raises(InputError):
        mine.draw(2, 7, np.ones((2, 2)))
    assert mine.annotated == ((2, 6),)
    assert mine.undo()
    assert not mine.annotated


def test_labels_drawn_before_are_taken_over() -> None:
    sparse = PHANTOM.sparse(2, 6, 14)
    mine = Session(PHANTOM.image, sparse, annotated=[(2, 21)], spacing=PHANTOM.spacing)
    assert mine.annotated == ((2, 6), (2, 14), (2, 21))
    np.testing.assert_array_equal(mine.labels.array, sparse)
    empty = Session(PHANTOM.image, annotated=[(2, 3)], spacing=PHANTOM.spacing)
    assert empty.annotated == ((2, 3),)


def test_an_accepted_slice_counts_as_drawn() -> None:
    mine = session(6, 14)
    with pytest.raises(InputError, match="no answer to accept"):
        mine.accept(2, 10)
    answer = mine.segment().labels.array[..., 10]
    mine.accept(2, 10)
    np.testing.assert_array_equal(mine.labels.array[..., 10], answer)
    assert (2, 10) in mine.annotated


@pytest.mark.slow
def test_suggestions_leave_out_what_was_said() -> None:
    mine = session(10)
    (asked,) = mine.suggest().slices
    assert (asked.axis, asked.index) not in mine.annotated
    mine.present(2, 16)
    again = mine.suggest(count=3)
    expected = fewslice.suggest(
        PHANTOM.image,
        PHANTOM.sparse(2, 10),
        annotated=[(2, 10)],
        present=[(2, 16)],
        spacing=PHANTOM.spacing,
        count=3,
    )
    assert again.slices == expected.slices


def test_a_cancelled_answer_leaves_the_one_before() -> None:
    mine = session(6, 14)
    first = mine.segment()
    mine.draw(2, 10, PHANTOM.truth[..., 10])

    def from_another_thread(_: float) -> None:
        other = Thread(target=mine.cancel)
        other.start()
        other.join()

    with pytest.raises(CancelledError):
        mine.segment(from_another_thread)
    assert mine.result is first
    assert mine.segment() is not first


@pytest.mark.parametrize("cancelled", [True, False])
def test_an_answer_that_began_earlier_never_takes_the_place_of_a_later_one(cancelled: bool) -> None:
    mine = session(6, 14)
    mine.draw(2, 10, PHANTOM.truth[..., 10])
    later: list[Segmentation] = []

    def ask_again_without_that_slice(_: float) -> None:
        if not later:
            if cancelled:
                mine.cancel()
            mine.undo()
            later.append(mine.segment())

    with pytest.raises(CancelledError) if cancelled else nullcontext():
        mine.segment(ask_again_without_that_slice)
    assert mine.result is later[0]
    assert later[0].annotation.slices == ((2, 6), (2, 14))


def test_an_answer_under_way_does_not_see_what_is_drawn_meanwhile() -> None:
    mine = session(6, 14)
    drawn: list[int] = []

    def draw_meanwhile(_: float) -> None:
        if not drawn:
            drawn.append(10)
            other = Thread(target=mine.draw, args=(2, 10, PHANTOM.truth[..., 10]))
            other.start()
            other.join()

    found = mine.segment(draw_meanwhile)
    assert found.annotation.slices == ((2, 6), (2, 14))
    assert mine.annotated == ((2, 6), (2, 10), (2, 14))


def test_what_was_drawn_is_kept_in_a_file(tmp_path: Path) -> None:
    mine = session(6)
    mine.draw(0, 14, PHANTOM.truth[14])
    mine.absent(2, 0)
    mine.present(2, 9)
    path = tmp_path / "mine.npz"
    mine.save(path)
    other = session(3)
    other.load(path)
    assert other.annotated == mine.annotated
    np.testing.assert_array_equal(other.labels.array, mine.labels.array)
    assert other._drawing.present == {(2, 9)}
    assert other.undo()
    assert other.annotated == ((2, 3),)
    with pytest.raises(WriteError, match=r"does not end with \.npz"):
        mine.save(tmp_path / "mine.nii.gz")


def test_files_that_are_not_of_this_scan_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    session(6).save(path)
    mirrored = Geometry(PHANTOM.image.shape, np.diag([-1.0, 1.0, 1.0, 1.0]))
    for image in (PHANTOM.image[:-1], Image(PHANTOM.image, mirrored)):
        with pytest.raises(ReadError, match="was drawn on another grid"):
            Session(image).load(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match="is damaged"):
        session(6).load(path)
    path.write_text("no zip")
    with pytest.raises(ReadError, match="is damaged"):
        session(6).load(path)
    with pytest.raises(ReadError, match="does not exist"):
        session(6).load(tmp_path / "other.npz")


def test_a_save_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.npz"
    session(6).save(path)
    before = path.read_bytes()

    def crash(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(WriteError):
        session(6, 10).save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["mine.npz"]


def test_a_drawing_belongs_to_the_scan_whatever_spacing_was_given(tmp_path: Path) -> None:
    image = Image(PHANTOM.image, Geometry.from_spacing(PHANTOM.image.shape, (1, 1, 5)))
    sparse = PHANTOM.sparse(2, 6, 10)
    mine = Session(image, sparse, spacing=PHANTOM.spacing)
    assert mine.image.geometry.spacing == PHANTOM.spacing
    assert mine.labels.geometry.spacing == PHANTOM.spacing
    mine.save(tmp_path / "drawn.npz")
    other = Session(image)
    other.load(tmp_path / "drawn.npz")
    np.testing.assert_array_equal(other.labels.array, sparse)


def test_a_drawing_that_is_kept_elsewhere_takes_the_place_of_the_one_before() -> None:
    mine, other = session(4, 14), session(9)
    before = mine.drawing
    mine.take(other.drawing)
    assert mine.annotated == ((2, 9),)
    assert before.places == ((2, 4), (2, 14))
    assert mine.undo()
    assert mine.drawing is before
    with pytest.raises(InputError, match=r"a scan of \(2, 3, 4\) voxels"):
        mine.take(Drawing((2, 3, 4)))


@pytest.mark.slow
def test_how_slices_are_shifted_is_estimated_once_and_changes_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    volume, truth = column()
    scan = shift_slices(volume, 2, zigzag())
    labels = shift_slices(truth, 2, zigzag())
    estimated: list[int] = []

    def counted(*asked: Any) -> SliceShifts:
        estimated.append(1)
        return slice_shifts(*asked)

    monkeypatch.setattr("fewslice.engines.aligned.slice_shifts", counted)
    mine = Session(scan, spacing=SPACING, engine="interpolation")
    for index in (1, 5, 10):
        mine.draw(2, index, labels[..., index])
    first = mine.segment()
    assert "slices-aligned" in codes_of(first.remarks)
    assert len(estimated) == 1
    advice = mine.suggest(2)
    assert len(estimated) == 1  # by engines and by what suggestions are made from
    sparse = mine.labels.array
    alone = fewslice.segment(scan, sparse, spacing=SPACING, engine="interpolation")
    assert len(estimated) == 2
    np.testing.assert_array_equal(first.probability, alone.probability)
    assert advice.slices == fewslice.suggest(scan, sparse, spacing=SPACING, count=2).slices
    # One more slice is answered between its neighbours: their part of the scan is another one.
    mine.draw(2, 8, labels[..., 8])
    again = mine.segment()
    mine.undo()
    mine.redo()
    before = len(estimated)
    expected = fewslice.segment(
        scan, mine.labels.array, spacing=SPACING, engine="interpolation", previous=first
    )
    assert len(estimated) == before + 1
    np.testing.assert_array_equal(again.probability, expected.probability)


def test_a_drawing_that_a_viewer_keeps_takes_the_place_of_the_one_before() -> None:
    mine = session(6, 14)
    mine.redraw(PHANTOM.sparse(2, 10), annotated=[(2, 21)])
    assert mine.annotated == ((2, 10), (2, 21))
    np.testing.assert_array_equal(mine.labels.array, PHANTOM.sparse(2, 10))
    assert mine.undo()
    assert mine.annotated == ((2, 6), (2, 14))
    np.testing.assert_array_equal(mine.labels.array, PHANTOM.sparse(2, 6, 14))


def test_what_a_redrawn_map_leaves_open_is_said_anew() -> None:
    mine = session(6, 14)
    assert mine.remarks == ()
    sparse = PHANTOM.sparse(2, 6, 10, 14)
    sparse[..., 10][sparse[..., 10] == 1] = 0  # drawn on either side, so perhaps left out here
    mine.redraw(sparse)
    expected = Session(PHANTOM.image, sparse, spacing=PHANTOM.spacing).remarks
    assert mine.remarks == expected != ()


def test_of_a_redrawn_map_it_is_said_that_255_may_be_a_structure() -> None:
    mine = session(6)
    labels = PHANTOM.sparse(2, 6, 10).astype(np.uint16)
    labels[labels == 1] = 254
    labels[0, 0, 6] = 255
    mine.redraw(labels)
    expected = Session(PHANTOM.image, labels, spacing=PHANTOM.spacing).remarks
    assert mine.remarks == expected
    assert "255-may-be-a-structure" in codes_of(mine.remarks)


def test_remarks_on_a_redrawn_map_call_structures_by_the_persons_numbers() -> None:
    sparse = PHANTOM.sparse(2, 6, 10, 14).astype(np.uint16)
    sparse[..., 10][sparse[..., 10] == 1] = 0
    sparse[sparse == 1] = 255
    mine = Session(PHANTOM.image, spacing=PHANTOM.spacing, ignore_label=None)
    mine.redraw(sparse)
    (remark,) = mine.remarks
    assert remark.startswith("Label 255 is drawn on other slices")


def test_a_redrawn_map_of_another_shape_is_refused_and_changes_nothing() -> None:
    mine = session(6)
    with pytest.raises(InputError, match=r"has shape \(3, 3, 3\); expected \(44, 40, 22\)"):
        mine.redraw(np.zeros((3, 3, 3), np.uint8))
    assert mine.annotated == ((2, 6),)


def test_a_notebook_shows_a_session_in_one_line() -> None:
    made = session(4)
    assert repr(made).endswith("drawn [(2, 4)], no answer yet)")
    shown = repr(made.segment())
    assert repr(made).endswith(f"drawn [(2, 4)], {shown})")
    assert "from 1 annotated slice, interpolation" in shown
    assert "\n" not in shown
