"""`fewslice pretrain`: train the network that fills in slices."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from fewslice.cli import options
from fewslice.cli.exit_codes import INTERRUPTED
from fewslice.cli.training_run import asked_to_stop, training_bar
from fewslice.errors import InputError

_EXTRA = ("monai", "pydantic", "tensorboard")  # what fewslice[pretrain] adds


@click.command("pretrain")
@click.option(
    "--config", type=options.PATH, required=True, help="TOML file with the settings of the run."
)
@click.option(
    "--resume",
    type=options.PATH,
    metavar="CHECKPOINT",
    help="Resume from this checkpoint, such as last.ckpt in the output folder.",
)
@options.quiet()
def pretrain_command(config: Path, resume: Path | None, quiet: bool) -> int | None:
    """Train the few-shot network on tasks made of labelled and synthetic volumes.

    Validation uses structures that are not trained on. The output folder receives the best weights
    (best.safetensors), log.csv, validation.csv, run.json and last.ckpt to resume from. Ctrl-C
    finishes the current step and writes last.ckpt. Works under torchrun with several processes.
    Needs pip install "fewslice[pretrain]".
    """
    _require_extra()
    from fewslice.pretraining.loop.config import read_config
    from fewslice.pretraining.loop.trainer import train

    settings = read_config(config)
    with training_bar(quiet) as report, asked_to_stop() as stop:
        outcome = train(settings, resume=resume, report=report, stop=stop)
    if not outcome.finished:
        if outcome.leads:
            click.echo(
                f"fewslice: Interrupted at step {outcome.step}; go on with --resume "
                f"{outcome.checkpoint}.",
                err=True,
            )
        return INTERRUPTED
    if not quiet and outcome.leads:
        click.echo(f"Trained {outcome.step} steps; best validation Dice {outcome.best:.4f}.")
        click.echo(f"Wrote {outcome.weights}")
    return None


def _require_extra() -> None:
    """Raise InputError if a library is missing that only training needs."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise InputError(
            f"Training needs libraries that are not installed ({', '.join(missing)}); install them "
            'with: python -m pip install "fewslice[pretrain]".'
        )
