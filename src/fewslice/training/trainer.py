"""The training loop: from episodes to weights, with everything needed to stop and go on."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fewslice.errors import InputError, TrainingError, WriteError
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.weights import load_weights, save_weights
from fewslice.training.checkpoint import (
    Checkpoint,
    State,
    load_checkpoint,
    require_same_settings,
    save_checkpoint,
    versions,
)
from fewslice.training.config import Config
from fewslice.training.distributed import (
    Group,
    average_gradients,
    gather,
    lead,
    maximum,
    process_group,
    share_state,
)
from fewslice.training.episodes import Episode
from fewslice.training.feed import BankEpisodes, Feed, Opener
from fewslice.training.logs import Logs, write_run
from fewslice.training.loss import episode_loss
from fewslice.training.validation import Scores, mean_dice, merged, validate
from fewslice.volumes.atomic import atomic_path

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


def train(
    config: Config,
    *,
    resume: Path | None = None,
    report: Report = lambda fraction, words: None,
    stop: Callable[[], bool] = lambda: False,
    materials: Materials | None = None,
) -> Outcome:
    """Train a network and return what came of it.

    resume: a checkpoint to go on from; the result is then that of a run that never stopped, as
    long as the time limit does not shape the learning rate. report: shown to people, in the first
    process only. stop: asked after every step; True writes a checkpoint and ends. materials:
    episodes; None for those of the bank, which is built if it is missing.

    Writes into the output folder `LAST`, `BEST`, `FINAL`, log.csv, validation.csv, run.json and
    event files. Raises InputError or ReadError before anything long if something given cannot be
    used, WriteError if the folder cannot be written, TrainingError if the loss stays not finite.
    """
    settings = config.optimisation
    with process_group(settings.device) as group:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        _seed(settings.seed)
        checkpoint = _checkpoint(config, resume)
        network = _network(config, group)
        lead(partial(_claim, config.output.folder, resume), group)
        if materials is None:
            materials = _from_bank(config, group, partial(_building, report, stop))
        trainer = _Trainer(config, group, network, materials, report, stop)
        if resume is not None and checkpoint is not None:
            trainer.restore(checkpoint)
            _bring_best(resume, config.output.folder, trainer.state)
        if group.leads:
            write_run(config.output.folder, _facts(config, group, resume, trainer.state))
        return trainer.run()


class _Trainer:
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
        self.average = _average(network, config.optimisation.ema)
        self.optimiser = _optimiser(network, config)
        self.materials = materials
        self.report = report
        self.stop = stop
        self.state = State()
        self.clock = _Clock()
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


class _Clock:
    """Wall-clock time of training, and the part of it in which the network is at work."""

    def __init__(self) -> None:
        self._origin = time.monotonic()
        self._busy = 0.0
        self._mark = (self._origin, 0.0)

    def start(self, seconds: float) -> None:
        """Begin with `seconds` already spent."""
        now = time.monotonic()
        self._origin = now - seconds
        self._mark = (now, self._busy)

    def seconds(self) -> float:
        """Return the seconds spent on training."""
        return time.monotonic() - self._origin

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count the time within as work."""
        start = time.monotonic()
        yield
        self._busy += time.monotonic() - start

    def busy_since_last_time(self) -> float:
        """Return the part of the time since the last call that was work, 0 to 1."""
        now = time.monotonic()
        then, busy = self._mark
        self._mark = (now, self._busy)
        return (self._busy - busy) / max(now - then, 1e-9)


def learning_rate(highest: float, warmup: int, step: int, done: float) -> float:
    """Return the learning rate of a step, counted from 0.

    It rises linearly over `warmup` steps, times a cosine that falls from 1 to 0 as the fraction
    `done` goes from 0 to 1 (Loshchilov & Hutter 2017, without restarts).
    """
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return highest * rise * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def _average(network: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """Return an exponential moving average of the parameters that is young when training is.

    The decay of update n is min(decay, (1 + n) / (10 + n)), so that random initial weights do not
    stay in it for long.
    """

    @torch.no_grad()
    def update(average: Any, current: Any, updates: Any) -> None:
        n = float(updates)
        torch._foreach_lerp_(average, current, 1 - min(decay, (1 + n) / (10 + n)))

    return torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=update)


def _optimiser(network: nn.Module, config: Config) -> torch.optim.AdamW:
    """Return AdamW; biases and scales of normalisation (vectors) do not decay."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    decaying = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": decaying, "weight_decay": config.optimisation.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.optimisation.learning_rate)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries may use the old generator
    torch.manual_seed(seed)


def _offset(config: Config) -> int:
    """Return the number of a run's first episode: runs of different seeds share none."""
    return config.optimisation.seed << 32


def _network(config: Config, group: Group) -> FewsliceNet:
    try:
        network = FewsliceNet(config.network)
    except (ValueError, ZeroDivisionError, RuntimeError) as error:
        raise InputError(
            f"No network can be built of the settings in [network] ({error}); widths must be "
            "multiples of 8, keys and values of the number of heads."
        ) from error
    if config.start_from is not None:
        settings, state = load_weights(config.start_from, None)
        if settings != config.network:
            raise InputError(
                f"{config.start_from} holds a network of {settings}, but the configuration says "
                f"{config.network}; set [network] accordingly."
            )
        network.load_state_dict(state)
    network.to(group.device)
    share_state(network, group)
    return network


def _checkpoint(config: Config, resume: Path | None) -> Checkpoint | None:
    if resume is None:
        return None
    checkpoint = load_checkpoint(resume)
    require_same_settings(resume, checkpoint, config.as_dict())
    return checkpoint


def _claim(folder: Path, resume: Path | None) -> None:
    """Make the output folder; refuse one with another run in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The folder {folder} cannot be made ({error.strerror or error}); choose another one "
            "as output.folder."
        ) from error
    if resume is None and (folder / LAST).exists():
        raise InputError(
            f"{folder} already holds a training run; go on with --resume {folder / LAST} or choose "
            "another output.folder."
        )


def _bring_best(resume: Path, folder: Path, state: State) -> None:
    """Have the best weights so far in the output folder, also where it is another one than before.

    Where they are lost, the next validation counts as the best.
    """
    source, target = resume.parent / BEST, folder / BEST
    if source.exists() and not target.exists():
        with atomic_path(target) as temporary:
            copyfile(source, temporary)
    if not target.exists():
        state.best = -1.0


def _from_bank(config: Config, group: Group, progress: Callable[[float], None]) -> Materials:
    from fewslice.training.bank import build_bank

    def build() -> None:
        # Without scans among the sources nothing is read from the data folder.
        folder = config.data.folder or Path()
        build_bank(config.data.bank, folder, config.sources, progress)

    lead(build, group)
    return Materials(
        BankEpisodes(config.data.bank, config.episodes, "train"),
        BankEpisodes(config.data.bank, config.episodes, "validation"),
    )


def _building(report: Report, stop: Callable[[], bool], done: float) -> None:
    if stop():
        raise KeyboardInterrupt  # there is nothing to keep yet
    report(done, "building the bank")


def _facts(config: Config, group: Group, resume: Path | None, state: State) -> dict[str, Any]:
    return {
        "versions": versions(),
        "seed": config.optimisation.seed,
        "processes": group.world,
        "device": str(group.device),
        "threads": torch.get_num_threads(),
        "resumed_from": None if resume is None else {"checkpoint": str(resume), **asdict(state)},
        "config": config.as_dict(),
    }
