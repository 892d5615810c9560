"""Carrying structures over: which slices of support scans are shown, and where they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.engines import Prediction, Scan, SupportScan
from fewslice.engines.atlas.engine import (
    NOT_ALIKE,
    NOT_HELD,
    _example_cues,
    _informative,
    _seeds,
    _walked,
    find_examples,
    remembered,
    remembered_support,
)
from fewslice.engines.atlas.label_fusion import Vote
from fewslice.engines.network.engine import Network, PreparedNetwork
from fewslice.engines.network.features import find_cues
from fewslice.networks.inputs import OTHER_SCAN
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.engines.network.test_features import QUICK, drawn, scan_of
from tests.support.known_features import untrained
from tests.support.phantoms import Phantom, dice, two_organs


def ball(
    shape: tuple[int, int, int] = (40, 40, 20),
    spacing: tuple[float, float, float] = (1.0, 1.0, 2.0),
    *,
    middle: tuple[float, float, float] = (4.0, -5.0, 2.0),
    slices: tuple[tuple[int, int], ...] | None = None,
    scale: float = 1.0,
    value: int = 1,
) -> SupportScan:
    """Return a bright ball of 8 mm, at mm from the scan's middle; all its slices are annotated."""
    places = [
        (np.arange(length) - (length - 1) / 2) * step - centre
        for length, step, centre in zip(shape, spacing, middle, strict=True)
    ]
    i, j, k = np.meshgrid(*places, indexing="ij")
    inside = i**2 + j**2 + k**2 < 8**2
    image = np.where(inside, 1.0, 0.2) + np.random.default_rng(1).normal(0, 0.05, shape)
    every = slices if slices is not None else tuple((2, at) for at in range(shape[2]))
    labels = np.zeros(shape, dtype=np.uint8)
    for axis, index in every:
        place = (slice(None),) * axis + (index,)
        labels[place] = np.where(inside[place], value, 0)
    return SupportScan(Scan(scale * image[None], spacing), Annotation(labels, every))


def supported_by(
    image: npt.NDArray[np.float32], truth: npt.NDArray[np.uint8], every: int = 1
) -> SupportScan:
    """Return a scan like that of two organs, annotated on each n-th slice."""
    slices = tuple((2, at) for at in range(0, truth.shape[2], every))
    labels = np.zeros_like(truth)
    for _, at in slices:
        labels[..., at] = truth[..., at]
    return SupportScan(Scan(image[None], two_organs().spacing), Annotation(labels, slices))


def moved(phantom: Phantom, by: tuple[int, int, int]) -> SupportScan:
    """Return a phantom moved by some voxels, annotated on all slices."""
    image = np.roll(phantom.image, by, (0, 1, 2))
    return supported_by(image, np.roll(phantom.truth, by, (0, 1, 2)))


def test_examples_hold_the_structure_across_the_same_axis() -> None:
    across_rows = ball(slices=((0, 22), (0, 24)))
    another_label = ball(value=4)
    support = (ball(), across_rows, another_label)
    assert [each.support for each in find_examples(support, (1,), 2)] == [support[0]]
    assert [each.support for each in find_examples(support, (1,), 0)] == [across_rows]
    assert [each.support for each in find_examples(support, (1, 4), 2)] == [support[0], support[2]]
    assert find_examples(support, (9,), 2) == ()
    # Drawn, but not on a slice that was annotated across this axis.
    mixed = ball(slices=((0, 23), (2, 0)))
    assert find_examples((mixed,), (1,), 0)
    drawn_there = np.zeros_like(mixed.annotation.labels)
    drawn_there[23] = mixed.annotation.labels[23]
    nothing = Annotation(drawn_there, ((0, 23), (2, 0)))
    assert not find_examples((SupportScan(mixed.scan, nothing),), (1,), 2)


def test_what_an_example_knows_of_itself() -> None:
    (example,) = find_examples((ball(),), (1,), 2)
    # Ball of 8 mm around voxels (23.5, 14.5, 10.5): 16 x 16 x 8 voxels, and 35 % more on each side.
    assert example.region == Region((10, 1, 4), (38, 29, 18))
    assert 5 < example.radius <= 8.5
    assert example.low[0] == pytest.approx(0.1, abs=0.05)
    assert example.high[0] == pytest.approx(1.05, abs=0.05)


def test_informative_slices_are_spread_with_one_beyond_either_end() -> None:
    seeds = np.zeros((20, 3, 3), dtype=np.intp)
    seeds[5:15, 1, 1] = 1
    # Ten slices hold it: of four, the first, the last and two between; beyond by (14 - 5) / 4 = 2.
    assert _informative(seeds, 4) == (3, 5, 8, 11, 14, 16)
    assert _informative(seeds, 50) == (4, *range(5, 15), 15)
    seeds[16] = -1
    assert _informative(seeds, 4) == (3, 5, 8, 11, 14)
    seeds[:3], seeds[3] = -1, -1
    assert _informative(seeds, 4) == (5, 8, 11, 14)
    assert _informative(np.zeros((4, 3, 3), dtype=np.intp), 4) == ()
    at_the_border = np.ones((3, 2, 2), dtype=np.intp)
    assert _informative(at_the_border, 2) == (0, 2)


