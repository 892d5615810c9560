from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Auto, Scan
from fewslice.engines.base import Prediction, Progress, SupportScan, silent
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.kept import KeptAnswer
from fewslice.segmentation.assemble import assemble_labels
from fewslice.segmentation.update import Answered, answer_again, changed_part
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.phantoms import Phantom, dice, two_organs

AXIS = 2


def annotated(phantom: Phantom, *indices: int) -> Annotation:
    labels = phantom.sparse(AXIS, *indices)
    named = [(AXIS, index) for index in indices]
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing), named)


def scan_of(phantom: Phantom) -> Scan:
    return Scan.from_spacing(phantom.image[None], phantom.spacing)


def full(prediction: Prediction, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros((len(prediction.values), *shape), dtype=np.float32)
    found[0] = 1
    found[(slice(None), *prediction.region.slices)] = prediction.probability
    return found


@pytest.mark.parametrize(
    ("then", "now", "part"),
    [
        ((6, 10, 14), (6, 8, 10, 14), (6, 10)),
        ((6, 10, 14), (6, 8, 10, 12, 14), (6, 14)),
        ((6, 8, 10, 14), (6, 10, 14), (6, 10)),
        ((6, 10, 14), (6, 10, 14), (0, -1)),
    ],
)
def test_the_part_reaches_from_neighbour_to_neighbour(
    then: tuple[int, ...], now: tuple[int, ...], part: tuple[int, int]
) -> None:
    phantom = two_organs()
    assert changed_part(annotated(phantom, *now), annotated(phantom, *then)) == (2, *part)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ((6, 14), (6, 10, 14)),  # two slices stay
        ((6, 10), (6, 10, 14)),
        ((8, 10, 12), (8, 10, 12, 14)),  # the new one is the outermost
        ((8, 10, 12), (6, 8, 10, 12)),
        ((6, 8, 10, 14), (6, 8, 10)),  # the outermost one is given up
        ((6, 10, 14), (6, 10, 14, 20)),  # there is nothing on slice 20: it tells an end
    ],
)
def test_all_is_answered_again_where_ends_may_move(
    then: tuple[int, ...], now: tuple[int, ...]
) -> None:
    phantom = two_organs()
    assert changed_part(annotated(phantom, *now), annotated(phantom, *then)) is None


def test_ends_are_as_if_all_slices_had_been_drawn_at_once() -> None:
    phantom = two_organs()
    scan, engine = scan_of(phantom), Interpolation()
    then = annotated(phantom, 10)
    answer = engine.prepare(scan).predict(then)
    for drawn in ((7, 10), (7, 10, 13)):
        now = annotated(phantom, *drawn)
        answer = answer_again(engine, scan, now, Answered(then, answer))
        then = now
    fresh = full(engine.prepare(scan).predict(then), phantom.truth.shape)
    np.testing.assert_array_equal(full(answer, phantom.truth.shape), fresh)


def test_a_slice_drawn_otherwise_is_a_change() -> None:
    phantom = two_organs()
    then = annotated(phantom, 6, 8, 10, 14)
    labels = then.labels.copy()
    labels[14, 17, 10] = 0
    assert changed_part(Annotation(labels, then.slices), then) == (2, 8, 14)


def test_all_is_answered_again_where_a_structure_is_new_or_planes_differ() -> None:
    phantom = two_organs()
    now = annotated(phantom, 6, 8, 10)
    only_first = Annotation(np.where(now.labels == 1, 1, 0).astype(np.uint8), now.slices)
    assert changed_part(now, only_first) is None
    crossed = find_annotation(
        phantom.sparse(0, 14, 31), Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    )
    assert changed_part(now, crossed) is None


def several(phantom: Phantom, axial: tuple[int, ...], sagittal: tuple[int, ...]) -> Annotation:
    labels = phantom.sparse(2, *axial) | phantom.sparse(0, *sagittal)
    slices = [(0, index) for index in sagittal] + [(2, index) for index in axial]
    return Annotation(labels, tuple(slices))


@pytest.mark.parametrize(
    ("axial", "sagittal", "part"),
    [
        ((6, 8, 10), (14,), (2, 6, 10)),
        ((6, 10), (14, 20), (0, 14, two_organs().truth.shape[0] - 1)),
        ((6, 8, 10), (14, 20), None),
        ((6, 10), (), None),
    ],
)
def test_with_slices_of_several_planes_it_is_a_part_along_one_of_them(
    axial: tuple[int, ...], sagittal: tuple[int, ...], part: tuple[int, int, int] | None
) -> None:
    phantom = two_organs()
    then = several(phantom, (6, 10), (14,))
    assert changed_part(several(phantom, axial, sagittal), then) == part


