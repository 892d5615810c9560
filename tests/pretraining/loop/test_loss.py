"""The loss, against numbers worked out by hand."""

from __future__ import annotations

from math import log

import pytest
import torch

from fewslice.pretraining.loop.loss import UNKNOWN, episode_loss

pytestmark = pytest.mark.slow  # loading MONAI takes seconds


def certain(truth: torch.Tensor, classes: int) -> torch.Tensor:
    """Return logits (slice, class, h, w) that are sure of the truth."""
    return 100.0 * torch.nn.functional.one_hot(truth, classes).movedim(-1, 1).float()


def test_undecided_about_one_pixel_of_four() -> None:
    truth = torch.tensor([[[0, 0], [0, 1]]])
    # Dice: (2 * 0.5 + 1) / (4 * 0.5 + 1 + 1) = 1/2; cross-entropy: log 2 everywhere.
    loss = episode_loss(torch.zeros(1, 2, 2, 2), truth)
    assert float(loss) == pytest.approx(0.5 + log(2), abs=1e-6)


def test_dice_is_taken_over_all_slices_and_averaged_over_structures() -> None:
    truth = torch.tensor([[[1, 1, 2, 0]], [[0, 0, 0, 0]]])
    found = torch.tensor([[[1, 1, 2, 0]], [[1, 0, 0, 0]]])
    logits = certain(found, 3)
    # Structure 1: (2 * 2 + 1) / (3 + 2 + 1) = 5/6, structure 2: (2 + 1) / (1 + 1 + 1) = 1.
    # Cross-entropy: 100 at one pixel of eight.
    assert float(episode_loss(logits, truth)) == pytest.approx(1 / 12 + 100 / 8, abs=1e-5)


def test_a_structure_that_is_nowhere_and_not_found_costs_nothing() -> None:
    truth = torch.tensor([[[0, 1]]])
    assert float(episode_loss(certain(truth, 3), truth)) == pytest.approx(0, abs=1e-6)


def test_unknown_pixels_have_no_say() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    truth = torch.randint(0, 3, (2, 4, 4))
    truth[:, :2] = UNKNOWN
    loss = episode_loss(logits, truth)
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert bool((logits.grad[:, :, :2] == 0).all())
    assert bool((logits.grad[:, :, 2:] != 0).all())
    alone = episode_loss(logits[:, :, 2:], truth[:, 2:])
    assert loss.item() == pytest.approx(alone.item(), abs=1e-6)


def test_nothing_known_is_a_loss_of_zero_to_go_backward_through() -> None:
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    loss = episode_loss(logits, torch.full((1, 2, 2), UNKNOWN))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert bool((logits.grad == 0).all())


def test_half_precision_is_summed_in_single() -> None:
    truth = torch.zeros(1, 100, 100, dtype=torch.int64)
    truth[:, :50] = 1
    loss = episode_loss(torch.zeros(1, 2, 100, 100, dtype=torch.bfloat16), truth)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(1 - 5001 / 10001 + log(2), abs=1e-6)
