"""Slices put into place for the answer, and brought back afterwards."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.slice_shift import shift_slices
from fewslice.engines import Interpolation, RandomWalker, Scan
from fewslice.engines.aligned import Aligned, shifted_back
from fewslice.engines.base import Prediction
from fewslice.volumes.region import Region
from tests.support.shifted_slices import SPACING, column, zigzag


def of_slices(truth: npt.NDArray[np.uint8], axis: int, *indices: int) -> Annotation:
    labels = np.zeros_like(truth)
    for index in indices:
        labels[on_slice(axis, index)] = truth[on_slice(axis, index)]
    return Annotation(labels, tuple((axis, index) for index in indices))


def dice(prediction: Prediction, truth: npt.NDArray[np.uint8]) -> float:
    found = np.zeros(truth.shape, dtype=bool)
    found[prediction.region.slices] = prediction.probability[1] > 0.5
    return float(2 * (found & (truth > 0)).sum() / (found.sum() + (truth > 0).sum()))


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("engine", "gain"), [(Interpolation(), 0.02), (RandomWalker(), 0.0)])
def test_moved_slices_are_answered_where_they_lie(
    engine: Interpolation | RandomWalker, gain: float, axis: int
) -> None:
    straight, its_truth = column()
    image = shift_slices(np.moveaxis(straight, 2, axis), axis, zigzag())
    truth = shift_slices(np.moveaxis(its_truth, 2, axis), axis, zigzag())
    spacing = np.insert(np.array(SPACING[:2]), axis, SPACING[2])
    scan = Scan.from_spacing(image[None], (float(spacing[0]), float(spacing[1]), float(spacing[2])))
    annotation = of_slices(truth, axis, 0, 4, 11)
    aligned = Aligned(engine).prepare(scan).predict(annotation)
    assert "slices lie up to" in aligned.remarks[-1].lower()
    as_it_is = engine.prepare(scan).predict(annotation)
    # The column is so bright that the random walker finds it anyhow.
    assert dice(aligned, truth) > max(dice(as_it_is, truth) + gain, 0.95)
    assert aligned.values == (0, 3)
    np.testing.assert_allclose(aligned.probability.sum(axis=0), 1, atol=2e-3)


def test_slices_in_place_are_answered_as_they_are() -> None:
    image, truth = column()
    scan, annotation = Scan.from_spacing(image[None], SPACING), of_slices(truth, 2, 2, 8)
    found = Aligned(Interpolation()).prepare(scan).predict(annotation)
    expected = Interpolation().prepare(scan).predict(annotation)
    np.testing.assert_array_equal(found.probability, expected.probability)
    assert found.region == expected.region
    assert found.remarks == expected.remarks


def test_slices_of_several_planes_and_none_are_not_aligned() -> None:
    image, truth = column()
    image, truth = shift_slices(image, 2, zigzag()), shift_slices(truth, 2, zigzag())
    scan = Scan.from_spacing(image[None], SPACING)
    labels = of_slices(truth, 2, 4).labels | of_slices(truth, 0, 45).labels
    crossing = Annotation(labels, ((0, 45), (2, 4)))
    assert not Aligned(Interpolation()).prepare(scan).predict(crossing).remarks


def test_nothing_drawn_at_the_border_is_lost() -> None:
    image, truth = column()
    truth[:] = 0
    truth[0:2, 30:50] = 3  # sliding slice 2 up by 3 or so would push it out
    shifts = zigzag()
    scan = Scan.from_spacing(shift_slices(image, 2, shifts)[None], SPACING)
    annotation = of_slices(truth, 2, 2)
    found = Aligned(Interpolation()).prepare(scan).predict(annotation)
    assert not found.remarks
    inside = np.zeros(truth.shape, dtype=np.float16)
    inside[found.region.slices] = found.probability[1]
    assert (inside[0:2, 30:50, 2] > 0.5).all()
    # Also where the other slices would keep it.
    assert not Aligned(Interpolation()).prepare(scan).predict(of_slices(truth, 2, 2, 7)).remarks
    elsewhere = of_slices(truth, 2, 7)
    assert Aligned(Interpolation()).prepare(scan).predict(elsewhere).remarks


def test_brought_back_by_hand() -> None:
    probability = np.zeros((2, 2, 3, 2), dtype=np.float16)
    probability[1, :, :, 0] = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
    probability[1, :, :, 1] = [[0.7, 0.8, 0.9], [1.0, 0.5, 0.25]]
    probability[0] = 1 - probability[1]
    prediction = Prediction(Region((0, 1, 3), (2, 4, 5)), (0, 7), probability, ("so",))
    shifts = np.zeros((6, 2), dtype=np.int64)
    shifts[4] = [1, -1]  # slice 4 had been shifted one row down and one column to the left
    found = shifted_back(prediction, 2, shifts, (5, 6, 6))
    assert found.values == (0, 7)
    assert found.remarks == ("so",)
    assert found.region == Region((0, 0, 3), (3, 5, 5))
    inside = found.probability[1]
    expected = np.zeros((3, 5))
    expected[:2, 1:4] = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
    np.testing.assert_allclose(inside[..., 0], expected, atol=1e-3)
    # Row 1 comes back to row 0; what lay in row 0 came in from beyond the border.
    expected = np.zeros((3, 5))
    expected[0, 2:] = [1.0, 0.5, 0.25]
    np.testing.assert_allclose(inside[..., 1], expected, atol=1e-3)
    np.testing.assert_allclose(found.probability.sum(axis=0), 1, atol=1e-3)
