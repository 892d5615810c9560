"""Whether a model or its own scans as support do better on people nobody learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice import Image, segment
from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Scan
from fewslice.training.choice import Choice
from fewslice.training.comparison import slices_alone, with_best_answerer
from fewslice.training.held_out import (
    Judges,
    annotated_slices,
    dice_on,
    held_out_dice,
    mean_score,
    without_held_out,
)
from fewslice.training.model import answer_undrawn
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.training.support import ModelSupport, kept_scans
from fewslice.training.trainer import train_task_model
from tests.support.kept_scans import phantom_scan
from tests.support.phantoms import dice, two_organs


@pytest.mark.slow
def test_an_untrained_network_leaves_the_answer_to_its_scans() -> None:
    scans = [phantom_scan(seed, 8, 10, 13) for seed in range(3)]
    model = train_task_model(scans[:2], TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    found = annotated_slices(scans)
    judges = Judges(frozenset(each.key for each in found if each.scan == 2))
    better, choice = with_best_answerer(model, scans[:2], scans, found, judges)
    assert choice.chosen != "model"
    assert choice.scans == 1
    assert choice.dice["support"] > choice.dice["model"] + 0.2
    assert better.support is not None
    assert len(better.support.scans) == 2
    assert choice.dice[choice.chosen] == pytest.approx(
        mean_score(held_out_dice(better, scans, found, judges.keys)), abs=1e-4
    )
    # What it answers with is what `segment` gets, and says so.
    prepared = better.prepare(Scan(scans[2].channels, scans[2].geometry))
    remarks = prepared.predict(scans[2].annotation).remarks
    assert str(remarks[0]) == choice.sentence


@pytest.mark.slow
def test_on_scans_that_taught_each_is_answered_from_the_others() -> None:
    scans = [phantom_scan(seed, 6, 8, 10, 13) for seed in range(2)]
    found = annotated_slices(scans)
    held = frozenset(each.key for each in found if each.place == (2, 10))
    learned = without_held_out(scans, found, held)
    model = train_task_model(learned, TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    better, choice = with_best_answerer(model, learned, scans, found, Judges(held, seen=True))
    assert choice.chosen != "model"
    assert (choice.scans, choice.seen) == (2, True)
    assert better.support is not None
    assert len(better.support.scans) == 2

    def from_other(scan: TaskScan, _: Annotation) -> Prediction:
        other = kept_scans([learned[1 - scans.index(scan)]])
        support = ModelSupport(other, Choice("support"))
        return answer_undrawn(replace(model, support=support), scan.scan)

    expected = mean_score(dice_on(from_other, scans, found, held))
    assert choice.dice["support"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_a_single_scan_that_taught_compares_nothing() -> None:
    scans = [phantom_scan(0, 8, 10, 13)]
    found = annotated_slices(scans)
    held = frozenset(each.key for each in found if each.place == (2, 10))
    learned = without_held_out(scans, found, held)
    model = train_task_model(learned, TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    same, choice = with_best_answerer(model, learned, scans, found, Judges(held, seen=True))
    assert same is model
    assert choice == Choice()


@pytest.mark.slow
def test_slices_alone_are_those_that_are_not_held_out() -> None:
    scan = phantom_scan(0, 8, 10, 13)
    found = annotated_slices([scan])
    held = {each.key for each in found if each.place == (2, 10)}
    alone = slices_alone([scan], found, held)
    answer = segment(
        Image(scan.channels[0], scan.geometry),
        two_organs(seed=0).sparse(2, 8, 13),
    )
    truth = two_organs(seed=0).truth[..., 10]
    expected = [dice(answer.labels.array[..., 10], truth, value) for value in (1, 2)]
    assert alone == pytest.approx(np.mean(expected), abs=1e-3)
    assert slices_alone([scan], found, {each.key for each in found}) is None


def test_without_judges_the_model_answers() -> None:
    scans = [phantom_scan(0, 8, 10, 13)]
    model = train_task_model(scans, TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    same, choice = with_best_answerer(model, scans, scans, annotated_slices(scans), Judges())
    assert same is model
    assert choice.sentence == ""
