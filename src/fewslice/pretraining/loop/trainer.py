"""A training run: from a configuration to weights, with everything needed to stop and go on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import torch

from fewslice.engines.base import Progress
from fewslice.errors import InputError, WriteError
from fewslice.io.atomic import atomic_path
from fewslice.networks.distributed import Group, lead, process_group, share_state
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.weights import load_weights
from fewslice.pretraining.loop.checkpoint import (
    Checkpoint,
    State,
    load_checkpoint,
    require_same_settings,
    versions,
)
from fewslice.pretraining.loop.config import Config
from fewslice.pretraining.loop.logs import write_run
from fewslice.pretraining.loop.loop import BEST, LAST, Loop, Materials, Outcome, Report
from fewslice.pretraining.tasks.feed import BankEpisodes


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
        loop = Loop(config, group, network, materials, report, stop)
        if resume is not None and checkpoint is not None:
            loop.restore(checkpoint)
            _bring_best(resume, config.output.folder, loop.state)
        if group.leads:
            write_run(config.output.folder, _facts(config, group, resume, loop.state))
        return loop.run()


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries may use the old generator
    torch.manual_seed(seed)


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


def _from_bank(config: Config, group: Group, progress: Progress) -> Materials:
    from fewslice.pretraining.tasks.bank import build_bank

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
