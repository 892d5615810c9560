"""Which slices of support scans are remembered, and where they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import SupportScan
from fewslice.engines.network.features import find_features
from fewslice.engines.network.support_memory import (
    _example_features,
    _informative,
    _seeds,
    find_examples,
    remembered,
    remembered_support,
)
from fewslice.networks.inputs import OTHER_SCAN
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.known_features import untrained
from tests.support.quick_features import QUICK
from tests.support.support_scans import ball


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


def test_an_example_of_tiny_intensities_is_remembered_alike() -> None:
    other = ball()
    tiny = replace(other, scan=replace(other.scan, channels=np.ldexp(other.scan.channels, -60)))
    features = find_features(ball().scan, ball(slices=((2, 10),)).annotation, QUICK)[1]
    known, found = (
        remembered(find_examples((each,), (1,), 2), (1,), 2, features)[0].images.numpy()
        for each in (other, tiny)
    )
    assert np.ptp(known) > 1
    np.testing.assert_array_equal(found, known)


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


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 2.0), (0.6, 1.5, 3.0), (2.0, 2.0, 1.0)])
def test_the_same_mm_is_remembered_at_the_same_place(spacing: tuple[float, float, float]) -> None:
    middle = (4.0, -5.0, 2.0)
    shape = tuple(round(side / step) for side, step in zip((48, 54, 42), spacing, strict=True))
    other = ball((shape[0], shape[1], shape[2]), spacing, middle=middle)
    scan = ball(middle=(0.0, 0.0, 0.0)).scan
    annotation = ball(middle=(0.0, 0.0, 0.0), slices=((2, 8), (2, 11))).annotation
    _, features = find_features(scan, annotation, QUICK)
    examples = find_examples((other,), (1,), 2)
    (memory,) = remembered(examples, (1,), 2, features)
    assert (memory.frame == OTHER_SCAN).all()
    inside = memory.masks[:, 0, 0].numpy()
    at, rows, columns = np.nonzero(inside > 0.5)
    places = memory.place.numpy()
    pixel = (features.step[1] * features.step[2]) ** 0.5
    found = [
        (places[at, 0] + rows).mean() * features.step[1],
        (places[at, 1] + columns).mean() * features.step[2],
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
    features = find_features(other.scan, ball(slices=((2, 10),)).annotation, QUICK)[1]
    wide = replace(features, step=(2.0, 3.1, 3.1))  # of three voxels the middle one is picked
    thin = replace(thin, region=Region((0, 0, 0), other.scan.shape))
    assert _example_features(thin, (1,), 2, wide, 4).seeds.max() == 0
    (memory,) = remembered((thin,), (1,), 2, wide)
    assert memory.images.shape[0] == memory.masks.shape[0] == len(memory.place) == 0
    assert untrained().remember((memory,)) is None


def test_nothing_is_remembered_of_nothing() -> None:
    features = find_features(ball().scan, ball(slices=((2, 10),)).annotation, QUICK)[1]
    assert remembered_support((), (1,), 2, features) == ()
    assert remembered_support((ball(value=3),), (1,), 2, features) == ()
    assert len(remembered_support((ball(), ball(scale=2.0)), (1,), 2, features)) == 2
