"""Support scans: how they reach an engine, and what is answered with nothing else to go by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice import Geometry, Image, LabelMap, segment
from fewslice.annotation.finding import find_annotation
from fewslice.engines import ENGINES
from fewslice.errors import GeometryError, InputError
from fewslice.reporting.figure.figure import draw_picture
from fewslice.reporting.report import make_report, report_text
from fewslice.segmentation.cleaned import cleaned
from fewslice.volumes.image import LabelArray
from fewslice.volumes.orientation import Turn
from fewslice.workflow.support import support_annotation
from tests.support.phantoms import Phantom, dice, two_organs
from tests.support.stand_in_engine import Voting

GRID = Geometry((44, 40, 22), np.diag([-1.0, -1.0, 2.0, 1.0]))
Pair = tuple[Image, LabelMap]


@pytest.fixture
def voting(monkeypatch: pytest.MonkeyPatch) -> Voting:
    engine = Voting()
    monkeypatch.setitem(ENGINES, "voting", engine)
    return engine


def pair(phantom: Phantom, labels: LabelArray | None = None, turn: Turn | None = None) -> Pair:
    """Return a phantom with its labels on GRID, or turned."""
    labels = phantom.truth if labels is None else labels
    if turn is None:
        return Image(phantom.image, GRID), LabelMap(labels, GRID)
    grid = turn.geometry(GRID)
    return Image(turn.array(phantom.image), grid), LabelMap(turn.array(labels), grid)


def others(count: int = 2) -> list[Pair]:
    return [pair(two_organs(seed=seed)) for seed in range(7, 7 + count)]


def test_a_scan_without_annotated_slices_is_segmented_from_support(voting: Voting) -> None:
    phantom = two_organs()
    image, _ = pair(phantom)
    found = segment(image, support=others(), engine="voting")
    for value in (1, 2):
        assert dice(found.labels.array, phantom.truth, value) > 0.9
    assert found.label_values == (0, 1, 2)
    assert found.support == 2
    assert found.annotation.slices == ()
    assert found.provenance == ("engine",) * 22
    assert found.axis == 2
    assert found.confidence.shape == (22,)
    np.testing.assert_array_equal(found.labels.geometry.affine, GRID.affine)
    assert found.remarks == (
        "Nothing is drawn on this scan: the answer rests on 2 support scans alone; look at it "
        "well.",
    )
    empty = segment(
        image, LabelMap(np.zeros(GRID.shape, np.uint16), GRID), support=others(), engine="voting"
    )
    np.testing.assert_array_equal(empty.labels.array, found.labels.array)


@pytest.mark.parametrize(
    "turn",
    [
        Turn((0, 1, 2), (True, False, True)),
        Turn((2, 0, 1), (False, False, False)),
        Turn((1, 0, 2), (False, True, False)),
        Turn((2, 1, 0), (True, True, True)),
    ],
)
@pytest.mark.parametrize("indices", [range(22), (6, 10, 14)])
def test_turned_support_gives_the_same_answer(
    voting: Voting, turn: Turn, indices: Sequence[int]
) -> None:
    phantom, other = two_organs(), two_organs(seed=7)
    image, _ = pair(phantom)
    labels = other.sparse(2, *indices)
    straight = segment(image, support=[pair(other, labels)], engine="voting")
    (seen,) = voting.seen
    turned = segment(image, support=[pair(other, labels, turn)], engine="voting")
    (seen_turned,) = voting.seen
    np.testing.assert_array_equal(seen_turned.scan.channels, seen.scan.channels)
    np.testing.assert_array_equal(seen_turned.annotation.labels, seen.annotation.labels)
    assert seen_turned.annotation.slices == seen.annotation.slices
    assert seen_turned.scan.spacing == seen.scan.spacing == (1, 1, 2)
    assert seen_turned.scan.channels.flags.c_contiguous
    assert straight.axis == turned.axis == 2
    np.testing.assert_array_equal(straight.labels.array, turned.labels.array)
    np.testing.assert_array_equal(straight.prediction.probability, turned.prediction.probability)


@pytest.mark.parametrize(("states", "seen"), [((1, 1, 9), (1, 1, 2)), ((1, 1, 3), (1, 1, 3))])
def test_a_spacing_given_also_corrects_support_that_says_the_same(
    voting: Voting, states: tuple[float, ...], seen: tuple[float, ...]
) -> None:
    """The scan says 1, 1, 9 and is taken to have 1, 1, 2."""
    other = two_organs(seed=7)
    grid = GRID.with_spacing(states)
    image = Image(two_organs().image, GRID.with_spacing((1, 1, 9)))
    support = [(Image(other.image, grid), LabelMap(other.truth, grid))]
    segment(image, spacing=(1, 1, 2), support=support, engine="voting")
    assert voting.seen[0].scan.spacing == pytest.approx(seen)


def test_a_turned_scan_gives_the_same_answer(voting: Voting) -> None:
    turn = Turn((2, 0, 1), (True, False, False))
    phantom = two_organs()
    straight = segment(pair(phantom)[0], support=others(), engine="voting")
    turned = segment(pair(phantom, turn=turn)[0], support=others(), engine="voting")
    assert turned.axis == 0
    np.testing.assert_array_equal(turned.labels.array, turn.array(straight.labels.array))


def test_labels_of_the_scan_and_of_its_support_are_both_answered(voting: Voting) -> None:
    phantom = two_organs()
    drawn = np.where(phantom.sparse(2, 6, 10, 14) == 1, 1, 0).astype(np.uint8)
    other = two_organs(seed=7)
    only_second = np.where(other.truth == 2, 300, 0).astype(np.uint16)
    support = [(other.image, only_second)]
    found = segment(phantom.image, drawn, spacing=phantom.spacing, support=support, engine="voting")
    assert found.label_values == (0, 1, 300)
    assert found.labels.array.dtype == np.uint16
    left = [index for index in range(22) if index not in (6, 10, 14)]
    second = np.where(phantom.truth == 2, 300, 0)
    assert dice(found.labels.array[:, :, left], second[:, :, left], 300) > 0.9
    np.testing.assert_array_equal(found.labels.array[:, :, 6], drawn[:, :, 6])
    assert found.provenance.count("human") == 3
    assert found.remarks == ()


def test_a_slice_may_be_named_empty_on_a_scan_without_labels(voting: Voting) -> None:
    phantom = two_organs()
    found = segment(
        phantom.image, support=others(), annotated=[(2, 10)], spacing=(1, 1, 2), engine="voting"
    )
    assert not found.labels.array[:, :, 10].any()
    assert found.labels.array[:, :, 9].any()
    assert found.provenance.count("human") == 1


def test_complete_labels_say_where_a_structure_is_not() -> None:
    truth = two_organs().truth
    complete = support_annotation(truth, GRID, 2)
    assert complete.slices == tuple((2, index) for index in range(22))
    assert complete.known().all()
    assert support_annotation(truth, GRID, 0).axis == 0
    # Two separate organs, each on many slices in a row: complete as well.
    apart = truth.copy()
    apart[23] = 0
    assert (find_annotation(apart, GRID).axis, support_annotation(apart, GRID, 1).axis) == (2, 1)


def test_a_slip_of_the_hand_in_complete_labels_is_remarked() -> None:
    labels = two_organs().truth.copy()
    assert support_annotation(labels, GRID, 2).remarks == ()
    labels[0, 0, 10] = 7
    complete = support_annotation(labels, GRID, 2)
    assert complete.slices == tuple((2, index) for index in range(22))
    assert [(each.code, each.labels) for each in complete.remarks] == [("few-voxels-in-all", (7,))]


@pytest.mark.parametrize("indices", [(6, 10, 14), (8, 9, 10, 11), (5, 6, 7, 8, 9, 14)])
def test_sparse_labels_of_support_say_nothing_between_them(indices: tuple[int, ...]) -> None:
    sparse = support_annotation(two_organs().sparse(2, *indices), GRID, 0)
    assert sparse.slices == tuple((2, index) for index in indices)


@pytest.mark.parametrize(
    ("areas", "complete"),
    [
        ([2, 9, 2], True),
        ([6, 9, 6], True),  # 6 is less than three quarters of 9
        ([7, 9, 2], False),  # 7 is not: the body may go on there
        ([9, 9, 9, 9], False),
        ([9, 9, 9, 9, 9], True),
        ([2, 9], False),
        ([2, 9, 2, 0, 4, 8, 8, 5], True),  # two bodies
        ([2, 9, 2, 0, 9], False),  # one, and a slice of another
    ],
)
def test_a_few_slices_in_a_row_are_complete_if_they_become_smaller_to_both_ends(
    areas: list[int], complete: bool
) -> None:
    labels = np.zeros((20, 20, 12), dtype=np.uint8)
    for index, area in enumerate(areas, start=2):
        labels[:, :area, index] = 1
    annotation = support_annotation(labels, Geometry.from_spacing(labels.shape, (1, 1, 5)), 2)
    assert (len(annotation.slices) == 12) is complete


def test_without_slices_the_main_axis_is_that_of_most_support(voting: Voting) -> None:
    first, second, third = (two_organs(seed=seed) for seed in (1, 2, 3))
    support = [
        pair(first, first.sparse(0, 10, 14, 30)),
        pair(second),
        pair(third, third.sparse(0, 12, 20, 32)),
    ]
    image = Image(two_organs().image, GRID)
    assert segment(image, support=support, engine="voting").axis == 0
    assert segment(image, support=support[:2], engine="voting").axis == 2


@pytest.mark.parametrize("engine", ["interpolation", "random-walker"])
def test_engines_without_use_for_support_need_a_slice(voting: Voting, engine: str) -> None:
    phantom = two_organs()
    with pytest.raises(InputError, match=rf"or choose an engine .* as {engine} cannot: .*voting\."):
        segment(phantom.image, support=[(phantom.image, phantom.truth)], engine=engine)
    with pytest.raises(InputError, match=r"on at least one slice\.$"):
        segment(phantom.image, engine=engine)
    with pytest.raises(InputError, match=r"or give support scans that hold it\.$"):
        segment(phantom.image, engine="voting")


def test_support_that_does_not_fit_is_named() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14)
    good = (phantom.image, phantom.truth)
    bad: list[tuple[tuple[Any, Any], type[Exception], str]] = [
        ((phantom.image[:-1], phantom.truth), GeometryError, "label map of support scan 2 has"),
        ((np.stack([phantom.image] * 2), phantom.truth), InputError, "scan 2 has 2 channels"),
        ((phantom.image, phantom.truth * 0), InputError, "labels of support scan 2 hold no"),
        ((phantom.image * np.nan, phantom.truth), InputError, "Support scan 2 holds no voxel"),
        ((phantom.image, phantom.truth * 0.5), InputError, "map of support scan 2 holds 0.5"),
        ((phantom.image[0], phantom.truth), InputError, "Support scan 2 has 2 axes"),
        (([[1, 2], [3]], phantom.truth), InputError, "Support scan 2 is a list; expected"),
    ]
    for pair_, error, said in bad:
        with pytest.raises(error, match=said):
            segment(phantom.image, labels, support=[good, pair_], engine="interpolation")


@pytest.mark.slow
def test_report_and_picture_say_that_nothing_was_annotated(voting: Voting, tmp_path: Path) -> None:
    image, _ = pair(two_organs())
    found = cleaned(segment(image, support=others(), engine="voting"))
    report = make_report(found, {"scan": "a", "labels": None, "support": []}, 0.0)
    assert (report.annotated, report.support, report.plane) == ((), 2, "axial")
    assert {item.provenance for item in report.slices} == {"engine"}
    assert len(report.least_sure()) == 3
    assert json.loads(report_text(report))["support"] == 2
    draw_picture(tmp_path / "a.png", image, found)
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_progress_and_repeats(voting: Voting) -> None:
    image, _ = pair(two_organs())
    seen: list[float] = []
    first = segment(image, support=others(), engine="voting", progress=seen.append)
    again = segment(image, support=others(), engine="voting")
    assert all(a <= b for a, b in pairwise(seen))
    np.testing.assert_array_equal(first.labels.array, again.labels.array)
