"""The loss of an episode: soft Dice and cross-entropy over what is known."""

from __future__ import annotations

from functools import cache

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

UNKNOWN = -1
"""Class number of pixels that are not scored."""


def episode_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the mean over structures of 1 - soft Dice, plus the mean cross-entropy of pixels.

    logits: float (slice, class, h, w), background (0) first, two classes or more. truth: int64
    (slice, h, w) class numbers, `UNKNOWN` where not scored. Dice (Milletari et al. 2016, V-Net)
    is taken over all slices of the episode at once: on a slice without the structure, what is
    wrongly found counts, and the loss does not jump with every small cross-section. One pixel is
    added to both sums, so that a structure that is nowhere has Dice 1 if nothing is found. The
    result is a float32 scalar, 0 or more; 0 if nothing is known.
    """
    logits = logits.float()
    if not bool((truth != UNKNOWN).any()):
        return logits.sum() * 0.0  # a zero that backward can go through
    volume = logits.movedim(1, 0)[None]  # (1, class, slice, h, w): one volume for Dice
    soft: Tensor = _dice()(volume, truth[None, None])
    return soft + F.cross_entropy(logits, truth, ignore_index=UNKNOWN)


@cache
def _dice() -> nn.Module:
    from monai.losses.dice import DiceLoss

    return DiceLoss(
        include_background=False,
        to_onehot_y=True,
        softmax=True,
        smooth_nr=1.0,
        smooth_dr=1.0,
        ignore_index=UNKNOWN,
    )
