"""Loading networks and asking them in portions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from fewslice.engines.network import inference as model
from fewslice.engines.network.inference import best_device, device_of, load_network, structure_odds
from fewslice.engines.network.inputs import own_memory, target_inputs
from fewslice.errors import WeightsError
from fewslice.networks.inputs import Inputs
from tests.support.known_features import TINY, random_cues, untrained, weights_file


def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    network = load_network(weights_file(tmp_path, random=True), "cpu")
    assert network.settings == TINY
    assert not network.training
    assert device_of(network) == torch.device("cpu")
    expected = untrained(random=True).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_without_a_file_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nothing\.safetensors cannot be read"):
        load_network(tmp_path / "nothing.safetensors")


def test_the_best_device_exists() -> None:
    assert torch.ones(2, device=best_device()).sum() == 2


def test_slices_asked_in_portions_are_answered_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cues, network = random_cues(channels=2), untrained(random=True)
    memory = (own_memory(cues),)
    asked: list[int] = []
    done: list[float] = []

    def inputs_for(targets: Sequence[int]) -> Inputs:
        asked.extend(targets)
        return target_inputs(cues, targets, ())

    shape = (6, 2, 10, 12)
    monkeypatch.setattr(model, "_PIXELS_AT_ONCE", 4 * 2 * 10 * 12)
    odds = structure_odds(network, memory, inputs_for, shape, done.append)
    assert asked == list(range(6))
    assert done == pytest.approx([4 / 6, 1])
    with torch.inference_mode():
        logits = network(target_inputs(cues, range(6), memory)).numpy()
    assert odds.dtype == np.float32
    np.testing.assert_allclose(odds, logits[:, 1:] - logits[:, :1], atol=1e-4)
    # However large a slice is, it is asked for one at a time.
    monkeypatch.setattr(model, "_PIXELS_AT_ONCE", 1)
    np.testing.assert_allclose(structure_odds(network, memory, inputs_for, shape), odds, atol=1e-4)
