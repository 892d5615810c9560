"""What turns gradients into weights: AdamW, its learning rate, and a moving average."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


def learning_rate(highest: float, warmup: int, step: int, done: float) -> float:
    """Return the learning rate of a step, counted from 0.

    It rises linearly over `warmup` steps, times a cosine that falls from 1 to 0 as the fraction
    `done` goes from 0 to 1 (Loshchilov & Hutter 2017, without restarts).
    """
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return highest * rise * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def moving_average(network: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """Return an exponential moving average of the parameters that is young when training is.

    The decay of update n is min(decay, (1 + n) / (10 + n)), so that random initial weights do not
    stay in it for long.
    """

    @torch.no_grad()
    def update(average: Any, current: Any, updates: Any) -> None:
        n = float(updates)
        torch._foreach_lerp_(average, current, 1 - min(decay, (1 + n) / (10 + n)))

    return torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=update)


def adamw(network: nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW; biases and scales of normalisation (vectors) do not decay."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    decaying = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate)
