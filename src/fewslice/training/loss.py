"""The loss of a task's model: cross-entropy and soft Dice over what is known."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def task_loss(logits: Tensor, truth: Tensor, not_looked_for: Tensor) -> Tensor:
    """Return mean cross-entropy plus 1 - soft Dice over the classes, a scalar.

    logits: float (n, class, h, w), background first. truth: float (n, class, h, w), how much of a
    pixel is of each class; sums to 1 where the pixel is known and to less where it is known in
    part or, at 0, not at all. not_looked_for: bool (n, class), classes nobody looked for in the
    scan: there a "background" may be one of these as well, and is only learned to be one of
    them together (the marginal loss of Shi et al., Medical Image Analysis 2021). Dice is that of
    the batch as a whole, for classes it holds, so that small cross-sections do not make it jump.
    """
    known = truth.sum(dim=1)
    logs = F.log_softmax(logits.float(), dim=1)
    if bool(not_looked_for.any()):
        logs = _merged(logs, not_looked_for)
    entropy = -(truth * logs).sum() / known.sum().clamp_min(1.0)
    probability = logs.exp() * known[:, None]
    found = ~not_looked_for[:, :, None, None]
    both = (probability * truth * found).sum(dim=(0, 2, 3))
    either = ((probability + truth) * found).sum(dim=(0, 2, 3))
    dice = (2 * both[1:] + 1) / (either[1:] + 1)
    present = truth.sum(dim=(0, 2, 3))[1:] > 0
    if not bool(present.any()):
        return entropy
    return entropy + 1 - dice[present].mean()


def _merged(logs: Tensor, not_looked_for: Tensor) -> Tensor:
    """Return log-probabilities with classes nobody looked for counted as background."""
    minus = torch.finfo(logs.dtype).min
    hidden = not_looked_for.clone()
    hidden[:, 0] = True
    background = torch.where(hidden[:, :, None, None], logs, minus).logsumexp(dim=1, keepdim=True)
    structures = torch.where(not_looked_for[:, 1:, None, None], -30.0, logs[:, 1:])
    return torch.cat([background, structures], dim=1)
