"""The engine that fine-tunes: its answer, what it saves, how long it takes, and Ctrl-C."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Finetuned, Network, Progress
from fewslice.engines.network import leave_one_out as making_lessons
from fewslice.errors import WriteError
from fewslice.networks.shipped import shipped_weights
from fewslice.networks.weights import read_metadata
from tests.engines.network.test_features import QUICK, scan_of
from tests.support.known_features import weights_file
from tests.support.phantoms import two_organs

ENGINE = Finetuned(Network(features=QUICK, device="cpu"), seconds=600, steps=2, most_folds=2)


def annotated(*indices: int) -> Annotation:
    return Annotation(two_organs().sparse(2, *indices), tuple((2, index) for index in indices))


FOUR = annotated(5, 8, 11, 14)


def test_the_state_saved_answers_as_the_engine_that_saved_it(tmp_path: Path) -> None:
    path = tmp_path / "finetuned.safetensors"
    scan = scan_of(two_organs())
    # Weights that have learned nothing, so that fine-tuning brings something.
    blank = Network(weights_file(tmp_path, random=True), QUICK, device="cpu")
    engine = Finetuned(blank, seconds=600, steps=40, most_folds=2, save_to=path)
    prediction = engine.prepare(scan).predict(FOUR)
    (remark,) = prediction.remarks
    assert remark.startswith(
        "Fine-tuning raised Dice on annotated slices that were left out from 0."
    )
    assert remark.endswith(f"The state is in {path}.")
    facts = read_metadata(path)
    assert float(facts["finetuned dice"]) > float(facts["dice before"])
    assert int(facts["finetuned steps"]) in (10, 20, 30, 40)
    read = replace(blank, weights=path).prepare(scan).predict(FOUR)
    np.testing.assert_array_equal(read.probability, prediction.probability)
    unlike = blank.prepare(scan).predict(FOUR)
    assert (unlike.probability != prediction.probability).any()


def test_what_did_not_help_is_saved_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "finetuned.safetensors"
    scan = scan_of(two_organs())
    prediction = replace(ENGINE, save_to=path).prepare(scan).predict(FOUR)
    (remark,) = prediction.remarks
    assert remark.startswith("Fine-tuning on the annotated slices did not help")
    assert read_metadata(path)["finetuned steps"] == "0"
    for weights in (path, None):
        network = replace(ENGINE.network, weights=weights).prepare(scan).predict(FOUR)
        np.testing.assert_array_equal(network.probability, prediction.probability)


def test_one_slice_is_too_few(tmp_path: Path) -> None:
    (remark,) = ENGINE.prepare(scan_of(two_organs())).predict(annotated(9)).remarks
    assert remark == (
        "There were too few annotated slices, or too few seconds, to fine-tune on them, so the "
        "network answered as it was."
    )


def test_seconds_are_kept_to() -> None:
    prepared = ENGINE.prepare(scan_of(two_organs()))
    start = time.monotonic()
    prepared.finetune(FOUR)  # whatever is loaded once is loaded now
    step = time.monotonic() - start  # a fold or a step takes less than all this
    slow = replace(prepared, engine=replace(ENGINE, seconds=2.0, steps=10**6, most_folds=8))
    seen: list[float] = []
    start = time.monotonic()
    slow.finetune(FOUR, seen.append)
    assert time.monotonic() - start < 2.0 * 1.2 + step
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert 0 < seen[0] < 1


def test_ctrl_c_while_lessons_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "finetuned.safetensors"
    engine = replace(ENGINE, save_to=path)
    prepared = engine.prepare(scan_of(two_organs()))
    with monkeypatch.context() as patch:
        patch.setattr(making_lessons, "find_features", press)
        found = prepared.finetune(FOUR)
    assert found.stopped
    assert found.network is prepared.network.network
    assert read_metadata(path)["finetuned dice"] == "nan"


def test_ctrl_c_while_it_answers_is_not_held_back() -> None:
    def press(part: float) -> None:
        if part > 0.85:
            raise KeyboardInterrupt

    watching: Progress = press
    with pytest.raises(KeyboardInterrupt):
        ENGINE.prepare(scan_of(two_organs())).predict(FOUR, watching)


def test_a_state_that_cannot_be_saved_is_said(tmp_path: Path) -> None:
    engine = replace(ENGINE, save_to=tmp_path / "none" / "finetuned.safetensors", steps=1)
    with pytest.raises(WriteError, match="does not exist"):
        engine.prepare(scan_of(two_organs())).predict(annotated(9))


def test_the_weights_that_come_with_fewslice_are_never_written_over(tmp_path: Path) -> None:
    shipped, _ = shipped_weights()
    link = tmp_path / "mine.safetensors"
    link.symlink_to(shipped)
    for path in (shipped, link):
        with pytest.raises(WriteError, match="comes with fewslice and is never changed"):
            replace(ENGINE, save_to=path)