@pytest.mark.parametrize("added", [((6, 8, 10), (14,)), ((6, 10), (14, 20))])
def test_only_that_part_changes_whichever_plane_it_lies_in(
    added: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    phantom = two_organs()
    scan, engine = scan_of(phantom), Interpolation()
    then, now = several(phantom, (6, 10), (14,)), several(phantom, *added)
    earlier = engine.prepare(scan).predict(then)
    again = full(answer_again(engine, scan, now, Answered(then, earlier)), phantom.truth.shape)
    axis, first, last = changed_part(now, then) or pytest.fail("all of it")
    before = np.moveaxis(full(earlier, phantom.truth.shape), 1 + axis, 1)
    after = np.moveaxis(again, 1 + axis, 1)
    np.testing.assert_array_equal(after[:, :first], before[:, :first])
    np.testing.assert_array_equal(after[:, last + 1 :], before[:, last + 1 :])
    (new,) = set(now.slices) - set(then.slices)
    truth = np.moveaxis(phantom.truth, axis, 0)[new[1]]
    wrong = [(answer.argmax(axis=0)[new[1]] != truth).sum() for answer in (before, after)]
    assert wrong[1] < wrong[0] / 3


def test_only_the_part_between_the_neighbours_changes() -> None:
    phantom = two_organs()
    scan, engine = scan_of(phantom), Interpolation()
    then, now = annotated(phantom, 6, 10, 14), annotated(phantom, 6, 8, 10, 14)
    earlier = engine.prepare(scan).predict(then)
    again = answer_again(engine, scan, now, Answered(then, earlier))
    shape = phantom.truth.shape
    before, after = full(earlier, shape), full(again, shape)
    np.testing.assert_array_equal(after[..., :6], before[..., :6])
    np.testing.assert_array_equal(after[..., 11:], before[..., 11:])
    assert np.abs(after[..., 7:10] - before[..., 7:10]).max() > 0.3
    # Interpolation between two slices depends on these alone: it is as if asked from scratch.
    fresh = full(engine.prepare(scan).predict(now), shape)
    np.testing.assert_allclose(after[..., 6:11], fresh[..., 6:11], atol=0.01)
    np.testing.assert_allclose(after.sum(axis=0), 1, atol=0.01)


def test_a_slice_beyond_the_others_is_answered_to_the_end_of_the_scan() -> None:
    phantom = two_organs()
    scan, engine = scan_of(phantom), Interpolation()
    then, now = annotated(phantom, 8, 11), annotated(phantom, 8, 11, 16)
    earlier = engine.prepare(scan).predict(then)
    again = full(answer_again(engine, scan, now, Answered(then, earlier)), phantom.truth.shape)
    found = again.argmax(axis=0)
    assert (found[..., 14] > 0).any()
    np.testing.assert_array_equal(found[..., 16] > 0, phantom.truth[..., 16] > 0)


def test_nothing_new_changes_nothing() -> None:
    phantom = two_organs()
    then = annotated(phantom, 6, 10, 14)
    earlier = Interpolation().prepare(scan_of(phantom)).predict(then)
    again = answer_again(
        Interpolation(), scan_of(phantom), annotated(phantom, 6, 10, 14), Answered(then, earlier)
    )
    assert again is earlier


@dataclass(frozen=True, eq=False)
class _Recorder:
    """An engine that answers along planes, and writes down along which it was asked."""

    asked: list[tuple[int, ...]]

    uses_support = False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> _Recording:
        return _Recording(scan, self.asked)


@dataclass(frozen=True, eq=False)
class _Recording:
    scan: Scan
    asked: list[tuple[int, ...]]

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        return self.predict_from((), annotation)

    def predict_from(
        self, kept: Sequence[KeptAnswer], annotation: Annotation, progress: Progress = silent
    ) -> Prediction:
        known = {one.axis for one in kept}
        axes = tuple(axis for axis in annotation.axes if axis not in known)
        self.asked.append(axes)
        whole = Region((0, 0, 0), self.scan.shape)
        grid = WorkingGrid(whole, self.scan.shape, self.scan.spacing)
        # Every answer is the number of the question, in hundredths.
        share = np.full(
            (len(annotation.values), *self.scan.shape), len(self.asked) / 100, dtype=np.float32
        )
        slices, values = frozenset(annotation.slices), annotation.values
        mine = tuple(
            KeptAnswer(axis, False, values, slices, annotation.drawn_along(axis), grid, share)
            for axis in axes
        )
        classes = 1 + len(values)
        probability = np.full((classes, *self.scan.shape), 1 / classes, dtype=np.float16)
        return Prediction(whole, (0, *values), probability, (), mine)


def asked_along(*drawings: Annotation) -> tuple[list[tuple[int, ...]], Prediction]:
    """Return along which planes each of these drawings is asked, and the last answer."""
    phantom, engine = two_organs(), _Recorder([])
    earlier: Answered | None = None
    for annotation in drawings:
        found = answer_again(engine, scan_of(phantom), annotation, earlier)
        earlier = Answered(annotation, found)
    assert earlier is not None
    return engine.asked, earlier.prediction


def test_one_more_slice_is_asked_along_its_own_plane_alone() -> None:
    phantom = two_organs()
    asked, found = asked_along(
        several(phantom, (6, 10), (14,)),
        several(phantom, (6, 8, 10), (14,)),
        several(phantom, (6, 8, 10), (14, 31)),
    )
    assert asked == [(0, 2), (2,), (0,)]
    kept = {one.axis: one for one in found.kept}
    # Of the second question slices 6 to 10 across axis 2, of the third 14 to the end across axis 0.
    across = np.array([0.01] * 6 + [0.02] * 5 + [0.01] * 11, dtype=np.float32)
    np.testing.assert_array_equal(kept[2].share[0, 20, 20], across)
    along = np.array([0.01] * 14 + [0.03] * 30, dtype=np.float32)
    np.testing.assert_array_equal(kept[0].share[1, :, 20, 8], along)
    assert kept[2].slices == {(0, 14), (2, 6), (2, 8), (2, 10)}
    assert kept[0].slices == {(0, 14), (0, 31), (2, 6), (2, 8), (2, 10)}


def test_a_plane_that_does_not_know_three_slices_is_asked_again() -> None:
    phantom = two_organs()
    steps = [(4, 16), (4, 8, 16), (4, 8, 10, 16), (4, 8, 10, 12, 16), (4, 6, 8, 10, 12, 16)]
    asked, found = asked_along(*(several(phantom, drawn, (14,)) for drawn in steps))
    assert asked == [(0, 2), (2,), (2,), (0, 2), (2,)]
    kept = {one.axis: one for one in found.kept}
    # It was asked between 10 and 16, so that it still does not know 8, nor 6 of after that.
    assert kept[0].slices == {(0, 14), (2, 4), (2, 10), (2, 12), (2, 16)}


def test_a_plane_that_knows_a_changed_slice_is_asked_again() -> None:
    phantom = two_organs()
    then = several(phantom, (6, 8, 10), (14,))
    labels = then.labels.copy()
    labels[31, 21:25, 8] = 0  # slice 8 drawn otherwise
    redrawn = Annotation(labels, then.slices)
    assert asked_along(then, redrawn)[0] == [(0, 2), (0, 2)]
    fewer = several(phantom, (6, 10), (14,))
    asked, found = asked_along(then, fewer)  # slice 8 given up
    assert asked == [(0, 2), (0, 2)]
    assert {one.axis for one in found.kept} == {0, 2}


def test_a_slice_that_no_other_plane_knows_may_be_drawn_otherwise() -> None:
    phantom = two_organs()
    then, now = several(phantom, (6, 10), (14,)), several(phantom, (6, 8, 10), (14,))
    labels = now.labels.copy()
    labels[31, 21:25, 8] = 0
    asked, _ = asked_along(then, now, Annotation(labels, now.slices), then)
    assert asked == [(0, 2), (2,), (2,), (2,)]


def test_structures_in_doubt_are_asked_for_along_all_planes() -> None:
    phantom = two_organs()
    then, now = several(phantom, (6, 10), (14,)), several(phantom, (6, 8, 10), (14,))
    doubts = (((0, 14), 1),)
    engine = _Recorder([])
    earlier = answer_again(engine, scan_of(phantom), replace(then, doubts=()), None)
    doubtful = Answered(replace(then, doubts=doubts), earlier)
    answer_again(engine, scan_of(phantom), replace(now, doubts=doubts), doubtful)
    # The first structure without the slice it is in doubt on, the second from all of them.
    assert engine.asked[1:] == [(2,), (0, 2)]


def overlap(one: Prediction, other: Prediction, annotation: Annotation) -> float:
    """Dice of two answers' structures, both together."""
    first, second = (assemble_labels(each, annotation) > 0 for each in (one, other))
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "added"),
    [(((0, 14), (0, 31), (2, 12)), (2, 8)), (((0, 14), (0, 31), (1, 20), (2, 12)), (0, 22))],
)
def test_one_more_slice_is_answered_nearly_as_all_at_once(
    then: tuple[tuple[int, int], ...], added: tuple[int, int]
) -> None:
    phantom, engine = two_organs(), Auto()

    def drawn(places: tuple[tuple[int, int], ...]) -> Annotation:
        parts = [phantom.sparse(axis, index) for axis, index in places]
        return Annotation(np.maximum.reduce(parts), tuple(sorted(places)))

    before, now = drawn(then), drawn((*then, added))
    scan = scan_of(phantom)
    earlier = answer_again(engine, scan, before, None)
    assert {one.axis for one in earlier.kept} == {axis for axis, _ in then}
    again = answer_again(engine, scan, now, Answered(before, earlier))
    fresh = answer_again(engine, scan, now, None)
    every = answer_again(engine, scan, now, Answered(before, replace(earlier, kept=())))
    # As near as what is asked along all planes between the neighbours, as in one plane.
    assert overlap(again, fresh, now) > min(overlap(every, fresh, now), 0.99) - 0.005
    assert {(one.axis, one.alone) for one in again.kept} >= {(axis, False) for axis, _ in then}
    truth = [dice(assemble_labels(each, now), phantom.truth, 1) for each in (again, fresh)]
    assert truth[0] > truth[1] - 0.01
