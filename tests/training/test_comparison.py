"""Whether a model or its own scans as support do better on people nobody learned from."""

from __future__ import annotations

import pytest

from fewslice.engines.base import Scan
from fewslice.training.comparison import with_best_answerer
from fewslice.training.held_out import annotated_slices, held_out_dice, mean_score
from fewslice.training.scan import TaskSettings
from fewslice.training.trainer import train_task_model
from tests.support.kept_scans import phantom_scan


@pytest.mark.slow
def test_an_untrained_network_leaves_the_answer_to_its_scans() -> None:
    scans = [phantom_scan(seed, 8, 10, 13) for seed in range(3)]
    model = train_task_model(scans[:2], TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    found = annotated_slices(scans)
    judges = {each.key for each in found if each.scan == 2}
    better, choice = with_best_answerer(model, scans[:2], scans, found, judges)
    assert choice.chosen != "model"
    assert choice.scans == 1
    assert choice.dice["support"] > choice.dice["model"] + 0.2
    assert better.support is not None
    assert len(better.support.scans) == 2
    assert choice.dice[choice.chosen] == pytest.approx(
        mean_score(held_out_dice(better, scans, found, judges)), abs=1e-4
    )
    # What it answers with is what `segment` gets, and says so.
    prepared = better.prepare(Scan(scans[2].channels, scans[2].geometry))
    remarks = prepared.predict(scans[2].annotation).remarks
    assert str(remarks[0]) == choice.sentence


def test_without_judges_the_model_answers() -> None:
    scans = [phantom_scan(0, 8, 10, 13)]
    model = train_task_model(scans, TaskSettings(steps=1, device="cpu", batch_pixels=1)).model
    same, choice = with_best_answerer(model, scans, scans, annotated_slices(scans), ())
    assert same is model
    assert choice.sentence == ""
