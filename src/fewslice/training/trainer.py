"""Training a task's model on what people have drawn so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fewslice.engines.network.inference import best_device, load_network
from fewslice.errors import InputError, TrainingError
from fewslice.networks.distributed import Group, average_gradients, maximum, share_state
from fewslice.training.augment import Batch, draw_batch
from fewslice.training.grid import TaskGrid, choose_grid
from fewslice.training.intensity import Intensity, choose_intensity
from fewslice.training.loss import task_loss
from fewslice.training.model import TaskModel
from fewslice.training.network import TaskNet, TaskShape
from fewslice.training.sampling import choices_of, choose
from fewslice.training.scan import TaskScan, TaskSettings, label_values
from fewslice.training.slices import TrainingSlice, training_slices_of

Report = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and a few words."""

_WARM = 20  # steps in which the learning rate rises
_CLIP = 1.0
_DECAY = 0.99  # of the mean of weights


@dataclass(frozen=True, eq=False)
class TaskState:
    """Everything a training needs to go on: tensors by name, and how far it is.

    step: updates done. seconds: spent. losses: (step, loss) so far, means over some steps.
    """

    tensors: dict[str, Tensor]
    step: int
    seconds: float
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training. finished: False if it was stopped. state: to go on from."""

    model: TaskModel
    state: TaskState
    finished: bool


def train_task_model(  # noqa: PLR0913 - what a loop needs, most of it optional
    scans: Sequence[TaskScan],
    settings: TaskSettings | None = None,
    *,
    state: TaskState | None = None,
    report: Report = lambda fraction, words: None,
    stop: Callable[[], bool] = lambda: False,
    keep: Callable[[TaskState], None] | None = None,
    keep_every: float = 30.0,
    group: Group | None = None,
) -> Trained:
    """Train a model on all annotated slices of scans and return it with its last state.

    state: to go on from; the scans and settings must be those of before. report: the fraction done
    and the current loss, after every step. stop: asked after every step. keep: given the state
    every `keep_every` seconds. group: the processes that train together, on the same scans with
    the same settings, whose device takes the place of that in the settings; each learns from
    batches of its own, all end with the same weights, and `keep` is called in all of them at the
    same step. Raises InputError if nothing is drawn on any scan or if their channels differ,
    TrainingError if the loss is no longer a number.
    """
    settings = settings or TaskSettings()
    group = group or Group(0, 1, torch.device(settings.device or best_device()))
    start = time.monotonic() - (state.seconds if state else 0.0)
    _require_usable(scans)
    values = label_values(scans)
    grid, intensity = choose_grid(scans), choose_intensity(scans)
    training_slices = [
        each for scan in scans for each in training_slices_of(scan, grid, intensity, values)
    ]
    blank = _blank_model(grid, intensity, (0, *values), settings, group)
    model = replace(blank, stand_in=scans[0].numbering.stand_in)
    training = _Training(model, training_slices, settings, start, group)
    if state is not None:
        training.restore(state)
    kept = time.monotonic()
    while True:
        done, stopped = maximum([training.fraction(), float(stop())], group)
        if done >= 1 or stopped:
            break
        loss = training.step(done)
        report(training.fraction(), f"loss {loss:.3f}")
        if keep is None:
            continue
        (waited,) = maximum([time.monotonic() - kept], group)
        if waited > keep_every:
            keep(training.state())
            kept = time.monotonic()
    return Trained(training.averaged(), training.state(), done >= 1)


def _require_usable(scans: Sequence[TaskScan]) -> None:
    if not label_values(scans):
        raise InputError(
            "There is nothing to learn from: no structure is drawn on any slice to train on; "
            "outline it on at least one slice of a scan."
        )
    for scan in scans:
        mine, others = len(scan.channels), len(scans[0].channels)
        if mine != others:
            raise InputError(
                f"{scan.name} has {mine} channels, {scans[0].name} has {others}; give scans with "
                "the same channels in the same order."
            )


def _blank_model(
    grid: TaskGrid,
    intensity: tuple[Intensity, ...],
    values: tuple[int, ...],
    settings: TaskSettings,
    group: Group,
) -> TaskModel:
    """Return a model that has learned nothing of this task, the same in all processes."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = TaskNet(TaskShape(len(intensity), len(values), dropout=settings.dropout))
        if settings.start != "nothing":
            shipped = load_network(device="cpu")
            network.begin_with(shipped, decoder=settings.start == "network")
    network.to(group.device)
    share_state(network, group)
    return TaskModel(network, grid, intensity, values)


