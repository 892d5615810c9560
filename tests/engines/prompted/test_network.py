from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fewslice.engines.prompted.description import Description
from fewslice.engines.prompted.network import PromptedNetwork
from fewslice.errors import InputError, WeightsError
from tests.support.other_engines import Brightness

INPUTS = np.random.default_rng(0).normal(size=(1, 2, 9, 5, 7)).astype(np.float32)


def network(module: Callable[[Any], Any], output: str = "logits") -> PromptedNetwork:
    description = Description(3, ("image", "inside"), (4, 4, 4), output=output)
    return PromptedNetwork(module, description, "a.pt", "cpu")


@pytest.mark.slow
def test_patches_are_put_together_again() -> None:
    np.testing.assert_allclose(network(Brightness()).logits(INPUTS), INPUTS[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_two_channels_are_background_and_structure() -> None:
    found = network(lambda patch: torch.cat([patch[:, :1], 3 * patch[:, :1]], 1)).logits(INPUTS)
    np.testing.assert_allclose(found, 2 * INPUTS[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_probabilities_become_logits() -> None:
    inputs = np.zeros((1, 2, 4, 4, 4), dtype=np.float32)
    inputs[0, 0, :2], inputs[0, 0, 3] = 0.75, 1.0
    for channels in (1, 2):
        found = network(Brightness(channels), "probabilities").logits(inputs)[0, :, 0, 0]
        assert found[0] == pytest.approx(np.log(3), abs=1e-3)
        assert found[2] < -13  # as sure as 1e-6
        assert found[3] > 13


def refuses(patch: Tensor) -> Tensor:
    raise RuntimeError("Traceback of TorchScript\nexpected 3 channels, got 2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "said"),
    [
        (refuses, r"does not take patches of shape \(1, 2, 4, 4, 4\) \(expected 3 channels, got 2"),
        (lambda patch: patch[:, :1, 1:], r"with \(1, 1, 3, 4, 4\); expected .* \(1, 1, 4, 4, 4\)"),
        (lambda patch: torch.cat([patch, patch], 1), r"with \(1, 4, 4, 4, 4\)"),
        (lambda patch: [patch], "with list; expected"),
        (lambda patch: patch[:, :1] / 0, "with values that are no numbers"),
    ],
)
def test_answers_of_another_kind_are_told(module: Callable[[Any], Any], said: str) -> None:
    inputs = np.zeros((1, 2, 4, 4, 4), dtype=np.float32)
    with pytest.raises(WeightsError, match=said) as caught:
        network(module).logits(inputs)
    assert str(caught.value).startswith("a.pt ")
    assert "\n" not in str(caught.value)


def test_without_monai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.inferers.inferer", None)
    with pytest.raises(InputError, match=r'run pip install "fewslice\[monai\]"'):
        network(Brightness()).logits(INPUTS)
