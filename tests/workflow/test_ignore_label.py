"""255 as a structure, or another label that was not looked at, in everything that takes labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.engines import EngineOptions
from fewslice.engines.network import finetuned_engine
from fewslice.errors import InputError, ReadError
from fewslice.io import read_image, read_labels, write_labels
from fewslice.networks.weights import read_metadata
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.training.inputs import usable_scans
from fewslice.training.scan import TaskSettings
from fewslice.training.store import load_model
from fewslice.workflow.adapt import adapt
from fewslice.workflow.rank_pool import rank_pool
from fewslice.workflow.segment import segment
from fewslice.workflow.segment_many import segment_many
from fewslice.workflow.session import Session
from fewslice.workflow.train import train
from fewslice.workflow.training_task import TrainSettings
from tests.support.known_features import weights_file
from tests.support.phantoms import two_organs
from tests.support.random_models import CHANNELS, SHAPE, random_model
from tests.support.scan_pools import Unsure, scan_array, write_drawn, write_scan
from tests.support.ticking_time import ticks

PHANTOM = two_organs()
Labels = npt.NDArray[np.uint8]


def with_255(labels: Labels) -> Labels:
    """Return labels with 255 in place of 2."""
    return np.where(labels == 2, 255, labels).astype(np.uint8)


TRUTH = with_255(PHANTOM.truth)


def session(ignore_label: int | None = None, labels: Labels | None = None) -> Session:
    return Session(
        PHANTOM.image,
        labels,
        spacing=PHANTOM.spacing,
        engine="interpolation",
        ignore_label=ignore_label,
    )


@pytest.mark.slow
def test_a_session_answers_255_as_segment_does() -> None:
    mine, usual = session(), session(255)
    for index in (6, 10, 14):
        mine.draw(2, index, TRUTH[..., index])
        usual.draw(2, index, PHANTOM.truth[..., index])
    expected = with_255(usual.segment().labels.array)
    shown: list[AnsweredSlices] = []
    found = mine.segment(on_slices=shown.append)
    np.testing.assert_array_equal(found.labels.array, expected)
    assert found.label_values == (0, 1, 255)
    assert not shown[0].final
    assert set(np.unique(shown[0].labels)) == {0, 1, 255}  # not the number it goes by inside
    assert set(np.unique(mine.labels.array)) == {0, 1, 255}
    np.testing.assert_array_equal(mine.labels.array[..., 10], TRUTH[..., 10])
    places = [(each.axis, each.index) for each in mine.suggest(2).slices]
    assert places == [(each.axis, each.index) for each in usual.suggest(2).slices]


def test_labels_given_to_a_session_may_hold_255_and_slices_can_be_accepted() -> None:
    mine = session(labels=with_255(PHANTOM.sparse(2, 6, 10, 14)))
    assert mine.annotated == ((2, 6), (2, 10), (2, 14))
    answer = mine.segment().labels.array
    mine.accept(2, 12)
    np.testing.assert_array_equal(mine.labels.array[..., 12], answer[..., 12])
    assert (answer[..., 12] == 255).any()


def test_structures_that_turn_up_later_get_no_number_that_is_used() -> None:
    mine = session()
    mine.draw(2, 6, np.where(PHANTOM.truth[..., 6] == 1, 254, 0))
    mine.draw(2, 10, np.where(PHANTOM.truth[..., 10] == 1, 254, 0))
    mine.segment()
    mine.draw(2, 10, np.where(PHANTOM.truth[..., 10] == 1, 254, TRUTH[..., 10]))
    assert mine.segment().label_values == (0, 254, 255)
    with pytest.raises(InputError, match="hold 256, by which 255 goes inside"):
        mine.draw(2, 8, np.where(PHANTOM.truth[..., 8] == 1, 256, 0))


def test_another_label_that_was_not_looked_at_stays_what_it_is_in_a_session() -> None:
    drawn = PHANTOM.truth[..., 10].copy()
    drawn[:20] = 9
    mine = session(9)
    mine.draw(2, 10, drawn)
    np.testing.assert_array_equal(mine.labels.array[..., 10], drawn)
    assert 9 not in mine.segment().labels.array


def test_a_drawing_is_kept_with_what_its_numbers_mean(tmp_path: Path) -> None:
    mine = session()
    mine.draw(2, 10, TRUTH[..., 10])
    mine.save(tmp_path / "a.npz")
    again = session(labels=np.where(PHANTOM.sparse(2, 6) == 1, 256, 0).astype(np.uint16))
    again.load(tmp_path / "a.npz")  # where 255 goes by 254, since 256 is taken
    np.testing.assert_array_equal(again.labels.array, mine.labels.array)
    with pytest.raises(ReadError, match="ignore_label=None, the session has 255"):
        session(255).load(tmp_path / "a.npz")


def test_scans_to_learn_from_share_their_numbers() -> None:
    one, other = with_255(PHANTOM.sparse(2, 6, 10)), PHANTOM.sparse(2, 6, 10)
    other[other == 2] = 254
    pairs = [(PHANTOM.image, one), (PHANTOM.image, other)]
    scans, skipped = usable_scans(pairs, False, ignore_label=None)
    assert skipped == ()
    assert [each.numbering.stand_in for each in scans] == [256, 256]
    assert [each.annotation.drawn_values for each in scans] == [(1, 256), (1, 254)]
    usual, _ = usable_scans(pairs, False)
    assert [each.annotation.drawn_values for each in usual] == [(1,), (1, 254)]


@pytest.mark.slow
def test_a_model_learns_255_and_answers_it(tmp_path: Path) -> None:
    settings = TrainSettings(
        TaskSettings(steps=40, device="cpu", batch_pixels=1), ignore_label=None
    )
    pairs = [(PHANTOM.image, with_255(PHANTOM.sparse(2, 4, 8, 10, 12, 16)))]
    outcome = train(pairs, tmp_path, settings=settings)
    model = load_model(tmp_path)
    assert (model.values, model.stand_in) == ((0, 1, 254), 254)
    described = json.loads(next(tmp_path.rglob("model.json")).read_bytes())
    assert set(described["dice"]) == {"1", "255"}
    assert outcome.model.stand_in == 254
    for ignore_label in (None, 255):
        answer = segment(PHANTOM.image, engine=model, ignore_label=ignore_label)
        assert answer.label_values == (0, 1, 255)
        assert 254 not in answer.labels.array


def test_a_model_that_knows_255_answers_beside_what_was_not_looked_at() -> None:
    model = replace(random_model(), values=(0, 4, 254), stand_in=254)
    usual = segment(CHANNELS[0], engine=random_model())  # of the structures 4 and 7
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[3:5, 3:9, 4], drawn[5:8, 3:9, 4] = 4, 255
    found = segment(CHANNELS[0], drawn, engine=model)
    free = drawn == 0
    free[..., 4] = False
    expected = np.where(usual.labels.array == 7, 255, usual.labels.array)
    np.testing.assert_array_equal(found.labels.array[free], expected[free])
    assert (found.labels.array[3:5, 3:9, 4] == 4).all()
    unknown = found.annotation.labels[5:8, 3:9, 4]
    assert (unknown == 255).all()  # inside, 255 is what nobody looked at
    told = segment(CHANNELS[0], drawn, engine=model, ignore_label=None)
    assert (told.labels.array[5:8, 3:9, 4] == 255).all()
    with pytest.raises(InputError, match="hold 254, by which 255 goes inside"):
        segment(CHANNELS[0], np.where(drawn == 4, 254, drawn), engine=model)


@pytest.mark.slow
def test_weights_adapt_to_255_as_to_any_structure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank, found = weights_file(tmp_path, random=True), []
    sparse = PHANTOM.sparse(2, 5, 8, 11)
    for name, labels, ignore_label in (("a", sparse, 255), ("b", with_255(sparse), None)):
        monkeypatch.setattr(finetuned_engine, "monotonic", ticks(1.0))
        output = tmp_path / f"{name}.safetensors"
        options = EngineOptions(blank, 6.0)
        adapt(PHANTOM.image, labels, output, options=options, ignore_label=ignore_label)
        facts = read_metadata(output)
        found.append((facts["finetuned steps"], facts["finetuned dice"], facts["dice before"]))
    assert found[0] == found[1]


def test_many_scans_are_segmented_with_255(tmp_path: Path) -> None:
    write_scan(tmp_path / "scans", "a", 0)
    drawn = Path(write_drawn(tmp_path / "labels", "a", 2, 4))
    usual = read_labels(drawn)
    write_labels(drawn, usual.with_array(np.where(usual.array == 1, 255, 0).astype(np.uint8)))
    scans, labels = tmp_path / "scans", tmp_path / "labels"
    found = segment_many(
        scans, tmp_path / "out", labels=labels, engine="interpolation", workers=1, ignore_label=None
    )
    assert list(found.finished[0]["labels"]) == ["255"]
    expected = segment(read_image(scans / "a_0000.nii.gz"), usual, engine="interpolation")
    result = read_labels(tmp_path / "out" / "a.nii.gz").array
    np.testing.assert_array_equal(result == 255, expected.labels.array == 1)
    with pytest.raises(InputError):  # results of other settings are not mixed in
        segment_many(scans, tmp_path / "out", labels=labels, engine="interpolation", workers=1)
    other = segment_many(
        scans, tmp_path / "usual", labels=labels, engine="interpolation", workers=1
    )
    assert "every voxel is 0 or 255" in other.failed[0].sentence


def test_slices_of_a_pool_with_255_are_annotated() -> None:
    labels = np.where(scan_array(0) > 0, 255, 0).astype(np.uint8)
    labels[..., [0, 1, 3, 5, 6]] = 0  # drawn on 2 and 4
    pool: dict[str, Any] = {"labels": {"0": labels}, "strategy": "bald", "workers": 1, "count": 100}
    found = rank_pool([scan_array(0)], sampler=Unsure(), ignore_label=None, **pool)
    assert sorted(each.index for each in found.items if each.index is not None) == [0, 1, 3, 5, 6]
    usual = rank_pool([scan_array(0)], sampler=Unsure(), **pool)
    assert len(usual.items) == 7
