"""Which annotated slices judge models, and how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.training.held_out import (
    Judged,
    annotated_slices,
    choose_held_out,
    held_out_dice,
    mean_score,
    without_held_out,
)
from fewslice.training.scan import TaskScan
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn
from tests.support.random_models import random_model


def slices(*labels: set[int], scan: int = 0) -> list[Judged]:
    return [Judged(f"{scan}:{n}", scan, (2, n), frozenset(each)) for n, each in enumerate(labels)]


def drawn_scan() -> TaskScan:
    rng = np.random.default_rng(4)
    labels = np.zeros((10, 12, 8), np.uint8)
    labels[2:6, 3:7, [1, 3, 5]] = 4
    geometry = Geometry.from_spacing(labels.shape, (1.0, 1.0, 3.0))
    channels = rng.normal(size=(1, *labels.shape)).astype(np.float32)
    return TaskScan("a", Scan(channels, geometry), find_annotation(labels, geometry))


def test_a_fifth_is_held_out_and_always_the_same_for_a_seed() -> None:
    ten = slices(*[{1}] * 10)
    chosen = choose_held_out(ten, (), ())
    assert len(chosen) == 2
    assert choose_held_out(ten[::-1], (), ()) == chosen
    assert {choose_held_out(ten, (), (), seed=seed) for seed in range(9)} != {chosen}


@pytest.mark.parametrize(("count", "held"), [(1, 0), (2, 0), (3, 1), (8, 2)])
def test_of_one_or_two_slices_none_is_held_out(count: int, held: int) -> None:
    assert len(choose_held_out(slices(*[{1}] * count), (), ())) == held


def test_no_slice_ever_changes_sides() -> None:
    first = slices(*[{1}] * 5)
    held = choose_held_out(first, (), ())
    learned = {each.key for each in first} - held
    more = [*first, *slices(*[{1}] * 5, scan=1)]
    later = choose_held_out(more, held, learned)
    assert held < later
    assert len(later) == 2
    assert not later & learned


def test_slices_learned_from_are_not_held_out_even_if_no_other_is_left() -> None:
    five = slices(*[{1}] * 5)
    assert choose_held_out(five, (), {each.key for each in five}) == frozenset()


def test_the_last_slice_with_a_structure_is_learned_from() -> None:
    for seed in range(10):
        chosen = choose_held_out(slices({1}, {2}, {1}, set()), (), (), seed=seed)
        assert chosen <= {"0:0", "0:2"}
        assert len(chosen) == 1


def test_a_slice_is_known_again_however_the_scan_is_stored() -> None:
    scan = drawn_scan()
    turn = Turn((2, 0, 1), (True, False, True))
    grid = turn.geometry(scan.geometry)
    other = TaskScan(
        "b",
        Scan(turn.array(scan.channels), grid),
        find_annotation(turn.array(scan.annotation.labels), grid),
    )
    keys = {each.key for each in annotated_slices([scan])}
    assert keys == {each.key for each in annotated_slices([other])}
    assert {key.split(":", 1)[1] for key in keys} == {"2:1", "2:3", "2:5"}


def test_nothing_is_learned_from_held_out_slices() -> None:
    scan = drawn_scan()
    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 3)}
    (rest,) = without_held_out([scan], found, held)
    assert rest.annotation.slices == ((2, 1), (2, 5))
    assert not rest.annotation.known()[:, :, 3].any()
    assert without_held_out([scan], found, {each.key for each in found}) == []


def test_dice_is_that_of_the_held_out_slices_alone() -> None:
    scan = drawn_scan()
    model = random_model()
    always = model.network.get_parameter("decoder.logit.bias").data
    model.network.get_parameter("decoder.logit.weight").data.zero_()
    always[:] = always.new_tensor([0.0, 50.0, 0.0])  # label 4 everywhere
    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 3)}
    # 16 of 120 pixels are drawn: 2 * 16 / (16 + 120).
    assert held_out_dice(model, [scan], found, held) == {4: pytest.approx(32 / 136)}
    partial = scan.annotation.labels.copy()
    partial[:, 6:, 3] = 255  # 4 columns x 3 rows... of 60 pixels looked at, 12 are drawn
    other = replace(scan, annotation=find_annotation(partial, scan.geometry))
    assert held_out_dice(model, [other], found, held) == {4: pytest.approx(24 / 72)}


def test_without_held_out_slices_there_is_no_score() -> None:
    assert mean_score({}) is None
    assert mean_score({1: 0.5, 2: 0.9}) == pytest.approx(0.7)
