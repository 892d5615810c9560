"""The training loop: from episodes to weights, with everything needed to stop and go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn

from fewslice.errors import InputError, TrainingError
from fewslice.networks.distributed import Group, average_gradients, gather, maximum
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.weights import save_weights
from fewslice.pretraining.loop.checkpoint import Checkpoint, State, save_checkpoint, versions
from fewslice.pretraining.loop.config import Config
from fewslice.pretraining.loop.logs import Logs
from fewslice.pretraining.loop.loss import episode_loss
from fewslice.pretraining.loop.optimiser import adamw, learning_rate, moving_average
from fewslice.pretraining.loop.timer import Clock
from fewslice.pretraining.loop.validation import Scores, mean_dice, merged, validate
from fewslice.pretraining.tasks.episodes import Episode
from fewslice.pretraining.tasks.feed import Feed, Opener

LAST, BEST, FINAL = "last.ckpt", "best.safetensors", "final.safetensors"
"""Files in the output folder: to go on from; best by validation; at the end of training."""

Report = Callable[[float, str], None]
"""Called with the fraction done, from 0 to 1, and what is being done, in a few words."""

_MOST_SKIPPED = 50  # updates without a finite gradient, of which there should be none


@dataclass(frozen=True)
class Materials:
    """Where episodes come from."""

    training: Opener
    validation: Opener


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    finished: False if it was stopped. best: validation Dice, or -1. leads: whether this is the
    process that writes and shows what there is.
    """

    finished: bool
    step: int
    best: float
    checkpoint: Path
    weights: Path | None
    leads: bool


