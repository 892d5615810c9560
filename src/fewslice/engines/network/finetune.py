"""Fine-tuning the network on a structure, for a short time that may only make it better.

Lessons are the annotated slices, left out one at a time (see
`fewslice.engines.network.leave_one_out`). Some of them teach, with heavy augmentation; others,
which lie between drawn slices, decide which state is kept, the first one included. The gap a
left-out slice leaves is twice as wide as those that will
be asked about, so folds exaggerate: the weights are drawn back to where they came from (L2-SP,
Li et al. 2018), what is kept is the mean of the weights before and after (Wortsman et al. 2022,
robust fine-tuning), and where the gap is too wide to be bridged at all nothing is changed. A few
small slices prove little, and looking often finds a state that is better on them by luck: among the
pixels that change, those that become right must outnumber the others by more than chance would
(McNemar 1947).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812

from fewslice.engines.network.augment import Turn, cropped
from fewslice.engines.network.inference import device_of
from fewslice.engines.network.inputs import Dropped, own_memory, target_inputs
from fewslice.engines.network.leave_one_out import Fold, slice_dice
from fewslice.networks.augmentation.intensity import IntensityChange
from fewslice.networks.fewslice_net import FewsliceNet

if TYPE_CHECKING:
    from torch import Tensor

    from fewslice.networks.inputs import Inputs

Classes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class FinetuneSettings:
    """How the network is fine-tuned.

    steps: at most, each on one fold. learning_rate: of AdamW. keep: weight of the squared
    distance to the shipped weights. share: of the new weights in the mean that is kept. least: mean
    Dice on the folds kept back that is needed to fine-tune at all. check: steps between two looks
    at these folds. patience: looks without an improvement before it ends. gain: by how much mean
    Dice must be better than without fine-tuning for the new state to be kept. sure: by how many
    standard deviations the pixels that become right must outnumber those that become wrong. side:
    pixels of a crop. seed: of the augmentation.
    """

    steps: int = 120
    learning_rate: float = 3e-4
    keep: float = 0.02
    share: float = 0.5
    least: float = 0.6
    check: int = 10
    patience: int = 4
    gain: float = 0.005
    sure: float = 3.0
    side: int = 96
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Finetuning:
    """What came of it: the network, and mean Dice on the folds kept back, before and after.

    steps: after how many the state kept was reached; 0 if fine-tuning did not help. stopped:
    whether a person broke it off.
    """

    network: FewsliceNet
    before: float
    after: float
    steps: int
    stopped: bool = False


def not_finetuned(network: FewsliceNet) -> Finetuning:
    """Return the network as it is, with nothing to judge it by."""
    return Finetuning(network, float("nan"), float("nan"), 0)


def finetune(
    network: FewsliceNet,
    found: Sequence[Fold],
    settings: FinetuneSettings,
    time_left: Callable[[], float],
) -> Finetuning:
    """Fine-tune a copy of the network on folds and return the best state seen.

    time_left: the fraction of the time that is left, from 1 to 0; looked at after every step.
    Ctrl-C (KeyboardInterrupt) ends fine-tuning as running out of time does. With no
    fold to judge by, or none to teach, the network stays as it is.
    """
    best = not_finetuned(network)
    if len(found) < 2:
        return best
    try:
        for better in _improvements(network, found, settings, time_left):
            best = better
    except KeyboardInterrupt:
        return replace(best, stopped=True)
    return best


def _improvements(
    network: FewsliceNet,
    found: Sequence[Fold],
    settings: FinetuneSettings,
    time_left: Callable[[], float],
) -> Iterator[Finetuning]:
    """Yield the network as it is, then each state that does better than those before it."""
    inner = [fold for fold in found if fold.inner]
    judging = inner[0::2]
    teaching = [*inner[1::2], *(fold for fold in found if not fold.inner)]
    if not judging or not teaching:
        return
    first = fold_answers(network, judging)
    before = fold_dice(first, judging)
    yield Finetuning(network, before, before, 0)
    if before < settings.least:
        return
    best, since = before + settings.gain, 0
    model = copy.deepcopy(network).train()
    home = [parameter.detach().clone() for parameter in model.parameters()]
    optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=0.0)
    rng = np.random.default_rng(settings.seed)
    for step in range(1, settings.steps + 1):
        fold = teaching[int(rng.integers(len(teaching)))]
        _step(model, home, optimiser, fold, settings, rng)
        if time_left() <= 0:
            return
        if step % settings.check:
            continue
        middle = averaged(network, model, settings.share)
        answers = fold_answers(middle, judging)
        score = fold_dice(answers, judging)
        since += 1
        if score > best:
            best, since = score, 0
            if surplus(first, answers, judging) > settings.sure:
                yield Finetuning(middle, before, score, step)
        if since >= settings.patience:
            return


@torch.no_grad()
def averaged(one: FewsliceNet, other: FewsliceNet, share: float) -> FewsliceNet:
    """Return a network with the weighted mean of two networks' weights. share: of the other."""
    mean = copy.deepcopy(one).eval()
    for into, more in zip(mean.parameters(), other.parameters(), strict=True):
        into.lerp_(more, share)
    return mean


