import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Scan
from fewslice.engines.base import Prediction
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.segmentation.update import Answered, answer_again, changed_part
from fewslice.volumes.geometry import Geometry
from tests.support.phantoms import Phantom, two_organs

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
        ((6, 10), (6, 10, 14), (10, 21)),
        ((10, 14), (6, 10, 14), (0, 10)),
        ((6, 10, 14), (6, 10, 14), (0, -1)),
    ],
)
def test_the_part_reaches_from_neighbour_to_neighbour(
    then: tuple[int, ...], now: tuple[int, ...], part: tuple[int, int]
) -> None:
    phantom = two_organs()
    assert changed_part(annotated(phantom, *now), annotated(phantom, *then)) == (2, *part)


def test_a_slice_drawn_otherwise_is_a_change() -> None:
    phantom = two_organs()
    then = annotated(phantom, 6, 10, 14)
    labels = then.labels.copy()
    labels[14, 17, 10] = 0
    assert changed_part(Annotation(labels, then.slices), then) == (2, 6, 14)


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
