"""Outlines in oblique planes, answered in these planes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines import Interpolation, RandomWalker, Scan
from fewslice.engines.base import Prediction
from fewslice.engines.in_planes import InPlanes, families_of
from fewslice.volumes.geometry import Geometry
from tests.support.drawings import (
    GRID,
    SPACING,
    Labels,
    in_plane,
    in_planes,
    on_slices,
    scan_of,
    two_bodies,
)
from tests.support.phantoms import dice

BODIES = two_bodies()
SCAN = Scan(scan_of(BODIES)[None], GRID)


def labels_of(found: Prediction, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    labels = np.zeros(shape, dtype=np.uint8)
    labels[found.region.slices] = np.array(found.values)[found.probability.argmax(axis=0)]
    return labels


def answered(labels: Labels, scan: Scan = SCAN) -> npt.NDArray[np.uint8]:
    annotation = find_annotation(labels, scan.geometry)
    assert annotation.planes
    found = InPlanes(Interpolation()).prepare(scan).predict(annotation)
    np.testing.assert_allclose(found.probability.sum(axis=0), 1, atol=3e-3)
    return labels_of(found, labels.shape)


@pytest.mark.slow
@pytest.mark.parametrize("normal", [(0.15, 0, 1), (0.4, -0.2, 1), (0, 0.6, 1)])
def test_oblique_planes_are_answered_about_as_well_as_slices(
    normal: tuple[float, float, float],
) -> None:
    # Four slices at the same distances give Dice .93 and .79; these cut 2 off its middle.
    labels = in_planes(BODIES, normal, -9, -3, 3, 9)
    answer = answered(labels)
    assert dice(answer, BODIES, 1) > 0.87
    assert dice(answer, BODIES, 2) > 0.65
    strict = find_annotation(labels, GRID, strict=True)
    strips = labels_of(Interpolation().prepare(SCAN).predict(strict), BODIES.shape)
    assert dice(strips, BODIES, 1) < 0.7


@pytest.mark.slow
def test_a_flipped_and_permuted_scan_is_answered_the_same() -> None:
    labels = in_planes(BODIES, (0.4, -0.2, 1), -9, -3, 3, 9)
    expected = answered(labels)
    permuted = np.ascontiguousarray(labels.transpose(2, 0, 1)[::-1, :, ::-1])
    image = np.ascontiguousarray(scan_of(BODIES).transpose(2, 0, 1)[::-1, :, ::-1])
    grid = Geometry.from_spacing(permuted.shape, (SPACING[2], SPACING[0], SPACING[1]))
    found = answered(permuted, Scan(image[None], grid))
    back = found[::-1, :, ::-1].transpose(1, 2, 0)
    for value in (1, 2):
        assert dice(back, expected, value) > 0.95


def test_slices_are_left_to_the_engine() -> None:
    annotation = find_annotation(on_slices(BODIES, (10, 18, 24)), GRID)
    found = InPlanes(Interpolation()).prepare(SCAN).predict(annotation)
    expected = Interpolation().prepare(SCAN).predict(annotation)
    np.testing.assert_array_equal(found.probability, expected.probability)


@pytest.mark.slow
def test_planes_at_two_angles_and_a_whole_slice_are_averaged() -> None:
    one, other = in_plane(BODIES, (0.35, 0, 1), -6), in_plane(BODIES, (0, -0.4, 1), 7)
    labels = np.maximum(one, other)
    annotation = find_annotation(labels, GRID)
    assert [len(family) for family in families_of(annotation, GRID)] == [1, 1]
    both = answered(labels)
    labels[:, :, 15] = BODIES[:, :, 15]
    named = find_annotation(labels, GRID, [(2, 15)])
    families = families_of(named, GRID)
    assert [len(family) for family in families] == [1, 1, 1]
    assert families[-1][0].normal == (0.0, 0.0, 1.5)
    found = InPlanes(Interpolation()).prepare(SCAN).predict(named)
    three = labels_of(found, BODIES.shape)
    assert dice(three, BODIES, 1) > dice(both, BODIES, 1) > 0.7
    assert dice(three[:, :, 15], BODIES[:, :, 15], 1) > 0.95


def test_structures_in_planes_of_their_own_are_not_cut_out_of_the_others() -> None:
    normal = (0.4, -0.2, 1)
    ones = np.where(BODIES == 1, BODIES, 0).astype(np.uint8)
    twos = np.where(BODIES == 2, BODIES, 0).astype(np.uint8)
    labels = np.maximum(in_planes(ones, normal, -9, 0, 9), in_planes(twos, normal, 4.5, 13.5))
    annotation = find_annotation(labels, GRID)
    assert len(annotation.planes) == 5
    found = InPlanes(Interpolation()).prepare(SCAN).predict(annotation)
    # Without ByStructure the engine sees what may be anything as unknown, and a remark says so.
    assert "planes-in-turn" in {getattr(remark, "code", "") for remark in found.remarks}


@pytest.mark.slow
def test_the_random_walker_answers_one_oblique_plane() -> None:
    annotation = find_annotation(in_plane(BODIES, (0.3, 0.1, 1), 0), GRID)
    assert len(annotation.planes) == 1
    found = InPlanes(RandomWalker()).prepare(SCAN).predict(annotation)
    answer = labels_of(found, BODIES.shape)
    assert dice(answer, BODIES, 1) > 0.85
