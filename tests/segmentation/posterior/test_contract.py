"""What every sampler of answers must do, whatever it is: one suite over `SAMPLERS`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.engines.network.features import FeatureSettings
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.segmentation.posterior import SAMPLERS, Augmentation, Sampler, Samples
from fewslice.volumes.geometry import Geometry, inplane_axes
from tests.support.phantoms import Phantom
from tests.support.small_organs import annotation_of, scan_of, small_organs, turned

AXIS = 2
DRAWN = (3, 5, 7)

QUICK = RandomWalker(FeatureSettings().sketch)
TESTED: dict[str, Sampler] = {**SAMPLERS, "augmentation": Augmentation(QUICK, count=1)}
"""One copy is as good as five to see whether it is right."""


@pytest.fixture(params=sorted(TESTED), scope="module")
def sampler(request: pytest.FixtureRequest) -> Sampler:
    return TESTED[request.param]


def checked(sampler: Sampler, phantom: Phantom, annotation: Annotation, seed: int = 0) -> Samples:
    """Samples with everything that holds for all of them."""
    found = sampler.samples(scan_of(phantom), annotation, seed)
    assert found.axis == annotation.axis
    assert found.values == (0, *annotation.values)
    region = found.region.shape
    others = [region[axis] for axis in inplane_axes(found.axis)]
    assert found.probability.dtype == np.float16
    assert found.probability.shape[1:] == (len(found.values), region[found.axis], *others)
    assert len(found.probability) >= 2
    assert found.by_axes.shape[2:] == region
    probability = found.by_axes.astype(np.float32)
    assert np.isfinite(probability).all()
    assert probability.min() >= 0
    assert probability.max() <= 1
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=0.01)
    known = annotation.known(found.region)
    assert known.any()
    drawn = annotation.labels[found.region.slices][known]
    for number, value in enumerate(found.values):
        for sample in probability[:, number]:
            np.testing.assert_array_equal(sample[known], drawn == value)
    return found


@dataclass(frozen=True, eq=False)
class Plain:
    phantom: Phantom
    annotation: Annotation
    samples: Samples


@pytest.fixture(scope="module")
def plain(sampler: Sampler) -> Plain:
    """The plainest question, which several tests compare with."""
    phantom = small_organs()
    annotation = annotation_of(phantom, AXIS, *DRAWN)
    return Plain(phantom, annotation, checked(sampler, phantom, annotation))


@pytest.mark.slow
def test_answers_are_right_and_differ(plain: Plain) -> None:
    found = plain.samples
    truth = plain.phantom.truth[found.region.slices]
    for sample in found.by_axes:
        answer = np.array(found.values)[sample.argmax(axis=0)]
        for value in (1, 2):
            both = ((answer == value) & (truth == value)).sum()
            assert 2 * both / ((answer == value).sum() + (truth == value).sum()) > 0.7
    spread = np.ptp(found.by_axes.astype(np.float32), axis=0)
    assert spread.max() > 0.1
    assert spread.mean() < 0.2


@pytest.mark.slow
def test_same_seed_same_samples(sampler: Sampler, plain: Plain) -> None:
    again = sampler.samples(scan_of(plain.phantom), plain.annotation, 0)
    np.testing.assert_array_equal(again.probability, plain.samples.probability)
    assert again.region == plain.samples.region


def test_asking_changes_nothing_given(sampler: Sampler) -> None:
    phantom = small_organs()
    annotation = annotation_of(phantom, AXIS, 5)
    image, labels = phantom.image.copy(), annotation.labels.copy()
    sampler.samples(scan_of(phantom), annotation)
    np.testing.assert_array_equal(phantom.image, image)
    np.testing.assert_array_equal(annotation.labels, labels)


def test_slices_across_another_axis_are_a_view_of_the_same(plain: Plain) -> None:
    found = plain.samples
    for axis in range(3):
        other, place = found.across(axis), (slice(None), slice(None), *on_slice(axis, 4))
        assert (other.axis, other.region, other.values) == (axis, found.region, found.values)
        assert np.shares_memory(other.probability, found.probability)
        np.testing.assert_array_equal(
            other.probability[:, :, 4],
            found.by_axes[place],
        )


@pytest.mark.slow
@pytest.mark.parametrize(("permutation", "flipped"), [((2, 0, 1), (0, 2)), ((1, 0, 2), (1,))])
def test_nothing_is_mirrored_or_permuted(
    sampler: Sampler,
    plain: Plain,
    permutation: tuple[int, int, int],
    flipped: tuple[int, ...],
) -> None:
    phantom = turned(plain.phantom, permutation, flipped)
    axis = permutation.index(AXIS)
    length = phantom.truth.shape[axis]
    drawn = [length - 1 - index if axis in flipped else index for index in DRAWN]
    found = checked(sampler, phantom, annotation_of(phantom, axis, *drawn))
    back = _whole(found, phantom)
    back = np.flip(back, tuple(2 + each for each in flipped))
    back = back.transpose(0, 1, *(2 + np.argsort(permutation)))
    was = _whole(plain.samples, plain.phantom)
    # Which slices are left out first, and noise, are drawn anew: samples are compared as a whole.
    answer = np.abs(back[0] - was[0])
    assert answer.mean() < 0.005
    assert (back[0].argmax(axis=0) != was[0].argmax(axis=0)).mean() < 0.005
    assert np.abs(back.mean(axis=0) - was.mean(axis=0)).mean() < 0.01


def _whole(found: Samples, phantom: Phantom) -> np.ndarray:
    full = np.zeros((*found.probability.shape[:2], *phantom.truth.shape), dtype=np.float32)
    full[:, 0] = 1
    full[(slice(None), slice(None), *found.region.slices)] = found.by_axes
    return full


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 6])
def test_one_slice_at_the_edge_of_the_scan(sampler: Sampler, index: int) -> None:
    phantom = small_organs()
    cut = Phantom(phantom.image[..., 1:8], phantom.truth[..., 1:8], phantom.spacing)
    if index == 0:  # the structure is cut by the border of the scan as well
        cut = Phantom(phantom.image[..., 4:], phantom.truth[..., 4:], phantom.spacing)
    checked(sampler, cut, annotation_of(cut, AXIS, index))


def test_one_label_of_any_value(sampler: Sampler) -> None:
    phantom = small_organs()
    labels = np.where(phantom.sparse(AXIS, 4, 6) == 1, 700, 0).astype(np.uint16)
    annotation = find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing))
    assert checked(sampler, phantom, annotation).values == (0, 700)


@pytest.mark.slow
def test_slices_of_two_planes_and_empty_ones(sampler: Sampler) -> None:
    phantom = small_organs()
    labels = phantom.sparse(AXIS, 5)
    labels[8] = phantom.truth[8]
    named: tuple[SliceIndex, ...] = ((AXIS, 0), (AXIS, 5), (0, 8))
    annotation = find_annotation(
        labels, Geometry.from_spacing(labels.shape, phantom.spacing), named
    )
    found = checked(sampler, phantom, annotation)
    assert found.axis == AXIS
    if found.region.start[AXIS] == 0:
        assert (found.by_axes[:, 0, :, :, 0] == 1).all()


@pytest.mark.slow
def test_not_looked_at_is_neither_known_nor_background(sampler: Sampler) -> None:
    phantom = small_organs()
    labels = phantom.sparse(AXIS, *DRAWN)
    labels[:, 10:, 5] = 255
    annotation = find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing))
    found = checked(sampler, phantom, annotation)
    hidden = np.zeros(labels.shape, dtype=bool)
    hidden[:, 10:, 5] = phantom.truth[:, 10:, 5] > 0
    assert (found.by_axes[0, 0][hidden[found.region.slices]] < 0.5).mean() > 0.8


@pytest.mark.slow
def test_a_scan_that_is_the_same_everywhere(sampler: Sampler) -> None:
    phantom = small_organs()
    flat = Phantom(np.full_like(phantom.image, -1000), phantom.truth, phantom.spacing)
    checked(sampler, flat, annotation_of(flat, AXIS, 4, 6))


@pytest.mark.slow
def test_channels_and_whole_numbers(sampler: Sampler) -> None:
    phantom = small_organs()
    grey = (phantom.image * 1000).astype(np.int16)
    scan = scan_of(phantom)
    two = replace(scan, channels=np.stack([grey, -grey]))
    found = sampler.samples(two, annotation_of(phantom, AXIS, 5))
    assert np.isfinite(found.probability).all()
