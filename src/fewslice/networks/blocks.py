"""The pieces a network is made of."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions with group normalisation and a residual connection."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(outside // 8, outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(outside // 8, outside)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outside, h, w) from (n, inside, h, w)."""
        y = F.silu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        result: Tensor = F.silu(y + self.skip(x))
        return result


def halved(x: Tensor) -> Tensor:
    """Return (n, c, h/2, w/2); h and w must be even."""
    return F.avg_pool2d(x, 2)


def doubled(x: Tensor) -> Tensor:
    """Return (n, c, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def padded(x: Tensor, multiple: int) -> Tensor:
    """Return (..., h, w) with rows and columns repeated at the end up to a multiple."""
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return x
    flat = x.reshape(1, -1, height, width)
    filled = F.pad(flat, (0, right, 0, below), mode="replicate")
    return filled.reshape(*x.shape[:-2], height + below, width + right)
