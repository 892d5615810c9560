"""The pieces a network is made of, by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fewslice.networks.blocks import Block, doubled, halved, padded


def close(one: Tensor, other: Tensor) -> None:
    np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-4, rtol=1e-4)


def test_halving_averages_and_doubling_interpolates() -> None:
    x = torch.tensor([[1.0, 3.0, 5.0, 5.0], [1.0, 3.0, 9.0, 1.0]])[None, None]
    assert halved(x)[0, 0].tolist() == [[2.0, 5.0]]
    # Between the centres of two pixels, a quarter and three quarters of the way.
    row = torch.tensor([[0.0, 4.0]])[None, None]
    assert doubled(row)[0, 0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 2


def test_padding_repeats_the_last_rows_and_columns() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert padded(x, 4)[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert padded(torch.rand(2, 3, 5, 1, 1), 8).shape == (2, 3, 5, 8, 8)
    whole = torch.rand(2, 3, 8, 16)
    assert padded(whole, 8) is whole


def test_a_block_with_silent_convolutions_is_its_skip() -> None:
    torch.manual_seed(0)
    block = Block(8, 8)
    torch.nn.init.zeros_(block.second_norm.weight)
    x = torch.randn(2, 8, 6, 5)
    close(block(x), torch.nn.functional.silu(x))
    assert Block(3, 16)(torch.randn(2, 3, 6, 5)).shape == (2, 16, 6, 5)


def test_a_block_does_not_mix_the_slices_of_a_batch() -> None:
    torch.manual_seed(0)
    block = Block(3, 8)
    x = torch.randn(4, 3, 6, 5)
    alone = torch.cat([block(one[None]) for one in x])
    close(block(x), alone)
