"""Tasks drawn from made-up volumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.pretraining_tasks import balls, volume

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Scan
from fewslice.pretraining.tasks.tasks import (
    Task,
    _axis,
    _group_name,
    _structures,
    crossed,
    misjudged,
    reveal,
    sample_task,
)
from fewslice.volumes.image import UNKNOWN

ALL = np.array([1, 2, 3, 4])


def drawn(count: int, allowed: npt.NDArray[np.intp] = ALL) -> list[Task]:
    tasks = [
        sample_task(volume(), allowed, "balls", np.random.default_rng(seed))
        for seed in range(count)
    ]
    return [task for task in tasks if task is not None]


@pytest.mark.slow
def test_truth_and_features_lie_on_one_grid_and_agree() -> None:
    tasks = drawn(9)
    assert len(tasks) > 6
    for task in tasks:
        features, truth = task.features, task.truth
        assert truth.dtype == np.int8
        assert truth.shape == features.seeds.shape
        assert truth.flags.c_contiguous
        structures = len(features.radii)
        assert set(np.unique(truth)) <= set(range(-1, structures + 1))
        assert set(range(1, structures + 1)) <= set(np.unique(truth))
        known = (features.seeds >= 0) & (truth >= 0)
        np.testing.assert_array_equal(features.seeds[known], truth[known])
        assert task.scan == "scan0"
        assert task.kind == "balls"
        # The walk knows roughly where the structures are.
        for number in range(structures):
            inside = truth == number + 1
            assert (
                features.walk[:, number][inside].mean()
                > features.walk[:, number][~inside].mean() + 2
            )


def test_the_same_seed_draws_the_same_task() -> None:
    one, other = (sample_task(volume(), ALL, "balls", np.random.default_rng(3)) for _ in range(2))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.truth, other.truth)
    np.testing.assert_array_equal(one.features.walk, other.features.walk)
    assert one.group == other.group


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [((1.0, 3.0, 1.0), 1), ((2.0, 4.0, 4.0), 0), ((4.0, 4.0, 2.5), 2), ((1.0, 1.0, 1.0), None)],
)
def test_most_tasks_are_drawn_across_the_axis_people_draw_across(
    spacing: tuple[float, float, float], axis: int | None
) -> None:
    whole = volume()
    scan = Scan.from_spacing(whole.scan.channels, spacing)
    rng = np.random.default_rng(0)
    chosen = [_axis(replace(whole, scan=scan), rng) for _ in range(600)]
    expected = int(np.argmax(scan.shape)) if axis is None else axis
    # Three fifths, and a third of the rest.
    shares = np.bincount(chosen, minlength=3) / 600
    np.testing.assert_allclose(shares[expected], 0.6 + 0.4 / 3, atol=0.06)
    np.testing.assert_allclose(np.delete(shares, expected), 0.4 / 3, atol=0.06)


@pytest.mark.slow
def test_only_labels_allowed_are_asked_for() -> None:
    for task in drawn(6, np.array([2, 3])):
        if not task.group:
            continue
        asked = set(task.group.split("/")[-1].replace("+", ",").split(","))
        assert asked <= {"2", "3"}
    assert sample_task(volume(), np.array([9]), "balls", np.random.default_rng(0)) is None
    assert sample_task(volume(), ALL[:0], "balls", np.random.default_rng(0)) is None


def test_structures_are_one_or_a_union_or_several() -> None:
    labels, seen = balls(), set()
    for seed in range(60):
        found = _structures(labels, ALL, np.random.default_rng(seed))
        assert found is not None
        truth, names = found
        seen.add((len(names), "+" in names[0]))
        assert int(truth.max()) == len(names)
        for number, name in enumerate(names, start=1):
            np.testing.assert_array_equal(
                truth == number, np.isin(labels, [*map(int, name.split("+"))])
            )
    assert {(1, False), (1, True)} < seen
    assert (2, False) in seen or (3, False) in seen


def test_small_structures_are_not_asked_for() -> None:
    labels = np.zeros((10, 10, 10), dtype=np.uint16)
    labels[:3, :3, :3] = 1  # 27 voxels
    assert _structures(labels, np.array([1]), np.random.default_rng(0)) is None
    labels[:4, :4, :4] = 1
    found = _structures(labels, np.array([1, 7]), np.random.default_rng(0))
    assert found is not None
    assert found[1] == ("1",)


def test_a_group_names_the_structures_in_the_order_of_classes() -> None:
    truth = np.zeros((8, 8, 8), dtype=np.uint8)
    truth[:, :4], truth[:, 4:] = 1, 3
    annotation = reveal(truth, 0, np.random.default_rng(0))
    assert annotation is not None
    # The second of three structures is not on any annotated slice: it is not asked for.
    assert annotation.values == (1, 3)
    assert _group_name("ct", 0, ("5", "8", "12"), annotation) == "ct/0/5,12"
    one = replace(annotation, labels=np.minimum(annotation.labels, 1))
    assert _group_name("ct", 2, ("5+8",), one) == "ct/2/5+8"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_revealed_slices_are_those_of_the_truth(axis: int) -> None:
    truth = (balls() > 0).astype(np.uint8)
    occupied = set(np.flatnonzero(truth.any(axis=tuple({0, 1, 2} - {axis}))).tolist())
    counts, ends, partial = set(), 0, 0
    for seed in range(60):
        annotation = reveal(truth, axis, np.random.default_rng(seed))
        assert annotation is not None
        assert annotation.axes == (axis,)
        slices = annotation.along(axis)
        counts.add(len([at for at in slices if at in occupied]))
        ends += any(at not in occupied for at in slices)
        elsewhere = annotation.labels.copy()
        for at in slices:
            labels = annotation.labels[on_slice(axis, at)]
            known = labels != UNKNOWN
            np.testing.assert_array_equal(labels[known], truth[on_slice(axis, at)][known])
            partial += not known.all()
            elsewhere[on_slice(axis, at)] = 0
        assert not elsewhere.any()
    assert counts >= {1, 2, 3, 4}
    assert max(counts) <= len(occupied) // 2
    assert ends > 5
    assert partial > 3


@pytest.mark.parametrize("seed", range(4))
def test_crossing_slices_show_what_was_drawn_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = (balls() * (balls() < 3)).astype(np.uint8)
    alone = Annotation(np.where(truth == 1, truth, 0) * 0, ((2, 7),))
    alone.labels[..., 7] = np.where(truth[..., 7] == 1, 1, 0)
    found = crossed(alone, truth, rng)
    assert found.axis == 2
    assert found.values == (1,)
    more = set(found.slices) - {(2, 7)}
    assert 1 <= len(more) <= 3
    for axis, index in more:
        assert axis in {0, 1}
        place = on_slice(axis, index)
        assert (found.labels[place] == np.where(truth[place] == 1, 1, 0)).all()
        assert found.labels[place].any()
    assert not alone.labels[..., 6].any()  # what was given stays


def test_a_misjudged_spacing_keeps_the_voxels() -> None:
    scan = volume().scan
    told = [misjudged(scan, np.random.default_rng(seed)) for seed in range(20)]
    assert all(one.channels is scan.channels for one in told)
    assert any(one.spacing == (1.0, 1.0, 1.0) for one in told)
    ratios = np.array([one.spacing for one in told]) / scan.spacing
    assert ratios.min() > 0.3
    assert ratios.max() < 3.01
    assert (np.count_nonzero(ratios != 1, axis=1) <= 1).all()


def test_structures_on_few_slices_are_left_alone() -> None:
    truth = np.zeros((10, 10, 10), dtype=np.uint8)
    truth[4:7, 2:8, 2:8] = 1
    assert reveal(truth, 0, np.random.default_rng(0)) is None
    assert reveal(truth, 1, np.random.default_rng(0)) is not None