def _step(  # noqa: PLR0913, PLR0917 - what a step needs
    model: FewsliceNet,
    home: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
    fold: Fold,
    settings: FinetuneSettings,
    rng: np.random.Generator,
) -> None:
    inputs, truth = _augmented(fold, settings.side, rng)
    device = device_of(model)
    loss = known_loss(model(inputs.to(device)), truth.to(device))
    drift = sum(
        ((now - then) ** 2).sum() for now, then in zip(model.parameters(), home, strict=True)
    )
    optimiser.zero_grad()
    torch.autograd.backward(loss + settings.keep * drift)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def _augmented(fold: Fold, side: int, rng: np.random.Generator) -> tuple[Inputs, Tensor]:
    """Return the fold's slice as inputs and truth, seen differently every time."""
    marked = np.full_like(fold.truth, -1)
    marked[fold.target] = fold.truth[fold.target]
    features, truth = Turn.sample(rng).apply(*cropped(fold.features, marked, side, rng))
    if rng.random() < 0.7:
        change = IntensityChange.sample(rng)
        features = replace(
            features, images=change.apply(np.ascontiguousarray(features.images), rng)
        )
    target = [int(np.flatnonzero((truth >= 0).reshape(len(truth), -1).any(axis=1))[0])]
    dropped = Dropped(*(bool(x) for x in rng.random(3) < 0.15))
    inputs = target_inputs(features, target, own_memory(features), dropped)
    return inputs, torch.from_numpy(truth[target].astype(np.int64))


def known_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return cross-entropy plus 1 - soft Dice over the pixels that are known.

    logits: (slice, class, h, w). truth: (slice, h, w), -1 where unknown. As in training (see
    `fewslice.pretraining.loop.loss`), without the library that is needed for training only.
    """
    entropy = F.cross_entropy(logits, truth, ignore_index=-1)
    known = (truth >= 0)[:, None]
    chances = (logits.softmax(dim=1) * known)[:, 1:]
    there = F.one_hot(truth.clamp(min=0), logits.shape[1]).movedim(-1, 1)[:, 1:] * known
    over = (0, 2, 3)
    shared = (chances * there).sum(over)
    dice = (2 * shared + 1) / (chances.sum(over) + there.sum(over) + 1)
    return entropy + (1 - dice).mean()


def surplus(before: Sequence[Classes], after: Sequence[Classes], found: Sequence[Fold]) -> float:
    """Return by how many standard deviations more pixels became right than wrong.

    before, after: class numbers (rows, columns) of each fold's slice. Of the pixels that are
    right in one and wrong in the other, r became right and w wrong: (r - w) / sqrt(r + w), McNemar
    1947; 0 if there are none.
    """
    right = wrong = 0
    for then, now, fold in zip(before, after, found, strict=True):
        truth = fold.truth[fold.target]
        known = truth >= 0
        right += int(np.count_nonzero(known & (then != truth) & (now == truth)))
        wrong += int(np.count_nonzero(known & (then == truth) & (now != truth)))
    return float((right - wrong) / np.sqrt(max(right + wrong, 1)))


def fold_dice(answers: Sequence[Classes], found: Sequence[Fold]) -> float:
    """Return the mean Dice of the structures on the folds' slices. answers: see `surplus`."""
    scores = [
        slice_dice(answer, fold.truth[fold.target])
        for answer, fold in zip(answers, found, strict=True)
    ]
    return float(np.mean(scores))


@torch.inference_mode()
def fold_answers(network: FewsliceNet, found: Sequence[Fold]) -> list[Classes]:
    """Return class numbers (rows, columns) of each fold's slice."""
    was_training = network.training
    network.eval()
    answers = []
    for fold in found:
        inputs = target_inputs(fold.features, [fold.target], own_memory(fold.features))
        answers.append(network(inputs.to(device_of(network)))[0].argmax(dim=0).cpu().numpy())
    network.train(was_training)
    return answers
