"""A task's model answers the same however a file stores its axes, on the scan's own grid."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from fewslice.engines.base import Scan
from fewslice.errors import InputError
from fewslice.training.model import predict
from fewslice.volumes.orientation import Turn
from tests.support.random_models import (
    CHANNELS,
    GEOMETRY,
    SCAN,
    SHAPE,
    SPACING,
    random_model,
    turned_scan,
)


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_every_way_to_store_a_scan_gives_the_same_answer(axes: tuple[int, int, int]) -> None:
    model = random_model()
    usual = predict(model, SCAN, whole=True).probability
    for i, j, k in product((False, True), repeat=3):
        turn = Turn(axes, (i, j, k))
        other = predict(model, turned_scan(turn), whole=True)
        assert np.array_equal(other.probability, turn.array(usual))


def test_a_mirrored_patient_is_another_patient() -> None:
    model = random_model()
    usual = predict(model, SCAN, whole=True).probability
    mirrored = predict(model, Scan(CHANNELS[:, ::-1], GEOMETRY), whole=True).probability
    assert not np.allclose(mirrored[:, ::-1], usual, atol=0.01)


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_slices_are_those_of_the_world_not_of_the_array(plane: int) -> None:
    model = random_model(plane)
    turn = Turn((2, 0, 1), (True, False, True))
    assert model.axis(GEOMETRY) == plane
    assert model.axis(turn.geometry(GEOMETRY)) == turn.axes.index(plane)


@pytest.mark.parametrize("pixel", [(1.5, 1.0), (3.0, 2.0), (0.7, 0.5)])
def test_answers_are_probabilities_on_the_scans_grid(pixel: tuple[float, float]) -> None:
    answer = predict(random_model(pixel=pixel), SCAN, whole=True)
    assert answer.probability.shape == (3, *SHAPE)
    assert answer.probability.dtype == np.float16
    np.testing.assert_allclose(answer.probability.astype(float).sum(axis=0), 1, atol=2e-3)


def test_finer_voxels_show_the_model_the_same_slices() -> None:
    model = random_model()
    usual = model.stack(SCAN)
    fine = CHANNELS.repeat(2, axis=1).repeat(3, axis=2).repeat(2, axis=3)
    spacing = (SPACING[0] / 2, SPACING[1] / 3, SPACING[2] / 2)
    other = model.stack(Scan.from_spacing(fine, spacing))
    assert (usual.apart, other.apart) == (1.0, 2.0)
    np.testing.assert_allclose(
        other.seen(np.array([8, 9])), usual.seen(np.array([4, 4])), atol=5e-3
    )
    # A slice of the fine scan lies a quarter of the coarse one's thickness beside its middle.
    np.testing.assert_allclose(
        other.places(np.array([8, 9])).mean(axis=0), usual.places(np.array([4]))[0], atol=1e-6
    )


def test_outside_of_the_box_there_is_nothing() -> None:
    model = random_model()
    with torch.no_grad():
        model.network.decoder.logit.weight *= 0.3
        model.network.get_parameter("decoder.logit.bias")[0] += 3
    whole = predict(model, SCAN, whole=True)
    turn = Turn((1, 2, 0), (True, False, True))
    box = predict(model, turned_scan(turn))
    inside = turn.array(whole.probability)[(slice(None), *box.region.slices)]
    assert np.array_equal(box.probability, inside)
    outside = turn.array(whole.probability).astype(float)[1:].sum(axis=0)
    outside[box.region.slices] = 0
    assert outside.max() < 0.021


def test_other_channels_are_refused() -> None:
    with pytest.raises(InputError, match="2 channels, but the model was trained on 1"):
        predict(random_model(), Scan(np.repeat(CHANNELS, 2, axis=0), GEOMETRY))
