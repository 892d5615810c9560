import numpy as np
from scipy import ndimage

from fewslice.engines.auto import Auto, averaged_inside, inner_slices, mean_is_better
from fewslice.engines.protocol import Prediction, Scan
from fewslice.slices.annotation import Annotation, find_annotation
from fewslice.slices.region import Region
from fewslice.volumes.geometry import Geometry
from tests.phantoms import Phantom, two_organs


def annotation_of(phantom: Phantom, *indices: int) -> Annotation:
    labels = phantom.sparse(2, *indices)
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing))


def test_inner_slices_are_drawn_ones_between_others() -> None:
    phantom = two_organs()
    assert inner_slices(annotation_of(phantom, 8, 12)) == ()
    assert inner_slices(annotation_of(phantom, 6, 10, 14)) == ()
    assert inner_slices(annotation_of(phantom, 6, 9, 12, 14)) == (9, 12)
    assert inner_slices(annotation_of(phantom, *range(5, 16))) == (8, 10, 12)
    labels = phantom.sparse(2, 6, 9, 12, 14)
    marked = Annotation(labels, ((2, 2), (2, 6), (2, 9), (2, 12), (2, 14), (2, 20)))
    assert inner_slices(marked) == (9, 12)


def test_the_mean_must_win_clearly_and_nowhere_lose() -> None:
    assert mean_is_better([(0.8, 0.85), (0.7, 0.75)], margin=0.02)
    assert not mean_is_better([(0.8, 0.81), (0.7, 0.71)], margin=0.02)
    assert not mean_is_better([(0.8, 0.79), (0.6, 0.75)], margin=0.02)
    assert not mean_is_better([(0.1, 0.5), (0.2, 0.5)], margin=0.02)


def test_few_slices_say_that_nothing_was_compared() -> None:
    phantom = two_organs()
    prediction = (
        Auto()
        .prepare(Scan(phantom.image[None], phantom.spacing))
        .predict(annotation_of(phantom, 8, 10, 12))
    )
    assert "fewer than four slices are drawn in one plane" in prediction.remarks[0]


def test_misleading_intensities_make_it_lean_on_the_outlines() -> None:
    phantom = two_organs(noise=0.05)
    blobs = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=phantom.image.shape), 2)
    misleading = (blobs / blobs.std()).astype(np.float32)
    annotation = annotation_of(phantom, 6, 8, 10, 12, 14)
    clear = Auto().prepare(Scan(phantom.image[None], phantom.spacing)).predict(annotation)
    misled = Auto().prepare(Scan(misleading[None], phantom.spacing)).predict(annotation)
    assert "used the random walker" in clear.remarks[0]
    assert "used the mean" in misled.remarks[0]


def constant(region: Region, foreground: float) -> Prediction:
    probability = np.empty((2, *region.shape), dtype=np.float16)
    probability[0], probability[1] = 1 - foreground, foreground
    return Prediction(region, (0, 1), probability)


def test_averages_between_the_outermost_slices_only() -> None:
    labels = np.zeros((6, 6, 10), dtype=np.uint8)
    annotation = Annotation(labels, ((2, 3), (2, 6)))
    first = constant(Region((0, 0, 0), (6, 6, 10)), 1.0)
    second = constant(Region((2, 2, 2), (4, 4, 9)), 0.5)
    mean = averaged_inside(first, second, annotation).probability
    np.testing.assert_array_equal(mean[1, 2, 2, :], [1, 1, 1, 0.75, 0.75, 0.75, 0.75, 1, 1, 1])
    # Around its region the second is sure of background.
    np.testing.assert_array_equal(mean[1, 0, 0, :], [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 1])
    np.testing.assert_array_equal(mean.sum(axis=0), np.ones((6, 6, 10)))
    assert (first.probability[1] == 1).all()
