"""`fewslice export`: the engines in the form that other platforms run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fewslice.cli import options


@click.group("export")
def export_command() -> None:
    """Pack the engines, or a model of your own, for other platforms."""


@export_command.command(
    "grand-challenge", short_help="Write the container of a grand-challenge.org algorithm."
)
@click.option("-o", "--output", "folder", type=options.PATH, required=True, help="A new folder.")
@click.option(
    "--method",
    type=click.Choice(["exec", "invoke"]),
    default="exec",
    show_default=True,
    help="How the platform runs it: once a job, or kept running for interactive use.",
)
@click.option("--model", type=options.PATH, help="A folder that fewslice train wrote.")
@click.option(
    "--sockets",
    type=options.PATH,
    help="JSON that says which of your algorithm's sockets means what; default: our own names.",
)
def grand_challenge_command(
    folder: Path, method: Literal["exec", "invoke"], model: Path | None, sockets: Path | None
) -> None:
    """Write everything that the container of a grand-challenge.org algorithm is built from."""
    from fewslice.integrations.grand_challenge.export import export_context
    from fewslice.integrations.grand_challenge.sockets import read_sockets
    from fewslice.training.store import choice_in_use

    chosen = None if sockets is None else read_sockets(sockets)
    written = export_context(folder, chosen, way=method, model=model)
    click.echo(f"Wrote {written}; build it with {written / 'do_build.sh'}.")
    if model is not None and choice_in_use(model).chosen != "model":
        click.echo(
            "The model, and so this folder, holds parts of the scans it was trained on; hand it on "
            "only if these may be, or train with --no-support.",
            err=True,
        )


@export_command.command("onnx")
@click.option("-o", "--output", "path", type=options.PATH, required=True, help="File, .onnx.")
@click.option(
    "--weights", type=options.PATH, help="Other weights, as adapt or pretrain write them."
)
def onnx_command(path: Path, weights: Path | None) -> None:
    """Write the network as ONNX, for programs without PyTorch.

    Needs pip install "fewslice[onnx]".
    """
    from fewslice.engines.network.inference import load_network
    from fewslice.io import require_writable
    from fewslice.networks.onnx import write_onnx

    require_writable(path, (".onnx",))
    write_onnx(load_network(weights, "cpu"), path)
    click.echo(f"Wrote {path}.")