class Loop:
    """What changes while training: network, average, optimiser and `State`."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a loop needs
        self,
        config: Config,
        group: Group,
        network: FewsliceNet,
        materials: Materials,
        report: Report,
        stop: Callable[[], bool],
    ) -> None:
        self.config = config
        self.group = group
        self.network = network
        self.average = moving_average(network, config.optimisation.ema)
        self.optimiser = adamw(
            network, config.optimisation.learning_rate, config.optimisation.weight_decay
        )
        self.materials = materials
        self.report = report
        self.stop = stop
        self.state = State()
        self.clock = Clock()
        self.reserve = 0.0  # seconds that the validation at the end will take
        self.losses: list[Tensor] = []
        self.lr = 0.0
        self.logs: Logs | None = None
        self.scored: Iterable[Episode] = ()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(checkpoint.network)
        self.average.load_state_dict(checkpoint.average)
        self.optimiser.load_state_dict(checkpoint.optimiser)
        self.state = replace(checkpoint.state)

    def run(self) -> Outcome:
        """Train to the end or until stopped."""
        folder = self.config.output.folder
        self.clock.start(self.state.seconds)
        with ExitStack() as stack:
            if self.group.leads:
                tensorboard = self.config.output.tensorboard
                self.logs = Logs(folder, self.state.step, tensorboard=tensorboard)
                stack.callback(self.logs.close)
            episodes = iter(self._feed(self.materials.training, self._numbers(), stack))
            scored = range(self.group.rank, self.config.validation.episodes, self.group.world)
            self.scored = self._feed(self.materials.validation, scored, stack)
            saved = time.monotonic()
            while True:
                done, stopped = maximum([self._fraction(), float(self.stop())], self.group)
                if not stopped and self._validation_due(done) and not self._validate():
                    continue  # stopped within
                if stopped or done >= 1:
                    break
                self._step(episodes, done)
                if self.state.step % self.config.output.log_every == 0:
                    self._log()
                if time.monotonic() - saved > 60 * self.config.output.checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()
            self._log()
        self._save()
        weights = self._save_final() if not stopped else None
        best = folder / BEST
        return Outcome(
            finished=not stopped,
            step=self.state.step,
            best=self.state.best,
            checkpoint=folder / LAST,
            weights=best if self.state.best >= 0 and not stopped else weights,
            leads=self.group.leads,
        )

    def _step(self, episodes: Iterator[Episode], done: float) -> None:
        settings = self.config.optimisation
        self.optimiser.zero_grad()
        total = torch.zeros((), device=self.group.device)
        for number in self._next_numbers():
            episode = next(episodes)
            with self.clock.busy():
                torch.manual_seed(number)  # what is random within the network
                loss = episode_loss(
                    self._predict(self.network, episode), episode.truth.to(self.group.device)
                )
                (loss / settings.episodes_per_step).backward()  # type: ignore[no-untyped-call]
                total += loss.detach() / settings.episodes_per_step
        with self.clock.busy():
            self._update(done)
            self.losses.append(total)
        self.state.step += 1
        self.state.seconds = self.clock.seconds()
        self.report(done, f"loss {float(total):.3f}")

    def _update(self, done: float) -> None:
        settings = self.config.optimisation
        parameters = list(self.network.parameters())
        average_gradients(parameters, self.group)
        norm = nn.utils.clip_grad_norm_(parameters, settings.clip)
        self.lr = learning_rate(settings.learning_rate, settings.warmup, self.state.step, done)
        if not bool(torch.isfinite(norm)):
            self._skip()
            return
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr
        self.optimiser.step()
        self.average.update_parameters(self.network)

    def _skip(self) -> None:
        self.state.skipped += 1
        if self.state.skipped > _MOST_SKIPPED:
            raise TrainingError(
                f"The gradient was not finite in {self.state.skipped} steps, the last being step "
                f"{self.state.step}; use a lower learning_rate or float32 precision."
            )

    def _predict(self, network: nn.Module, episode: Episode) -> Tensor:
        device = self.group.device
        half = self.config.optimisation.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            logits: Tensor = network(episode.inputs.to(device))
        return logits.float()

    def _numbers(self) -> Iterable[int]:
        """Return the numbers of this process's episodes, for ever."""
        first = _offset(self.config) + self.state.episodes + self.group.rank
        return count(first, self.group.world)

    def _next_numbers(self) -> list[int]:
        """Return the numbers of this process's episodes of one step, and count all processes'."""
        each, world = self.config.optimisation.episodes_per_step, self.group.world
        first = _offset(self.config) + self.state.episodes + self.group.rank
        self.state.episodes += each * world
        return list(range(first, first + each * world, world))

    def _feed(self, opener: Opener, numbers: Iterable[int], stack: ExitStack) -> Feed:
        data = self.config.data
        feed = Feed(opener, numbers, workers=data.workers, prefetch=data.prefetch)
        stack.callback(feed.close)
        return feed

    def _fraction(self) -> float:
        settings = self.config.optimisation
        done = self.state.step / settings.steps
        if settings.max_minutes is not None:
            budget = max(60 * settings.max_minutes - self.reserve, 1e-9)
            done = max(done, self.clock.seconds() / budget)
        return min(done, 1.0)

    def _validation_due(self, done: float) -> bool:
        settings, step = self.config.validation, self.state.step
        if settings.episodes == 0 or self.state.validated == step:
            return False
        return done >= 1 or step % settings.every == 0

    def _validate(self) -> bool:
        """Score the average and keep it if it is the best so far; False if stopped meanwhile."""
        start = self.clock.seconds()
        part = validate(self.average.module, self.scored, self._predict_busily, self.stop)
        scores = merged(gather(part, self.group))
        if scores is None:
            return False
        self.reserve = max(maximum([self.clock.seconds() - start], self.group))
        self.state.validated = self.state.step
        self._keep(scores)
        return True

    def _predict_busily(self, network: nn.Module, episode: Episode) -> Tensor:
        with self.clock.busy():
            return self._predict(network, episode)

    def _keep(self, scores: Scores) -> None:
        mean = mean_dice(scores)
        if mean is None:
            raise InputError(
                "None of the validation episodes holds anything that can be scored; use more "
                "episodes in [validation]."
            )
        if self.logs is not None:
            self.logs.validation(self.state.step, self.clock.seconds(), scores)
        if mean > self.state.best:
            self.state.best = mean
            self._save_weights(BEST, mean)

    def _log(self) -> None:
        """Write a row for the steps since the last one, if there are any."""
        if not self.losses:
            return
        loss = float(torch.stack(self.losses).mean())
        self.losses = []
        busy = self.clock.busy_since_last_time()
        if self.logs is not None:
            state = self.state
            self.logs.step(state.step, loss=loss, lr=self.lr, seconds=state.seconds, busy=busy)

    def _save(self) -> None:
        if not self.group.leads:
            return
        checkpoint = Checkpoint(
            network=self.network.state_dict(),
            average=self.average.state_dict(),
            optimiser=self.optimiser.state_dict(),
            state=replace(self.state, seconds=self.clock.seconds()),
            config=self.config.as_dict(),
            versions=versions(),
        )
        save_checkpoint(self.config.output.folder / LAST, checkpoint)

    def _save_final(self) -> Path:
        self._save_weights(FINAL, None)
        return self.config.output.folder / FINAL

    def _save_weights(self, name: str, dice: float | None) -> None:
        if not self.group.leads:
            return
        facts = {"step": str(self.state.step), "seed": str(self.config.optimisation.seed)}
        if dice is not None:
            facts["validation dice"] = f"{dice:.5f}"
        facts |= {f"{name} version": number for name, number in versions().items()}
        path = self.config.output.folder / name
        save_weights(path, self.average.module, self.config.network, facts)


def _offset(config: Config) -> int:
    """Return the number of a run's first episode: runs of different seeds share none."""
    return config.optimisation.seed << 32