class _Training:
    """What changes while a task's model is trained."""

    def __init__(
        self,
        model: TaskModel,
        training_slices: list[TrainingSlice],
        settings: TaskSettings,
        start: float,
        group: Group,
    ) -> None:
        self.model = model
        self.choices = choices_of(training_slices, len(model.values))
        self.settings = settings
        self.start = start
        self.group = group
        self.steps = 0
        self.losses: list[tuple[int, float]] = []
        self.recent: list[float] = []
        self.size = _patch_size(training_slices, settings.side)
        self.each = int(np.clip(settings.batch_pixels // (self.size[0] * self.size[1]), 4, 16))
        parameters = list(model.network.parameters())
        self.optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=1e-3)
        self.average = [parameter.detach().clone() for parameter in parameters]

    def fraction(self) -> float:
        """Return how much of the training is done, 0 to 1."""
        if self.settings.steps is not None:
            return min(1.0, self.steps / max(1, self.settings.steps))
        return min(1.0, (time.monotonic() - self.start) / self.settings.seconds)

    def step(self, done: float) -> float:
        """Do one update and return its loss. What is random depends on seed, step and rank."""
        rng = np.random.default_rng((self.settings.seed, self.steps, self.group.rank))
        batch = self._batch(rng).to(self.model.device)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        network = self.model.network.train()
        masks = network.masks(len(batch.images), generator)
        loss = task_loss(
            network(batch.images, batch.places, masks), batch.truth, batch.not_looked_for
        )
        (lost,) = maximum([float(not bool(torch.isfinite(loss)))], self.group)
        if lost:
            raise TrainingError(
                f"The loss was no longer a number in step {self.steps}; train again with a lower "
                "learning rate."
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate(done)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = list(network.parameters())
        average_gradients(parameters, self.group)
        torch.nn.utils.clip_grad_norm_(parameters, _CLIP)
        self.optimiser.step()
        self._follow()
        self.steps += 1
        self._note(float(loss.detach()))
        return float(np.mean(self.recent[-20:]))

    def _batch(self, rng: np.random.Generator) -> Batch:
        some = choose(self.choices, self.each, rng)
        fixed = self.model.intensity[0].fixed
        return draw_batch(some, len(self.model.values), self.size, fixed, rng)

    def _learning_rate(self, done: float) -> float:
        rise = min(1.0, (self.steps + 1) / _WARM)
        return self.settings.learning_rate * rise * 0.5 * (1 + float(np.cos(np.pi * done)))

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the mean of weights follow them: quickly at first, then over 100 steps."""
        decay = min(_DECAY, (1 + self.steps) / (10 + self.steps))
        parameters = [parameter.detach() for parameter in self.model.network.parameters()]
        torch._foreach_lerp_(self.average, parameters, 1 - decay)

    def _note(self, loss: float) -> None:
        self.recent = [*self.recent[-49:], loss]
        if self.steps % 50 == 0:
            self.losses.append((self.steps, float(np.mean(self.recent))))

    @torch.no_grad()
    def averaged(self) -> TaskModel:
        """Return the model with the mean of weights, on the same device."""
        network = deepcopy(self.model.network)
        for mine, mean in zip(network.parameters(), self.average, strict=True):
            mine.copy_(mean)
        return replace(self.model, network=network.eval())

    def state(self) -> TaskState:
        """Return a copy of all that changes."""
        tensors: dict[str, Tensor] = {}
        names = [name for name, _ in self.model.network.named_parameters()]
        for name, now, mean in zip(
            names, self.model.network.parameters(), self.average, strict=True
        ):
            tensors[f"now.{name}"] = now.detach().cpu().clone()
            tensors[f"mean.{name}"] = mean.cpu().clone()
        for number, moments in self.optimiser.state_dict()["state"].items():
            for what, value in moments.items():
                tensors[f"{what}.{names[number]}"] = value.cpu().clone()
        spent = time.monotonic() - self.start
        return TaskState(tensors, self.steps, spent, tuple(self.losses))

    @torch.no_grad()
    def restore(self, state: TaskState) -> None:
        """Go on from a state."""
        moments: dict[int, dict[str, Any]] = {}
        named = list(self.model.network.named_parameters())
        for number, (name, parameter) in enumerate(named):
            parameter.copy_(state.tensors[f"now.{name}"])
            self.average[number].copy_(state.tensors[f"mean.{name}"])
            found = {what: state.tensors.get(f"{what}.{name}") for what in _MOMENTS}
            moments[number] = {what: value for what, value in found.items() if value is not None}
        if state.step:
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.steps = state.step
        self.losses = list(state.losses)


_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def _patch_size(training_slices: Sequence[TrainingSlice], side: int) -> tuple[int, int]:
    """Return rows and columns of a patch: those of the largest slice, `side` at most."""
    rows, columns = (
        max(training_slice.truth.shape[axis] for training_slice in training_slices)
        for axis in (0, 1)
    )
    height, width = (min(-(-length // 8) * 8, side) for length in (rows, columns))
    return height, width
