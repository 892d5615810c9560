"""Fine-tuning: what is kept, what is not, and what Ctrl-C leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from fewslice.engines.network import finetune as finetuning
from fewslice.engines.network.finetune import (
    FinetuneSettings,
    averaged,
    finetune,
    fold_answers,
    fold_dice,
    known_loss,
    not_finetuned,
    surplus,
)
from fewslice.engines.network.leave_one_out import Fold
from fewslice.networks.fewslice_net import FewsliceNet
from tests.support.known_features import random_features, untrained

# A network that has learned nothing gains a lot by large steps.
QUICK = FinetuneSettings(steps=30, learning_rate=0.02, least=0, check=2, patience=30, side=16)


def always() -> float:
    return 1.0


@pytest.fixture
def taught() -> list[Fold]:
    """Four folds whose answer can be seen in the image, and which the features get wrong."""
    features = random_features((6, 10, 12), structures=1, positions=(0, 5))
    truth = (features.images[:, 0] > 0.5).astype(np.int8)
    wrong = replace(features, walk=np.full_like(features.walk, -1.0))
    return [Fold(wrong, truth, at, at, inner=at > 0) for at in (0, 1, 2, 3)]


def state_of(network: FewsliceNet) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: FewsliceNet, state: dict[str, Any]) -> bool:
    return all(torch.equal(tensor, state[name]) for name, tensor in one.state_dict().items())


@pytest.mark.slow
def test_a_better_state_is_kept_and_the_network_itself_stays_as_it_is(taught: list[Fold]) -> None:
    network = untrained(random=True)
    before = state_of(network)
    found = finetune(network, taught, QUICK, always)
    assert found.steps > 0
    assert found.steps % QUICK.check == 0
    judging = [taught[1], taught[3]]  # of the inner ones every other, the first included
    assert found.before == fold_dice(fold_answers(network, judging), judging)
    assert found.after == fold_dice(fold_answers(found.network, judging), judging)
    assert found.after > found.before + QUICK.gain
    assert not found.stopped
    assert not found.network.training
    assert not same(found.network, before)
    assert same(network, before)
    again = finetune(network, taught, QUICK, always)
    assert same(again.network, state_of(found.network))


@pytest.mark.slow
def test_without_a_gain_the_network_is_the_one_given(taught: list[Fold]) -> None:
    network = untrained(random=True)
    before = state_of(network)
    found = finetune(network, taught, replace(QUICK, gain=1.0, steps=4), always)
    assert found.network is network
    assert same(network, before)
    assert (found.steps, found.after) == (0, found.before)


def test_a_gain_that_may_be_luck_is_not_kept(taught: list[Fold]) -> None:
    network = untrained(random=True)
    found = finetune(network, taught, replace(QUICK, sure=100.0, steps=4), always)
    assert found.network is network
    assert (found.steps, found.after) == (0, found.before)


def test_pixels_that_change_are_counted_by_hand() -> None:
    truth = np.array([[[1, 1, 0, 0, -1, 1, 1, 0]]], dtype=np.int8)
    fold = Fold(random_features((2, 1, 8), structures=1, positions=(0, 1)), truth, 0, 0, inner=True)
    before = np.array([[0, 0, 1, 0, 0, 1, 1, 0]])
    after = np.array([[1, 1, 0, 0, 1, 0, 1, 0]])  # three right, one wrong, one unknown
    assert surplus([before], [after], [fold]) == (3 - 1) / np.sqrt(4)
    assert surplus([after], [after], [fold]) == 0


def test_a_network_that_is_far_off_is_left_alone(taught: list[Fold]) -> None:
    network = untrained(random=True)
    found = finetune(network, taught, replace(QUICK, least=0.99), always)
    assert found.network is network
    assert found.steps == 0
    assert found.before == found.after < 0.99


def test_weights_are_averaged_by_hand() -> None:
    one, other = untrained(), untrained(random=True)
    with torch.no_grad():
        one.decoder.logit.weight.fill_(1.0)
        other.decoder.logit.weight.fill_(3.0)
    middle = averaged(one, other, 0.25)
    assert (middle.decoder.logit.weight == 1.5).all()
    assert (one.decoder.logit.weight == 1.0).all()
    assert not middle.training


@pytest.mark.slow
def test_it_ends_when_patience_or_time_does(
    taught: list[Fold], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = counting_steps(monkeypatch)
    finetune(untrained(), taught, replace(QUICK, gain=1.0, patience=3), always)
    assert len(counted) == 3 * QUICK.check
    counted.clear()
    left = iter([0.9, 0.5, 0.1, 0.0])
    finetune(untrained(), taught, replace(QUICK, gain=1.0), lambda: next(left))
    assert len(counted) == 4
    counted.clear()
    finetune(untrained(), taught, replace(QUICK, gain=1.0), always)
    assert len(counted) == QUICK.steps


def counting_steps(
    monkeypatch: pytest.MonkeyPatch, also: Callable[[int], None] = lambda _: None
) -> list[int]:
    """Return a list that grows by one with every step."""
    counted: list[int] = []
    step = finetuning._step

    def counts(*given: Any) -> None:
        counted.append(len(counted))
        step(*given)
        also(len(counted))

    monkeypatch.setattr(finetuning, "_step", counts)
    return counted


@pytest.mark.slow
def test_ctrl_c_keeps_the_best_state_so_far(
    taught: list[Fold], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finetune(untrained(random=True), taught, QUICK, always)

    def press(step: int) -> None:
        if step == whole.steps + 1:
            raise KeyboardInterrupt

    counting_steps(monkeypatch, press)
    found = finetune(untrained(random=True), taught, QUICK, always)
    assert found.stopped
    assert found.steps == whole.steps
    assert same(found.network, state_of(whole.network))


def test_ctrl_c_at_the_first_step_leaves_the_network_given(
    taught: list[Fold], monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(step: int) -> None:
        raise KeyboardInterrupt

    counting_steps(monkeypatch, press)
    network = untrained()
    found = finetune(network, taught, QUICK, always)
    assert found.stopped
    assert found.steps == 0
    assert found.network is network


@pytest.mark.parametrize("chosen", [[], [0], [1], [0, 0]])
def test_too_few_lessons_to_teach_and_to_judge(taught: list[Fold], chosen: list[int]) -> None:
    """There must be one between others (here all but number 0) to judge by, and another one."""
    network = untrained()
    found = finetune(network, [taught[number] for number in chosen], QUICK, always)
    assert found.network is network
    assert (found.steps, found.stopped) == (0, False)
    assert np.isnan(found.before)
    assert np.isnan(not_finetuned(network).after)


def test_the_loss_of_what_is_known_by_hand() -> None:
    truth = torch.tensor([[[0, 1, -1]]])
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 1, 0, 2] = 100  # nobody knows: whatever is said there does not matter
    # Probabilities are 1/2: shared 1/2, there 1, said 1.
    expected = np.log(2) + 1 - (2 * 0.5 + 1) / (1 + 1 + 1)
    assert float(known_loss(logits, truth)) == pytest.approx(expected, rel=1e-6)


def test_dice_of_lessons_by_hand(taught: list[Fold]) -> None:
    untaught = untrained()  # answers the walk, which says: nowhere
    assert fold_dice(fold_answers(untaught, taught), taught) == 0
    fold = taught[0]
    sure = np.where(fold.truth > 0, 5.0, -5.0).astype(np.float32)[:, None]
    right = replace(fold, features=replace(fold.features, walk=sure))
    assert fold_dice(fold_answers(untaught, [right]), [right]) == 1
    assert fold_dice(fold_answers(untaught, [right, fold]), [right, fold]) == 0.5
    assert not untaught.training
