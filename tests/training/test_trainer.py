"""Training a task's model on slices of made-up scans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewslice.annotation.annotation import Annotation, find_annotation
from fewslice.engines.base import Scan
from fewslice.errors import InputError
from fewslice.training.grid import choose_grid
from fewslice.training.intensity import choose_intensity
from fewslice.training.model import predict
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.training.slices import training_slices_of
from fewslice.training.trainer import TaskState, Trained, train_task_model
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn
from tests.support.phantoms import dice, two_organs

QUICK = TaskSettings(steps=40, device="cpu", batch_pixels=1)


def phantom_scan(seed: int = 0, *indices: int) -> TaskScan:
    phantom = two_organs(seed=seed)
    labels = phantom.sparse(2, *(indices or (6, 10, 14)))
    geometry = Geometry.from_spacing(phantom.image.shape, phantom.spacing)
    return TaskScan(
        f"scan {seed}", Scan(phantom.image[None], geometry), find_annotation(labels, geometry)
    )


def same(one: Trained, other: Trained) -> bool:
    mine, theirs = one.model.network.state_dict(), other.model.network.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_finds_both_organs_in_a_scan_stored_otherwise() -> None:
    trained = train_task_model([phantom_scan(0), phantom_scan(1)], QUICK)
    new = two_organs(seed=2)
    turn = Turn((2, 0, 1), (True, False, True))
    geometry = turn.geometry(Geometry.from_spacing(new.image.shape, new.spacing))
    answer = predict(trained.model, Scan(turn.array(new.image[None]), geometry), whole=True)
    labels = np.array(answer.values)[answer.probability.argmax(axis=0)]
    truth = turn.array(new.truth)
    assert trained.finished
    assert min(dice(labels, truth, 1), dice(labels, truth, 2)) > 0.8


def test_same_seed_same_weights_other_seed_other_weights() -> None:
    few = replace(QUICK, steps=3)
    scans = [phantom_scan()]
    assert same(train_task_model(scans, few), train_task_model(scans, few))
    other = train_task_model(scans, replace(few, seed=1))
    assert not same(train_task_model(scans, few), other)


def test_the_random_numbers_of_the_program_are_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train_task_model([phantom_scan()], replace(QUICK, steps=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_going_on_gives_what_training_in_one_go_gives() -> None:
    scans = [phantom_scan()]
    six = replace(QUICK, steps=6)
    asked = iter([False, False, False, True])
    part = train_task_model(scans, six, stop=lambda: next(asked))
    assert (part.finished, part.state.step) == (False, 3)
    rest = train_task_model(scans, six, state=part.state)
    assert rest.finished
    assert same(rest, train_task_model(scans, six))


def test_what_nobody_looked_at_is_not_learned_from() -> None:
    scan = phantom_scan()
    labels = scan.annotation.labels.copy()
    hidden = np.zeros(labels.shape, dtype=bool)
    hidden[:24, :, [index for _, index in scan.annotation.slices]] = True
    labels[hidden] = 255
    partial = replace(scan, annotation=Annotation(labels, scan.annotation.slices))
    grid, intensity = choose_grid([partial]), choose_intensity([partial])
    training_slices = training_slices_of(partial, grid, intensity, (2,))
    assert [int(training_slice.truth[:24].max()) for training_slice in training_slices] == [
        -1,
        -1,
        -1,
    ]
    assert all(training_slice.truth[24:].min() == 0 for training_slice in training_slices)
    assert max(int(training_slice.truth.max()) for training_slice in training_slices) == 1
    assert train_task_model([partial], replace(QUICK, steps=1)).model.values == (0, 2)


def test_state_is_kept_in_time_and_reports_say_the_loss() -> None:
    states: list[TaskState] = []
    words: list[tuple[float, str]] = []
    train_task_model(
        [phantom_scan()],
        replace(QUICK, steps=2),
        keep=states.append,
        keep_every=0.0,
        report=lambda fraction, text: words.append((fraction, text)),
    )
    assert [state.step for state in states] == [1, 2]
    assert [fraction for fraction, _ in words] == [0.5, 1.0]
    assert words[0][1].startswith("loss ")


def test_time_ends_training() -> None:
    trained = train_task_model([phantom_scan()], replace(QUICK, steps=None, seconds=0.5))
    assert trained.finished
    assert trained.state.seconds < 10


def test_nothing_drawn_is_refused() -> None:
    scan = phantom_scan()
    blank = replace(scan, annotation=Annotation(np.zeros_like(scan.annotation.labels), ()))
    with pytest.raises(InputError, match="nothing to learn from"):
        train_task_model([blank], QUICK)


def test_other_channels_are_refused() -> None:
    scan = phantom_scan()
    two = replace(
        scan, name="the odd one", scan=Scan(np.repeat(scan.channels, 2, axis=0), scan.geometry)
    )
    with pytest.raises(InputError, match=r"the odd one has 2 channels, scan 0 has 1"):
        train_task_model([scan, two], QUICK)


def test_several_channels_are_learned_from() -> None:
    scan = phantom_scan()
    two = replace(scan, scan=Scan(np.concatenate([scan.channels, -scan.channels]), scan.geometry))
    trained = train_task_model([two], replace(QUICK, steps=2))
    answer = predict(trained.model, two.scan, whole=True)
    assert answer.probability.shape == (3, *scan.geometry.shape)
