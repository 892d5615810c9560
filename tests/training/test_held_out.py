"""Which annotated slices judge models, and how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Prediction, Scan
from fewslice.training.choice import Choice
from fewslice.training.held_out import (
    Judged,
    Judges,
    annotated_slices,
    choose_held_out,
    dice_on,
    held_out_dice,
    judges_of,
    mean_score,
    unseen,
    without_held_out,
)
from fewslice.training.model import TaskModel
from fewslice.training.scan import TaskScan
from fewslice.training.support import KeptScan, ModelSupport
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Region
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


def model_that_says_4() -> TaskModel:
    """Return a model that answers label 4 everywhere."""
    model = random_model()
    always = model.network.get_parameter("decoder.logit.bias").data
    model.network.get_parameter("decoder.logit.weight").data.zero_()
    always[:] = always.new_tensor([0.0, 50.0, 0.0])
    return model


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


def scans_of(*counts: int) -> list[Judged]:
    return [each for n, count in enumerate(counts) for each in slices(*[{1}] * count, scan=n)]


def test_of_five_scans_a_whole_one_is_held_out() -> None:
    six = scans_of(4, 4, 4, 4, 4, 4)  # a fifth of 24 slices is 5: one scan is nearer than two
    for seed in range(5):
        held = choose_held_out(six, (), (), seed=seed)
        assert len(held) == 4
        assert len({key.split(":")[0] for key in held}) == 1
        assert unseen(six, held, ()) == held


def test_a_scan_with_most_of_the_slices_is_learned_from() -> None:
    for seed in range(5):
        held = choose_held_out(scans_of(20, 2, 2, 2, 2), (), (), seed=seed)
        assert "0:0" not in held
        assert len(held) == 6  # of 28 slices a fifth is 6


def test_what_is_drawn_later_on_a_held_out_scan_is_held_out_too() -> None:
    before = scans_of(2, 2, 2, 2, 2)
    held = choose_held_out(before, (), ())
    learned = {each.key for each in before} - held
    (scan,) = {key.split(":")[0] for key in held}
    more = [*before, *(Judged(f"{scan}:{n}", int(scan), (2, n), frozenset({1})) for n in (7, 8))]
    later = choose_held_out(more, held, learned)
    assert later == held | {f"{scan}:7", f"{scan}:8"}


def test_a_scan_with_the_only_slices_of_a_structure_is_learned_from() -> None:
    five = [*slices({1, 2}), *(each for n in range(1, 5) for each in slices({1}, scan=n))]
    for seed in range(8):
        assert "0:0" not in choose_held_out(five, (), (), seed=seed)


def test_a_scan_that_taught_anything_is_not_unseen() -> None:
    two = scans_of(2, 2)
    assert unseen(two, {"0:0"}, ()) == frozenset()
    assert unseen(two, {"0:0", "1:0", "1:1"}, ()) == {"1:0", "1:1"}
    assert unseen(two, {"1:0", "1:1"}, {"1:1"}) == frozenset()


def test_held_out_slices_of_scans_that_taught_judge_where_there_are_no_others() -> None:
    two = scans_of(2, 2)
    assert judges_of(two, frozenset({"0:0"}), ()) == Judges(frozenset({"0:0"}), seen=True)
    apart = judges_of(two, frozenset({"0:0", "1:0", "1:1"}), ())
    assert apart == Judges(frozenset({"1:0", "1:1"}))


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
    model = model_that_says_4()
    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 3)}
    # 16 of 120 pixels are drawn: 2 * 16 / (16 + 120).
    assert held_out_dice(model, [scan], found, held) == {4: pytest.approx(32 / 136)}
    partial = scan.annotation.labels.copy()
    partial[:, 6:, 3] = 255  # 4 columns x 3 rows... of 60 pixels looked at, 12 are drawn
    other = replace(scan, annotation=find_annotation(partial, scan.geometry))
    assert held_out_dice(model, [other], found, held) == {4: pytest.approx(24 / 72)}


def test_parts_of_a_scan_do_not_answer_for_it() -> None:
    scan = drawn_scan()
    model = model_that_says_4()
    part = KeptScan(scan.channels, scan.annotation.labels, scan.geometry, 2)
    own = ModelSupport((part,), Choice("support"))
    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 3)}
    # As above, of the network, which is all that is left.
    assert held_out_dice(replace(model, support=own), [scan], found, held) == {
        4: pytest.approx(32 / 136)
    }


def test_an_answer_knows_all_but_the_held_out_slices() -> None:
    scan, asked = drawn_scan(), []

    def nothing(_: TaskScan, others: Annotation) -> Prediction:
        asked.append(others.slices)
        probability = np.ones((1, *scan.geometry.shape), np.float16)
        return Prediction(Region((0, 0, 0), scan.geometry.shape), (0,), probability)

    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 3)}
    assert dice_on(nothing, [scan], found, held) == {4: 0.0}
    assert asked == [((2, 1), (2, 5))]


def test_without_held_out_slices_there_is_no_score() -> None:
    assert mean_score({}) is None
    assert mean_score({1: 0.5, 2: 0.9}) == pytest.approx(0.7)
