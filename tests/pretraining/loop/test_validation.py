"""Dice of episodes by hand, and what validating leaves as it was."""

from __future__ import annotations

import pytest
import torch
from tests.support.tiny_network import bright_square
from torch import Tensor, nn

from fewslice.pretraining.loop.validation import episode_dice, mean_dice, merged, validate
from fewslice.pretraining.tasks.episodes import Episode


def logits(found: Tensor, classes: int) -> Tensor:
    """Return logits (slice, class, h, w) of an answer."""
    return nn.functional.one_hot(found, classes).movedim(-1, 1).float()


def test_dice_is_the_mean_over_structures_of_all_slices_together() -> None:
    truth = torch.tensor([[[1, 1, 0, 2]], [[1, 0, 0, -1]]])
    found = torch.tensor([[[1, 0, 0, 2]], [[1, 0, 1, 2]]])
    # Structure 1: 2 * 2 / (3 + 3); structure 2: 1, as the unknown pixel does not count.
    assert episode_dice(logits(found, 3), truth) == pytest.approx((2 / 3 + 1) / 2)


def test_what_is_found_but_not_there_counts_zero() -> None:
    truth = torch.tensor([[[1, 0, 0]]])
    assert episode_dice(logits(torch.tensor([[[1, 2, 0]]]), 3), truth) == 0.5


def test_nothing_to_find_and_nothing_found_agree() -> None:
    nothing = torch.zeros(1, 2, 2, dtype=torch.int64)
    assert episode_dice(logits(nothing, 2), nothing) == 1


def test_nothing_known_is_no_score() -> None:
    nothing = torch.zeros(1, 2, 2, dtype=torch.int64)
    assert episode_dice(logits(nothing, 2), nothing - 1) is None


class Foreground(nn.Module):
    """Answers structure 1 everywhere; notes in which mode it was."""

    def forward(self, episode: Episode) -> Tensor:
        self.mode = self.training
        slices, height, width = episode.truth.shape
        logits = torch.zeros(slices, 2, height, width)
        logits[:, 1] = 1
        return logits


def test_validate_scores_by_kind_in_evaluation_mode() -> None:
    network = Foreground()
    episodes = [bright_square(number) for number in (0, 1, 2)]
    scores = validate(network, episodes, lambda net, episode: net(episode), lambda: False)
    # 36 of 15 * 16 known pixels on each slice, and of 23 * 16 where the picture is higher.
    large, small = 72 / (36 + 15 * 16), 72 / (36 + 23 * 16)
    assert scores is not None
    assert set(scores) == {"large", "small"}
    assert scores["large"] == pytest.approx([large, large])
    assert scores["small"] == pytest.approx([small])
    assert not network.mode
    assert network.training
    assert mean_dice(scores) == pytest.approx((2 * large + small) / 3)


def test_validate_ends_when_asked_to() -> None:
    asked = iter([False, True])
    episodes = [bright_square(0), bright_square(1)]
    network = Foreground()
    assert validate(network, episodes, lambda net, e: net(e), lambda: next(asked)) is None
    assert network.training


def test_scores_of_several_processes() -> None:
    assert merged([{"a": [0.5]}, {"a": [1.0], "b": [0.0]}]) == {"a": [0.5, 1.0], "b": [0.0]}
    assert merged([{"a": [0.5]}, None]) is None
    assert mean_dice({}) is None
