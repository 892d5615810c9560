"""Structures carried over from support scans alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.engines import Prediction, Scan, SupportScan
from fewslice.engines.atlas.engine import NOT_ALIKE, NOT_HELD, _walked
from fewslice.engines.atlas.label_fusion import FusedLabels
from fewslice.engines.network.engine import Network, PreparedNetwork
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.engines.network.test_features import drawn, scan_of
from tests.support.known_features import untrained
from tests.support.phantoms import Phantom, dice, two_organs
from tests.support.support_scans import ball, moved, supported_by


def carry(support: tuple[SupportScan, ...], axis: int = 2) -> tuple[Phantom, Prediction]:
    """Return what is carried over to a scan of two organs from support scans."""
    phantom = two_organs()
    prepared = PreparedNetwork(scan_of(phantom), support, Network(), untrained())
    seen: list[float] = []
    blank = blank_annotation(np.zeros_like(phantom.truth), axis, (1, 2))
    found = prepared.predict(blank, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert found.values == (0, 1, 2)
    probability = found.probability.astype(np.float32)
    assert np.isfinite(probability).all()
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=2e-3)
    return phantom, found


def answered(found: Prediction, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the likeliest label of every voxel of a scan."""
    labels = np.zeros(shape, dtype=np.uint8)
    labels[found.region.slices] = np.array(found.values)[found.probability.argmax(axis=0)]
    return labels


def test_structures_are_carried_over_whatever_the_support_is_annotated_across() -> None:
    for axis in (2, 0):
        phantom, found = carry((moved(two_organs(seed=3), (3, -2, 1)),), axis)
        assert found.remarks == ()
        labels = answered(found, phantom.truth.shape)
        assert dice(labels, phantom.truth, 1) > 0.9
        assert dice(labels, phantom.truth, 2) > 0.9


def test_what_cannot_be_carried_over_has_a_remark() -> None:
    phantom = two_organs()
    flat = supported_by(np.zeros_like(phantom.image), phantom.truth)
    one = supported_by(phantom.image, np.where(phantom.truth == 1, 1, 0).astype(np.uint8))
    for support, remarks in (
        ((), (NOT_HELD,)),
        ((ball(value=7),), (NOT_HELD,)),
        ((flat,), (NOT_ALIKE,)),
    ):
        found = carry(support)[1]
        assert found.remarks == remarks
        assert (found.probability[0] == 1).all()
    _, found = carry((one,))
    assert found.remarks == (NOT_HELD,)
    labels = answered(found, phantom.truth.shape)
    assert dice(labels, phantom.truth, 1) > 0.9
    assert not (labels == 2).any()


def test_support_that_disagrees_has_a_remark() -> None:
    phantom = two_organs()
    other = np.where(phantom.truth == 2, 2, 0).astype(np.uint8)
    other[18:27, 2:12, 4:9] = 1  # structure 1 is said to be in two places that do not touch
    found = carry((supported_by(phantom.image, phantom.truth), supported_by(phantom.image, other)))
    assert found[1].remarks == (
        "The support scans do not agree well on where label 1 lies here; look at it closely.",
    )


def test_a_scan_that_is_the_same_everywhere_is_answered_with_nothing() -> None:
    phantom = two_organs()
    flat = Scan.from_spacing(np.zeros((1, *phantom.truth.shape)), phantom.spacing)
    support = (supported_by(phantom.image, phantom.truth),)
    blank = blank_annotation(np.zeros_like(phantom.truth), 2, (1, 2))
    found = PreparedNetwork(flat, support, Network(), untrained()).predict(blank)
    assert found.remarks == (NOT_ALIKE,)
    assert (found.probability[0] == 1).all()


def test_slices_named_empty_alone_are_no_annotation() -> None:
    phantom = two_organs()
    empty = Annotation(np.zeros_like(phantom.truth), ((2, 3),)).with_values((1, 2))
    support = (supported_by(two_organs(seed=3).image, phantom.truth),)
    found = PreparedNetwork(scan_of(phantom), support, Network(), untrained()).predict(empty)
    assert found.values == (0, 1, 2)
    assert drawn(phantom).values == (1, 2)
    assert dice(answered(found, phantom.truth.shape), phantom.truth, 2) > 0.9


def test_the_walk_moves_a_boundary_to_an_edge_nearby() -> None:
    """A bright cube on dark ground; the vote is one voxel too far along the first axis."""
    image = np.zeros((24, 24, 12), dtype=np.float32)
    image[8:16, 8:16, 3:9] = 1
    image += np.random.default_rng(0).normal(0, 0.02, image.shape).astype(np.float32)
    truth = (image > 0.5).astype(np.uint8)
    fused = np.where(np.roll(truth, 1, axis=0) == 1, 0.75, 0.25)
    fused[10:15, 9:15, 4:8] = 0.96
    fused[:6] = fused[19:] = fused[:, :6] = fused[:, 18:] = 0.001
    grid = WorkingGrid(Region((0, 0, 0), image.shape), image.shape, (1.0, 1.0, 1.0))
    one = FusedLabels(grid, (3,), fused[None].astype(np.float32), (1.0,), (2,))
    found = _walked(Scan.from_spacing(image[None], (1.0, 1.0, 1.0)), one, 2)
    assert found.values == (0, 3)
    before = dice((fused > 0.5).astype(np.uint8), truth, 1)
    assert before == pytest.approx(7 / 8)
    assert dice((answered(found, truth.shape) == 3).astype(np.uint8), truth, 1) > before + 0.05
