"""How good a network is on episodes it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from fewslice.pretraining.loop.loss import UNKNOWN
from fewslice.pretraining.tasks.episodes import Episode

Scores = dict[str, list[float]]
"""Dice of each episode, by kind."""


def episode_dice(logits: Tensor, truth: Tensor) -> float | None:
    """Return the mean Dice of the structures of an episode, over all its slices at once.

    logits: float (slice, class, h, w), background (0) first. truth: int64 (slice, h, w) class
    numbers; pixels with truth `UNKNOWN` do not count. A structure that is nowhere counts 1 if it
    was not found and 0 if it was, as in `fewslice.metrics`, so that the same structures are scored
    every time. None if nothing is known.
    """
    known = truth != UNKNOWN
    if not bool(known.any()):
        return None
    predicted, truth = logits.argmax(dim=1)[known], truth[known]
    scores = []
    for structure in range(1, logits.shape[1]):
        found, there = predicted == structure, truth == structure
        total = int(found.sum()) + int(there.sum())
        scores.append(2 * int((found & there).sum()) / total if total else 1.0)
    return sum(scores) / len(scores)


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
            score = episode_dice(logits, episode.truth.to(logits.device))
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
