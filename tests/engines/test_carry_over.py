"""Carrying structures over: which slices of support scans are shown, and where they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fewslice.engines import Prediction, Scan, SupportScan
from fewslice.engines.carry_over import (
    _around,
    _example_cues,
    _found,
    _informative,
    _largest_parts,
    _levels,
    _seeds,
    find_examples,
    remembered,
    remembered_support,
)
from fewslice.engines.cues import find_cues
from fewslice.engines.network import Network
from fewslice.networks.inputs import OTHER_SCAN
from fewslice.networks.weights import save_weights
from fewslice.slices.annotation import Annotation, blank_annotation
from fewslice.slices.region import Region
from fewslice.slices.resample import WorkingGrid
from tests.engines.known_cues import TINY, untrained
from tests.engines.test_cues import QUICK, drawn, scan_of
from tests.phantoms import two_organs


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


def test_levels_are_those_of_the_support_where_it_agrees() -> None:
    examples = find_examples(tuple(ball(scale=scale) for scale in (1.0, 1.1)), (1,), 2)
    low, high = _levels(ball().scan, examples)
    assert low[0] == pytest.approx(np.median([each.low[0] for each in examples]))
    assert high[0] == pytest.approx(np.median([each.high[0] for each in examples]))
    # A scan with entirely other intensities cannot be of the same kind after all.
    low, high = _levels(ball(scale=100.0).scan, examples)
    assert high[0] > 50


@pytest.mark.parametrize("scales", [(1.0, 7.0), (3.0,)])
def test_levels_are_of_the_same_rank_where_the_support_does_not_agree(
    scales: tuple[float, ...],
) -> None:
    examples = find_examples(tuple(ball(scale=scale) for scale in scales), (1,), 2)
    scan = ball(scale=40.0).scan
    low, high = _levels(scan, examples)
    # The same scan at another scale: the same rank is the same voxel.
    assert low[0] == pytest.approx(40 * examples[0].low[0] / scales[0], abs=0.5)
    assert high[0] == pytest.approx(40 * examples[0].high[0] / scales[0], abs=1.0)


def test_a_scan_that_is_the_same_everywhere_has_levels() -> None:
    flat = Scan(np.full((1, 8, 8, 8), 5.0), (1.0, 1.0, 1.0))
    low, high = _levels(flat, find_examples((ball(),), (1,), 2))
    assert low == high == 5.0


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


def test_what_is_found_is_a_box_of_the_scan() -> None:
    grid = WorkingGrid(Region((0, 0, 0), (40, 40, 10)), (20, 10, 10), (1.0, 1.0, 2.0))
    odds = np.full((10, 2, 20, 10), -1.0, dtype=np.float32)  # slices are across k
    assert _found(odds, grid, 2) is None
    odds[3:6, 0, 4:8, 2:5] = 1
    odds[5:7, 1, 4:8, 2:5] = 1
    assert _found(odds, grid, 2) == Region((8, 8, 3), (16, 20, 7))
    odds[9, 0, 19, 9] = 1  # a speck of 1 among 48
    assert _found(odds, grid, 2) == Region((8, 8, 3), (16, 20, 7))
    across = WorkingGrid(Region((5, 0, 0), (15, 40, 40)), (10, 20, 10), (2.0, 1.0, 1.0))
    assert _found(odds, across, 0) == Region((8, 8, 8), (12, 16, 20))


def test_parts_of_a_tenth_of_the_largest_stay() -> None:
    likely = np.zeros((30, 3, 3), dtype=bool)
    likely[:10, :2, 0] = True  # 20 voxels
    likely[15:17, 0, 0] = True  # 2
    likely[25, 0, 0] = True  # 1
    expected = likely.copy()
    expected[25] = False
    np.testing.assert_array_equal(_largest_parts(likely), expected)


def test_the_second_look_has_a_margin_within_the_scan() -> None:
    scan = Scan(np.zeros((1, 40, 40, 20)), (1.0, 1.0, 2.0))
    around = _around(Region((10, 0, 5), (30, 4, 9)), scan)
    # 35 % of 20, 4 and 8 mm: 7, 2 and 2 (1.4 rounded up) voxels.
    assert around == Region((3, 0, 3), (37, 6, 11))


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


def biased(folder: Path, bias: float) -> Network:
    """Return an engine that corrects the log-odds by the same number everywhere."""
    network = untrained()
    assert network.decoder.logit.bias is not None
    torch.nn.init.constant_(network.decoder.logit.bias, bias)
    path = folder / f"{bias}.safetensors"
    save_weights(path, network, TINY, {})
    return Network(path, QUICK, device="cpu")


def carry(engine: Network, support: tuple[SupportScan, ...], axis: int = 2) -> Prediction:
    phantom = two_organs()
    seen: list[float] = []
    blank = blank_annotation(np.zeros_like(phantom.truth), axis, (1, 2))
    found = engine.prepare(scan_of(phantom), support).predict(blank, seen.append)
    assert seen == sorted(seen)
    assert found.values == (0, 1, 2)
    probability = found.probability.astype(np.float32)
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=2e-3)
    return found


def test_blank_scans_are_answered_from_support(tmp_path: Path) -> None:
    support = (ball(), ball(value=2, middle=(-4.0, 2.0, 0.0)))
    whole = Region((0, 0, 0), (44, 40, 22))
    # Untrained nothing is likelier than not, so that there is nothing to look at closely.
    undecided = carry(biased(tmp_path, 0.0), support)
    assert undecided.region == whole
    np.testing.assert_allclose(undecided.probability, 1 / 3, atol=1e-3)
    # Sure of everything everywhere: the second look is at the whole scan as well.
    sure = carry(biased(tmp_path, 2.0), support)
    assert sure.region == whole
    odds = np.exp(2.0)
    np.testing.assert_allclose(sure.probability[1], odds / (1 + 2 * odds), atol=1e-3)


def test_without_usable_support_there_is_a_remark(tmp_path: Path) -> None:
    engine = biased(tmp_path, 1.0)
    remark = "No support scan has a slice across the same axis on which the structure is drawn."
    for support in ((), (ball(value=7),), (ball(slices=((0, 22),)),)):
        found = carry(engine, support)
        assert found.remarks == (remark,)
        assert (found.probability[0] == 1).all()
    assert carry(engine, (ball(slices=((0, 22),)),), axis=0).remarks == ()


def test_slices_named_empty_alone_are_no_annotation(tmp_path: Path) -> None:
    phantom = two_organs()
    empty = Annotation(np.zeros_like(phantom.truth), ((2, 3),)).with_values((1, 2))
    found = biased(tmp_path, -1.0).prepare(scan_of(phantom), (ball(),)).predict(empty)
    assert found.values == (0, 1, 2)
    assert drawn(phantom).values == (1, 2)
    odds = np.exp(-1.0)
    np.testing.assert_allclose(found.probability[1], odds / (1 + 2 * odds), atol=1e-3)
