"""The engine that fine-tunes: its answer, what it saves, how long it takes, and Ctrl-C."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Finetuned, Network, Progress
from fewslice.engines.network import finetuned_engine
from fewslice.engines.network import leave_one_out as making_lessons
from tests.support.drawn_phantoms import scan_of
from tests.support.known_features import weights_file
from tests.support.phantoms import two_organs
from tests.support.quick_features import QUICK
from tests.support.ticking_time import ticks

ENGINE = Finetuned(Network(features=QUICK, device="cpu"), seconds=600, steps=2, most_folds=2)


def annotated(*indices: int) -> Annotation:
    return Annotation(two_organs().sparse(2, *indices), tuple((2, index) for index in indices))


FOUR = annotated(5, 8, 11, 14)


@pytest.mark.slow
def test_it_answers_as_the_network_it_has_fine_tuned(tmp_path: Path) -> None:
    scan = scan_of(two_organs())
    # Weights that have learned nothing, so that fine-tuning brings something.
    blank = Network(weights_file(tmp_path, random=True), QUICK, device="cpu")
    engine = Finetuned(blank, seconds=600, steps=40, most_folds=2)
    prediction = engine.prepare(scan).predict(FOUR)
    (remark,) = prediction.remarks
    assert remark.startswith(
        "Fine-tuning raised Dice on annotated slices that were left out from 0."
    )
    found = engine.prepare(scan).finetune(FOUR)
    assert found.after > found.before
    assert found.steps in (10, 20, 30, 40)
    learned = replace(blank.prepare(scan), loaded=found.network).predict(FOUR)
    np.testing.assert_array_equal(learned.probability, prediction.probability)
    unlike = blank.prepare(scan).predict(FOUR)
    assert (unlike.probability != prediction.probability).any()


@pytest.mark.slow
def test_what_did_not_help_is_not_kept() -> None:
    scan = scan_of(two_organs())
    prediction = ENGINE.prepare(scan).predict(FOUR)
    (remark,) = prediction.remarks
    assert remark.startswith("Fine-tuning on the annotated slices did not help")
    network = ENGINE.network.prepare(scan).predict(FOUR)
    np.testing.assert_array_equal(network.probability, prediction.probability)


def test_one_slice_is_too_few(tmp_path: Path) -> None:
    (remark,) = ENGINE.prepare(scan_of(two_organs())).predict(annotated(9)).remarks
    assert remark == (
        "There were too few annotated slices, or too few seconds, to fine-tune on them, so the "
        "network answered as it was."
    )


@pytest.mark.slow
def test_seconds_are_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folds take more than .4 of the time, so no more are made; two steps the rest of it."""
    monkeypatch.setattr(finetuned_engine, "monotonic", ticks(0.5))
    engine = replace(ENGINE, seconds=2.0, steps=10**6, most_folds=8)
    seen: list[float] = []
    engine.prepare(scan_of(two_organs())).finetune(FOUR, seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_ctrl_c_while_folds_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    prepared = ENGINE.prepare(scan_of(two_organs()))
    with monkeypatch.context() as patch:
        patch.setattr(making_lessons, "find_features", press)
        found = prepared.finetune(FOUR)
    assert found.stopped
    assert found.network is prepared.network.network
    assert np.isnan(found.after)


@pytest.mark.slow
def test_ctrl_c_while_it_answers_is_not_held_back() -> None:
    def press(part: float) -> None:
        if part > 0.85:
            raise KeyboardInterrupt

    watching: Progress = press
    with pytest.raises(KeyboardInterrupt):
        ENGINE.prepare(scan_of(two_organs())).predict(FOUR, watching)
