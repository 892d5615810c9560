"""How good a network is on episodes it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from fewslice.training.episodes import Episode
from fewslice.training.loss import UNKNOWN

Scores = dict[str, list[float]]
"""Dice of each episode, by kind."""


def episode_dice(predicted: Tensor, truth: Tensor) -> float | None:
    """Return the mean Dice of the structures of an episode, over all its slices at once.

    predicted, truth: int64 (slice, h, w) class numbers, 0 background; pixels with truth `UNKNOWN`
    do not count. A structure that is nowhere counts 0 if it was found somewhere, else not at all;
    None if there is nothing to score.
    """
    known = truth != UNKNOWN
    predicted, truth = predicted[known], truth[known]
    scores = []
    for structure in torch.unique(torch.cat([predicted, truth])).tolist():
        if structure == 0:
            continue
        found, there = predicted == structure, truth == structure
        both = int((found & there).sum())
        scores.append(2 * both / (int(found.sum()) + int(there.sum())))
    return sum(scores) / len(scores) if scores else None


@torch.inference_mode()
def validate(
    network: nn.Module,
    episodes: Iterable[Episode],
    predict: Callable[[nn.Module, Episode], Tensor],
    stop: Callable[[], bool],
) -> Scores | None:
    """Return the scores of episodes; None if stopped meanwhile.

    predict: returns the logits. stop: asked before each episode. The network is in evaluation mode
    during the call.
    """
    scores: Scores = {}
    was_training = network.training
    network.eval()
    try:
        for episode in episodes:
            if stop():
                return None
            logits = predict(network, episode)
            score = episode_dice(logits.argmax(dim=1), episode.truth.to(logits.device))
            if score is not None:
                scores.setdefault(episode.kind, []).append(score)
    finally:
        network.train(was_training)
    return scores


def merged(parts: Sequence[Scores | None]) -> Scores | None:
    """Return the scores of all processes together; None if one of them stopped."""
    together: Scores = {}
    for part in parts:
        if part is None:
            return None
        for kind, values in part.items():
            together.setdefault(kind, []).extend(values)
    return together


def mean_dice(scores: Scores) -> float | None:
    """Return the mean over all episodes; None if there are none."""
    values = [value for some in scores.values() for value in some]
    return sum(values) / len(values) if values else None