def test_seeds_number_the_values_asked_for() -> None:
    labels = np.array([0, 3, 7, 9, 255, 3], dtype=np.uint8).reshape(1, 6, 1)
    annotation = Annotation(np.repeat(labels, 2, axis=0), ((0, 0),))
    grid = WorkingGrid(Region((0, 0, 0), (2, 6, 1)), (2, 6, 1), (1.0, 1.0, 1.0))
    seeds = _seeds(annotation, (3, 9), grid)
    assert seeds[0, :, 0].tolist() == [0, 1, 0, 2, -1, 1]
    assert (seeds[1] == -1).all()
    half = WorkingGrid(Region((0, 0, 0), (1, 6, 1)), (1, 3, 1), (1.0, 1.0, 1.0))
    # Three voxels for six: the one just above each centre (0.5, 2.5, 4.5).
    assert _seeds(annotation, (3, 9), half)[0, :, 0].tolist() == [1, 2, 1]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 2.0), (0.6, 1.5, 3.0), (2.0, 2.0, 1.0)])
def test_the_same_mm_is_remembered_at_the_same_place(
    whole: bool, spacing: tuple[float, float, float]
) -> None:
    middle = (4.0, -5.0, 2.0)
    shape = tuple(round(side / step) for side, step in zip((48, 54, 42), spacing, strict=True))
    other = ball((shape[0], shape[1], shape[2]), spacing, middle=middle)
    scan = ball(middle=(0.0, 0.0, 0.0)).scan
    annotation = ball(middle=(0.0, 0.0, 0.0), slices=((2, 8), (2, 11))).annotation
    _, cues = find_cues(scan, annotation, QUICK)
    examples = find_examples((other,), (1,), 2)
    (memory,) = remembered(examples, (1,), 2, cues, whole=whole)
    assert (memory.frame == OTHER_SCAN).all()
    inside = memory.masks[:, 0, 0].numpy()
    at, rows, columns = np.nonzero(inside > 0.5)
    places = memory.place.numpy()
    pixel = (cues.step[1] * cues.step[2]) ** 0.5
    found = [
        (places[at, 0] + rows).mean() * cues.step[1],
        (places[at, 1] + columns).mean() * cues.step[2],
        places[at, 2].mean() * pixel,
    ]
    np.testing.assert_allclose(found, middle, atol=1.6)
    bright = memory.images[:, 0, 1].numpy()
    assert bright[inside > 0.99].mean() > 0.75
    assert bright[inside < 0.01].mean() < 0.35


def test_a_structure_lost_on_a_coarse_grid_is_an_empty_memory() -> None:
    other = ball()
    labels = np.zeros_like(other.annotation.labels)
    labels[17, 11, 8] = 1
    (thin,) = find_examples((SupportScan(other.scan, Annotation(labels, ((2, 8),))),), (1,), 2)
    cues = find_cues(other.scan, ball(slices=((2, 10),)).annotation, QUICK)[1]
    wide = replace(cues, step=(2.0, 3.1, 3.1))  # of three voxels the middle one is picked
    assert _example_cues(thin, (1,), 2, wide, 4, whole=True).seeds.max() == 0
    (memory,) = remembered((thin,), (1,), 2, wide, whole=True)
    assert memory.images.shape[0] == memory.masks.shape[0] == len(memory.place) == 0
    assert untrained().remember((memory,)) is None


def test_nothing_is_remembered_of_nothing() -> None:
    cues = find_cues(ball().scan, ball(slices=((2, 10),)).annotation, QUICK)[1]
    assert remembered_support((), (1,), 2, cues) == ()
    assert remembered_support((ball(value=3),), (1,), 2, cues) == ()
    assert len(remembered_support((ball(), ball(scale=2.0)), (1,), 2, cues)) == 2


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
    flat = Scan(np.zeros((1, *phantom.truth.shape)), phantom.spacing)
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
    vote = np.where(np.roll(truth, 1, axis=0) == 1, 0.75, 0.25)
    vote[10:15, 9:15, 4:8] = 0.96
    vote[:6] = vote[19:] = vote[:, :6] = vote[:, 18:] = 0.001
    grid = WorkingGrid(Region((0, 0, 0), image.shape), image.shape, (1.0, 1.0, 1.0))
    ballot = Vote(grid, (3,), vote[None].astype(np.float32), (1.0,), (2,))
    found = _walked(Scan(image[None], (1.0, 1.0, 1.0)), ballot, 2)
    assert found.values == (0, 3)
    before = dice((vote > 0.5).astype(np.uint8), truth, 1)
    assert before == pytest.approx(7 / 8)
    assert dice((answered(found, truth.shape) == 3).astype(np.uint8), truth, 1) > before + 0.05
