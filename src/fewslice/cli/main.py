"""The command `fewslice`: its subcommands, and what becomes of every error.

A subcommand's module is imported when it is run, so that `fewslice --help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from fewslice._version import __version__
from fewslice.cli.exit_codes import INTERRUPTED, WRONG
from fewslice.errors import FewsliceError

COMMANDS: dict[str, tuple[str, str]] = {
    "segment": (
        "fewslice.cli.segment:segment_command",
        "Segment a whole scan from its annotated slices.",
    ),
    "suggest": (
        "fewslice.cli.suggest:suggest_command",
        "Suggest which slices to annotate next, and whether you can stop.",
    ),
    "suggest-pool": (
        "fewslice.cli.suggest_pool:suggest_pool_command",
        "Suggest which scans and slices of a pool to annotate for the next model.",
    ),
    "segment-many": (
        "fewslice.cli.segment_many:segment_many_command",
        "Segment a folder of scans, on this computer or a cluster.",
    ),
    "info": (
        "fewslice.cli.info:info_command",
        "Show what a scan and its labels contain, and any problems.",
    ),
    "oct": (
        "fewslice.cli.oct:oct_command",
        "Read, convert and measure scans of OCT devices.",
    ),
    "dicomweb": (
        "fewslice.cli.dicomweb:dicomweb_command",
        "List, fetch, segment and store series on a DICOMweb server.",
    ),
    "demo": (
        "fewslice.cli.demo:demo_command",
        "Segment the bundled scan and compare the result with its reference.",
    ),
    "evaluate": (
        "fewslice.cli.evaluate:evaluate",
        "Measure how well engines do on fully labelled scans.",
    ),
    "simulate": (
        "fewslice.cli.simulate:simulate_command",
        "Measure how much work suggestions save, on fully labelled scans.",
    ),
    "adapt": (
        "fewslice.cli.adapt:adapt_command",
        "Fine-tune the network on the annotated slices of one scan, for the next ones.",
    ),
    "pretrain": (
        "fewslice.cli.pretrain:pretrain_command",
        "Train the shipped network anew, or further.",
    ),
    "export": (
        "fewslice.cli.export:export_command",
        "Pack the engines for other platforms, such as grand-challenge.org.",
    ),
    "train": (
        "fewslice.cli.train:train_command",
        "Train a model of your own task on everything annotated so far.",
    ),
    "models": (
        "fewslice.cli.train:models_command",
        "List the versions of a trained model, or roll back to an earlier one.",
    ),
    "serve": (
        "fewslice.cli.serve:serve_command",
        "Serve an annotation project: draw in a browser.",
    ),
    "project": (
        "fewslice.cli.project:project_command",
        "Make, fill and keep annotation projects of one or several people.",
    ),
}
"""Name of each subcommand to where it is and what it does."""

_CREATED = 50_000  # objects more than were given up, until the collector looks; Python's own: 700


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="fewslice")
@click.pass_context
def cli(context: click.Context) -> None:
    """Segment a whole CT, OCT or MRI volume from one to a few annotated slices.

    Draw the structures on a few slices of a scan in any tool, save them as a label map, and run
    "fewslice segment SCAN --labels LABELS -o OUT". Not for diagnosis or treatment.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process.

    Exit code 0: done. 2: something given cannot be used; one sentence on standard error says what,
    and no output was touched. 130: interrupted.
    """
    # Threads of numerical libraries that wait for each other sleep rather than spin: beside another
    # busy program spinning makes everything twice as slow. Read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _collect_garbage_seldom()
    sys.exit(run(arguments))


def _collect_garbage_seldom() -> None:
    """Spare the collector of cycles the half a million objects of libraries, which all stay.

    It would go through them again and again while they load, and once more when the process ends:
    a second on one processor, as long as loading torch takes.
    """
    gc.set_threshold(_CREATED)
    atexit.register(gc.freeze)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. arguments: None for those of the process."""
    try:
        result = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="fewslice",
            standalone_mode=False,
        )
    except FewsliceError as error:
        return _complain(str(error), WRONG)
    except click.ClickException as error:
        return _complain(_usage(error), WRONG)
    except MemoryError:
        return _complain(
            "There is not enough memory for this scan; crop it to the surroundings of the "
            "structures or use a computer with more memory.",
            WRONG,
        )
    except (click.Abort, KeyboardInterrupt):
        return _complain("Interrupted before it was finished.", INTERRUPTED)
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "fewslice"
    advice = ""
    if message.startswith("Got unexpected extra argument") and context is not None:
        named = {name for each in context.command.params for name in each.opts}
        advice = " a label map goes after --labels," if "--labels" in named else ""
    return f"{message.rstrip('.')};{advice} see {where} --help."


def _complain(sentence: str, code: int) -> int:
    click.echo(f"fewslice: {' '.join(sentence.split())}", err=True)
    return code
