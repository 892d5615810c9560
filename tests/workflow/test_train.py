"""Retraining: what is used, what is left out, what is promoted, and going on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, WeightsError, codes_of
from fewslice.training.inputs import Pair, pairs_in
from fewslice.training.scan import TaskSettings
from fewslice.training.store import load_model, promote, promoted, versions
from fewslice.volumes.image import Image
from fewslice.volumes.segments import named_segments
from fewslice.workflow.train import train
from fewslice.workflow.training_task import TrainSettings
from tests.support.sparse_scans import files, pair

SETTINGS = TrainSettings(TaskSettings(steps=2, device="cpu", batch_pixels=1))
ALONE = replace(SETTINGS, support=False)  # which compares nothing, and is quicker


@pytest.mark.slow
def test_the_first_model_is_promoted_and_slices_are_held_out_for_good(tmp_path: Path) -> None:
    model = tmp_path / "model"
    pairs: list[Pair] = [pair(0), pair(1)]
    first = train(pairs, model, settings=SETTINGS)
    assert (first.version, first.promoted, first.finished, first.steps) == (1, True, True, 2)
    assert first.held_out == 1
    assert first.score is not None
    assert first.before is None
    before = json.loads((model / "slices.json").read_bytes())
    second = train([*pairs, pair(2)], model, settings=SETTINGS)
    after = json.loads((model / "slices.json").read_bytes())
    assert set(before["held_out"]) < set(after["held_out"])
    assert set(before["learned"]) < set(after["learned"])
    assert not set(after["learned"]) & set(after["held_out"])
    assert second.before is not None
    assert second.score is not None
    assert second.promoted == (second.score > second.before)


@pytest.mark.slow
def test_a_poor_first_model_of_two_scans_leaves_the_answer_to_them(tmp_path: Path) -> None:
    pairs: list[Pair] = [pair(0), pair(1)]
    alone = train(pairs, settings=ALONE)
    found = train(pairs, tmp_path, settings=SETTINGS)
    assert found.promoted
    assert found.choice.chosen != "model"
    assert found.choice.seen
    assert found.choice.dice["model"] == pytest.approx(alone.score, abs=1e-4)
    assert found.score is not None
    assert found.score == pytest.approx(found.choice.dice[found.choice.chosen], abs=1e-4)
    assert found.choice.sentence in found.remarks
    assert load_model(tmp_path).support is not None


@pytest.mark.slow
def test_a_poor_first_model_of_one_scan_is_remarked() -> None:
    found = train([pair(0)], settings=SETTINGS)
    assert found.choice.dice == {}
    assert found.score is not None
    assert found.score < 0.5
    assert codes_of(found.remarks) == {"model-below-slices"}
    assert f"it has a Dice of {found.score:.3f} on held-out slices" in found.remarks[-1]
    assert not train([pair(0)], settings=ALONE).remarks


@pytest.mark.slow
def test_a_model_that_is_no_better_is_not_promoted(tmp_path: Path) -> None:
    pairs: list[Pair] = [pair(0)]
    train(pairs, tmp_path, settings=SETTINGS)
    same = train(pairs, tmp_path, settings=SETTINGS)
    assert same.score == same.before
    assert (same.version, same.promoted, promoted(tmp_path)) == (2, False, 1)
    better = replace(SETTINGS, training=replace(SETTINGS.training, steps=30))
    found = train(pairs, tmp_path, settings=better)
    assert found.score is not None
    assert found.before is not None
    assert found.score > found.before
    assert (found.promoted, promoted(tmp_path)) == (True, 3)


@pytest.mark.slow
def test_both_models_are_judged_on_the_slices_held_out_now(tmp_path: Path) -> None:
    train([pair(0, 10)], tmp_path, settings=SETTINGS)
    assert versions(tmp_path)[0].score is None
    second = train([pair(0, 10), pair(1)], tmp_path, settings=SETTINGS)
    assert second.before is not None


@pytest.mark.slow
def test_a_single_slice_is_enough_and_the_next_is_not_judged(tmp_path: Path) -> None:
    one = train([pair(0, 10)], tmp_path, settings=SETTINGS)
    assert one.promoted
    assert one.remarks == (
        "With 1 annotated slice none could be held out, so nobody knows how good this model is.",
    )
    again = train([pair(0, 10)], tmp_path, settings=SETTINGS)
    assert not again.promoted
    assert "no held-out slice" in again.remarks[-1]


def test_unusable_scans_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    images, labels = files(tmp_path, 3)
    (images / "case1_0000.nii.gz").write_bytes(b"no volume")
    (images / "case2_0000.nii.gz").unlink()
    blank = pair(3)[1].with_array(np.zeros_like(pair(3)[1].array))
    result = train(
        [*pairs_in(images, labels), (pair(3)[0], blank), (pair(0)[0], pair(1)[0].array)],
        settings=ALONE,
    )
    assert result.version is None
    assert len(result.skipped) == 4
    assert "case1_0000.nii.gz" in result.skipped[0]
    assert "case2_0000.nii.gz" in result.skipped[1]
    assert "nothing is drawn" in result.skipped[2]
    assert "scan 5" in result.skipped[3]


@pytest.mark.slow
def test_labels_that_differ_between_scans_are_remarked_or_unknown() -> None:
    image, labels = pair(0)
    odd = labels.with_array(np.where(labels.array == 2, 0, labels.array).astype(np.uint8))
    pairs: list[Pair] = [pair(1), (image, odd)]
    result = train(pairs, settings=SETTINGS)
    assert result.model.values == (0, 1, 2)
    assert result.remarks[0].startswith("Label 2 is drawn in 1 of 2 scans")
    assert train(pairs, settings=replace(ALONE, absent_unknown=True)).remarks == ()


def test_what_was_trained_is_not_lost_if_it_cannot_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("no room.")

    monkeypatch.setattr("fewslice.training.comparison.with_best_answerer", refuse)
    found = train([pair(n) for n in range(5)], tmp_path, settings=SETTINGS)
    assert found.promoted
    assert found.choice.chosen == "model"
    assert found.remarks[-1] == ("The model was not compared with its scans as support: no room.")


def test_a_structure_of_255_keeps_its_number_and_name() -> None:
    image, labels = pair(0)
    odd = np.where(labels.array == 2, 255, labels.array).astype(np.uint8)
    named = replace(labels.with_array(odd), segments=named_segments({255: "front"}))
    result = train([pair(1), (image, named)], settings=replace(ALONE, ignore_label=None))
    assert "Label 255 (front) is drawn in 1 of 2 scans" in " ".join(result.remarks)
    assert [(each.value, each.name) for each in result.model.segments] == [(255, "front")]


@pytest.mark.slow
def test_an_interrupted_training_goes_on_to_the_same_model(tmp_path: Path) -> None:
    pairs: list[Pair] = [pair(0)]
    settings = replace(SETTINGS, training=replace(SETTINGS.training, steps=4))
    asked = iter([False, False, True])
    part = train(pairs, tmp_path, settings=settings, stop=lambda: next(asked))
    assert (part.finished, part.steps, part.version) == (False, 2, None)
    assert part.unfinished == tmp_path / "unfinished.safetensors"
    assert promoted(tmp_path) is None
    rest = train(pairs, tmp_path, settings=settings, resume=True)
    whole = train(pairs, settings=settings)
    assert (rest.steps, rest.promoted, rest.score) == (4, True, whole.score)
    assert not part.unfinished.exists()


def test_only_the_same_training_can_go_on(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no interrupted training"):
        train([pair(0)], tmp_path, settings=ALONE, resume=True)
    with pytest.raises(ReadError, match="Without a model folder"):
        train([pair(0)], settings=ALONE, resume=True)
    train([pair(0)], tmp_path, settings=ALONE, stop=lambda: True)
    with pytest.raises(ReadError, match="other annotation"):
        train([pair(0, 9, 10, 13)], tmp_path, settings=ALONE, resume=True)
    (tmp_path / "unfinished.safetensors").write_bytes(b"12345678")
    with pytest.raises(ReadError, match="damaged"):
        train([pair(0)], tmp_path, settings=ALONE, resume=True)


def test_a_training_without_annotation_leaves_no_folder(tmp_path: Path) -> None:
    scan, labels = pair(0)
    blank = labels.with_array(np.zeros_like(labels.array))
    there = tmp_path / "there"
    there.mkdir()
    for model in (tmp_path / "new" / "model", there / "model"):
        with pytest.raises(InputError, match="nothing is drawn"):
            train([(scan, blank)], model, settings=ALONE)
    assert list(tmp_path.rglob("*")) == [there]


def test_a_folder_with_something_in_it_stays_where_training_fails(tmp_path: Path) -> None:
    with pytest.raises(ReadError):  # there is nothing to resume
        train([pair(0)], tmp_path, settings=ALONE, resume=True)
    assert tmp_path.is_dir()
    note = tmp_path / "model" / "note.txt"

    def broken(fraction: float, words: str) -> None:
        note.write_text("kept")
        raise InputError("no more.")

    with pytest.raises(InputError, match="no more"):
        train([pair(0)], note.parent, settings=ALONE, report=broken)
    assert note.read_text() == "kept"


def test_what_does_not_fit_or_is_damaged_is_found_before_training(tmp_path: Path) -> None:
    train([pair(0)], tmp_path, settings=ALONE)

    def never(fraction: float, words: str) -> None:
        raise AssertionError("it trained")

    two = Image(np.stack([pair(0)[0].array] * 2), pair(0)[0].geometry)
    with pytest.raises(InputError, match=r"has 2 channels, but the promoted .* trained on 1"):
        train([(two, pair(0)[1])], tmp_path, settings=ALONE, report=never)
    history = (tmp_path / "history.json").read_text()
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(WeightsError, match=r"history\.json is damaged"):
        train([pair(0)], tmp_path, settings=ALONE, report=never)
    (tmp_path / "history.json").write_text(history)
    (tmp_path / "slices.json").write_text("[]")
    with pytest.raises(ReadError, match=r"slices\.json is damaged"):
        train([pair(0)], tmp_path, settings=ALONE, report=never)
    (tmp_path / "slices.json").unlink()
    promote(tmp_path, 7)
    with pytest.raises(ReadError, match="0007"):
        train([pair(0)], tmp_path, settings=ALONE, report=never)
