"""What `segment`, a session, `suggest` and `train` make of zeros that nobody looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice import Image, LabelMap, Session, segment, suggest
from fewslice.errors import codes_of
from fewslice.reporting.inspection.inspect import inspect_labels
from fewslice.reporting.report import make_report
from fewslice.segmentation.cleaned import cleaned
from fewslice.segmentation.result import Segmentation
from fewslice.training.inputs import usable_scans
from tests.support.drawings import (
    GRID,
    Labels,
    brushed,
    in_planes,
    on_slices,
    scan_of,
    two_bodies,
)
from tests.support.phantoms import dice

BODIES = two_bodies()
SCAN = Image(scan_of(BODIES), GRID)
CLEAN = on_slices(BODIES, (8, 16, 24))


def with_slip() -> Labels:
    labels = CLEAN.copy()
    labels[2, 2, 12] = 1
    return labels


def in_turns() -> Labels:
    return on_slices(BODIES, (8, 16, 24), 1) + on_slices(BODIES, (12, 20, 28), 2)


DRAWN = {
    "few-voxels": with_slip(),
    "brush-rims": brushed(CLEAN, (8, 16, 24), 1),
    "drawn-on-other-slices": in_turns(),
    "oblique-planes": in_planes(BODIES, (0.3, 0.1, 1), -9, 0, 9),
}


def answered(labels: Labels, **options: Any) -> Segmentation:
    return segment(SCAN, LabelMap(labels, GRID), engine="interpolation", **options)


@pytest.mark.parametrize("code", DRAWN)
def test_what_was_drawn_comes_back_and_a_remark_says_what_was_assumed(code: str) -> None:
    labels = DRAWN[code]
    found = answered(labels)
    assert codes_of(found.remarks) == {code}
    np.testing.assert_array_equal(found.labels.array[labels > 0], labels[labels > 0])
    strict = answered(labels, strict=True)
    assert not strict.remarks
    np.testing.assert_array_equal(strict.labels.array[labels > 0], labels[labels > 0])
    mine, theirs = (
        np.mean([dice(one.labels.array, BODIES, value) for value in (1, 2)])
        for one in (found, strict)
    )
    assert mine > theirs + 0.02


def test_a_slip_changes_nothing_but_its_own_voxel() -> None:
    clean, slip = answered(CLEAN).labels.array, answered(with_slip()).labels.array
    assert [tuple(voxel) for voxel in np.argwhere(clean != slip).tolist()] == [(2, 2, 12)]


def test_rims_change_nothing_but_their_own_voxels() -> None:
    labels = DRAWN["brush-rims"]
    clean, found = answered(CLEAN).labels.array, answered(labels).labels.array
    np.testing.assert_array_equal(found[labels == 0], clean[labels == 0])


def test_a_structure_of_one_voxel_is_remarked_wherever_it_is_answered() -> None:
    labels = CLEAN.copy()
    labels[2, 2, 16] = 7
    said = "Label 7 holds only 1 voxel; erase it if it was a slip of the hand."
    for options in ({}, {"strict": True}, {"annotated": [(2, 16)]}):
        assert said in answered(labels, **options).remarks
    mine = Session(SCAN, LabelMap(CLEAN, GRID), engine="interpolation")
    mine.draw(2, 16, labels[:, :, 16])
    assert said in mine.segment().remarks
    mine.redraw(labels)
    assert said in mine.remarks
    assert inspect_labels(LabelMap(labels, GRID), GRID).problems.count(said) == 1


@pytest.mark.slow
def test_a_structure_of_one_voxel_is_remarked_where_slices_are_suggested() -> None:
    labels = CLEAN.copy()
    labels[2, 2, 16] = 7
    assert "few-voxels-in-all" in codes_of(suggest(SCAN, LabelMap(labels, GRID)).remarks)


def test_naming_the_slice_of_a_slip_overrules() -> None:
    found = answered(with_slip(), annotated=[(2, 12)])
    assert not found.remarks
    assert (found.labels.array[:, :, 12] > 0).sum() == 1


def test_a_slice_named_empty_beyond_the_ends_stays_empty() -> None:
    found = answered(with_slip(), annotated=[(2, 27)])
    assert not found.labels.array[:, :, 27].any()
    assert (2, 27) in found.annotation.slices
    turns = answered(in_turns(), annotated=[(2, 30)])
    assert not turns.labels.array[:, :, 30].any()


def test_only_slices_drawn_as_slices_are_a_persons() -> None:
    assert answered(CLEAN).provenance.count("human") == 3
    assert answered(with_slip()).provenance.count("human") == 3
    oblique = answered(DRAWN["oblique-planes"])
    assert oblique.provenance.count("human") == 0
    report = make_report(oblique, {}, 0.0)
    assert (report.annotated, report.oblique_planes) == ((), 3)


def test_cleaning_up_keeps_a_slip_since_it_was_drawn() -> None:
    assert cleaned(answered(with_slip())).labels.array[2, 2, 12] == 1


@pytest.mark.parametrize("code", DRAWN)
def test_inspection_says_the_same(code: str) -> None:
    labels = LabelMap(DRAWN[code], GRID)
    facts = inspect_labels(labels, GRID)
    assert codes_of(facts.problems) == {code}
    assert facts.oblique_planes == (3 if code == "oblique-planes" else 0)
    assert not codes_of(inspect_labels(labels, GRID, strict=True).problems)


@pytest.mark.slow
@pytest.mark.parametrize("code", DRAWN)
def test_a_session_answers_as_segment_does_and_can_be_saved(code: str, tmp_path: Path) -> None:
    labels = LabelMap(DRAWN[code], GRID)
    mine = Session(SCAN, labels, engine="interpolation")
    assert codes_of(mine.remarks) == {code}
    np.testing.assert_array_equal(mine.labels.array, labels.array)
    found = mine.segment(on_slices=lambda slices: None)
    np.testing.assert_array_equal(found.labels.array, answered(labels.array).labels.array)
    mine.draw(2, 18, BODIES[:, :, 18])
    again = mine.segment()
    np.testing.assert_array_equal(again.labels.array[:, :, 18], BODIES[:, :, 18])
    assert code in codes_of(again.remarks)
    mine.save(tmp_path / "drawn.npz")
    other = Session(SCAN, engine="interpolation")
    other.load(tmp_path / "drawn.npz")
    assert codes_of(other.segment().remarks) == codes_of(again.remarks)
    strict = Session(SCAN, labels, engine="interpolation", strict=True)
    assert not strict.remarks
    assert not strict.segment().remarks


@pytest.mark.slow
@pytest.mark.parametrize("code", DRAWN)
def test_suggestions_go_by_what_is_known(code: str) -> None:
    labels = LabelMap(DRAWN[code], GRID)
    found = suggest(SCAN, labels, count=2)
    strict = suggest(SCAN, labels, count=2, strict=True)
    assert len(found.slices) == 2
    assert (found.predicted_dice, found.slices) != (strict.predicted_dice, strict.slices)
    if code == "few-voxels":
        clean = suggest(SCAN, LabelMap(CLEAN, GRID), count=2)
        assert found.predicted_dice == clean.predicted_dice


def test_training_learns_what_is_known_and_no_more() -> None:
    for code, labels in DRAWN.items():
        (scan,), skipped = usable_scans([(SCAN, LabelMap(labels, GRID))], False)
        assert not skipped
        assert codes_of(scan.annotation.remarks) == {code}
        wrong = scan.annotation.known() & (scan.annotation.labels == 0) & (BODIES > 0)
        assert wrong.sum() < 0.005 * (labels > 0).sum()
        (strict,), _ = usable_scans([(SCAN, LabelMap(labels, GRID))], False, strict=True)
        taught = strict.annotation.known() & (strict.annotation.labels == 0) & (BODIES > 0)
        assert taught.any()


@pytest.mark.slow
def test_support_scans_are_understood_the_same_way() -> None:
    pair = (SCAN, LabelMap(with_slip(), GRID))
    found = segment(SCAN, LabelMap(CLEAN, GRID), support=[pair], engine="atlas")
    assert "few-voxels" in codes_of(found.remarks)
    assert any(remark.startswith("Support scan 1: Label 1") for remark in found.remarks)


def test_255_can_be_a_structure() -> None:
    labels = np.where(CLEAN == 2, 255, CLEAN).astype(np.uint8)
    expected = answered(CLEAN)
    found = answered(labels, ignore_label=None)
    assert found.label_values == (0, 1, 255)
    assert found.labels.array.dtype == np.uint8
    np.testing.assert_array_equal(
        found.labels.array, np.where(expected.labels.array == 2, 255, expected.labels.array)
    )
    np.testing.assert_array_equal(found.drawing, labels)
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-6)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-6)
    assert [volume.value for volume in make_report(found, {}, 0.0).labels] == [1, 255]
    np.testing.assert_array_equal(cleaned(found).labels.array == 255, found.labels.array == 255)


def test_another_label_can_mean_not_looked_at() -> None:
    usual, other = CLEAN.copy(), CLEAN.copy()
    usual[24:38, :, 16], other[24:38, :, 16] = 255, 9
    found = answered(other, ignore_label=9)
    np.testing.assert_array_equal(found.labels.array, answered(usual).labels.array)
    assert 9 not in found.labels.array


def test_255_beside_254_is_remarked_and_facts_have_the_persons_numbers() -> None:
    labels = np.where(CLEAN == 2, 255, np.where(CLEAN == 1, 254, 0)).astype(np.uint8)
    assert "255-may-be-a-structure" in codes_of(answered(labels).remarks)
    assert not answered(labels, ignore_label=None).remarks
    told = inspect_labels(LabelMap(labels, GRID), GRID)
    assert "255-may-be-a-structure" in codes_of(told.problems)
    facts = inspect_labels(LabelMap(labels, GRID), GRID, ignore_label=None)
    assert [label.value for label in facts.labels] == [254, 255]
    assert facts.unknown == 0
