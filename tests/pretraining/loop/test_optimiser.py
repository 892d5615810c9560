"""The learning rate, which weights decay, and the moving average, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fewslice.pretraining.loop.optimiser import adamw, learning_rate, moving_average


def test_the_learning_rate_by_hand() -> None:
    assert learning_rate(1.0, 4, 0, 0.0) == pytest.approx(0.25)
    assert learning_rate(1.0, 4, 3, 0.0) == pytest.approx(1.0)
    assert learning_rate(2.0, 4, 10, 0.5) == pytest.approx(1.0)
    assert learning_rate(1.0, 0, 0, 1.0) == pytest.approx(0.0)


def test_only_matrices_decay() -> None:
    network = nn.Linear(3, 2)
    decaying, others = adamw(network, 0.5, 0.1).param_groups
    assert decaying["params"] == [network.weight]
    assert others["params"] == [network.bias]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert (decaying["lr"], others["lr"]) == (0.5, 0.5)


def test_the_average_follows_quickly_at_first() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = moving_average(network, 0.25)
    seen = []
    for value in (1.0, 2.0, 3.0, 4.0):
        nn.init.constant_(network.weight, value)
        average.update_parameters(network)
        seen.append(next(average.module.parameters()).item())
    # A copy, then decays of 2/11, 3/12 = 1/4, and 1/4 instead of 4/13.
    second = 2 - 2 / 11
    third = 3 - (3 - second) / 4
    assert seen == pytest.approx([1.0, second, third, 4 - (4 - third) / 4])
    assert torch.equal(network.weight, torch.tensor([[4.0]]))
