"""Segmenting with a model of the task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.engines.base import Prediction
from fewslice.errors import InputError, codes_of
from fewslice.training.choice import Answerer, Choice
from fewslice.training.support import ModelSupport
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Region
from fewslice.workflow.segment import segment
from tests.support.random_models import CHANNELS, GEOMETRY, SHAPE, random_model


def test_nothing_needs_to_be_drawn() -> None:
    result = segment(Image(CHANNELS[0], GEOMETRY), engine=random_model())
    assert result.labels.array.shape == SHAPE
    assert set(np.unique(result.labels.array)) <= {0, 4, 7}
    assert len(set(np.unique(result.labels.array))) > 1
    assert result.label_values == (0, 4, 7)
    assert (result.engine, result.axis) == ("model", 2)
    assert set(result.provenance) == {"engine"}
    np.testing.assert_allclose(result.probability.sum(axis=0), 1, atol=2e-3)
    assert "Nothing is drawn" in result.remarks[0]


def test_labels_follow_the_patient_however_the_scan_is_stored() -> None:
    model, turn = random_model(), Turn((1, 2, 0), (False, True, True))
    usual = segment(Image(CHANNELS[0], GEOMETRY), engine=model)
    stored = Image(turn.array(CHANNELS[0]), turn.geometry(GEOMETRY))
    other = segment(stored, engine=model)
    assert np.array_equal(other.labels.array, turn.array(usual.labels.array))
    assert other.axis == 1


def test_what_is_drawn_stays_and_the_rest_is_the_models() -> None:
    model = random_model()
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[3:5, 3:9, 4] = 7
    drawn[0, :, 4] = 255
    result = segment(CHANNELS[0], drawn, engine=model, spacing=GEOMETRY.spacing)
    alone = segment(CHANNELS[0], engine=model, spacing=GEOMETRY.spacing)
    known = np.zeros(SHAPE, bool)
    known[1:, :, 4] = True
    assert np.array_equal(result.labels.array[known], drawn[known])
    assert np.array_equal(result.labels.array[~known], alone.labels.array[~known])
    assert result.provenance[4] == "human"
    assert result.remarks == ()


def test_a_label_the_model_does_not_know_is_where_it_was_drawn() -> None:
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[3:5, 3:9, 4] = 300
    result = segment(CHANNELS[0], drawn, engine=random_model(), spacing=GEOMETRY.spacing)
    assert result.label_values == (0, 4, 7, 300)
    assert np.array_equal(result.labels.array == 300, drawn == 300)
    assert "never seen label 300" in result.remarks[0]


@pytest.mark.parametrize("chosen", ["support", "mean"])
def test_a_label_that_no_scan_of_the_model_holds_is_told_once(
    chosen: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = np.zeros((4, *SHAPE), np.float16)
    found[0] = 1
    carried = Prediction(Region((0, 0, 0), SHAPE), (0, 4, 7, 300), found)
    monkeypatch.setattr(ModelSupport, "answer", lambda *_: carried)
    model = replace(random_model(), support=ModelSupport((), Choice(chosen)))
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[3:5, 3:9, 4] = 300
    result = segment(CHANNELS[0], drawn, engine=model, spacing=GEOMETRY.spacing)
    assert sum("has never seen label 300:" in remark for remark in result.remarks) == 1
    known = segment(CHANNELS[0], drawn // 75, engine=model, spacing=GEOMETRY.spacing)
    assert "unknown-label" not in codes_of(known.remarks)


def test_a_slice_may_be_said_to_hold_nothing() -> None:
    result = segment(
        CHANNELS[0], engine=random_model(), spacing=GEOMETRY.spacing, annotated=[(2, 4)]
    )
    assert not result.labels.array[:, :, 4].any()
    assert result.provenance[4] == "human"


def test_wrong_grids_and_channels_are_refused() -> None:
    other = LabelMap(np.zeros((3, 3, 3), np.uint8), Geometry.from_spacing((3, 3, 3)))
    with pytest.raises(InputError, match="same grid"):
        segment(Image(CHANNELS[0], GEOMETRY), other, engine=random_model())
    with pytest.raises(InputError, match="2 channels"):
        segment(np.repeat(CHANNELS, 2, axis=0), engine=random_model())
