"""``fewslice evaluate``: how good the engines are on fully labelled data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.cli import options
from fewslice.cli.count_bar import count_bar

if TYPE_CHECKING:
    from fewslice.volumes.spacing import Spacing


@click.command()
@click.argument("dataset", type=options.PATH)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    required=True,
    help="Folder for tables, summary and plots; an interrupted evaluation resumes there.",
)
@click.option(
    "--engines",
    default="auto,interpolation,random-walker,network",
    show_default=True,
    help="Engines to compare, separated by commas; finetuned takes half a minute a task. Those of "
    "others go with their file or server, such as universeg=FILE or nninteractive=http://HOST:1527.",
)
@click.option(
    "--slices",
    default="1,3,5,8",
    show_default=True,
    help="Numbers of annotated slices, separated by commas; 0 uses --support-from alone.",
)
@options.dataset_part()
@click.option(
    "--support-from",
    metavar="PART:COUNT",
    help="Give engines other scans with all their labels: for each structure the first COUNT by "
    "name of another part in which it is outlined, such as Tr:5 for imagesTr.",
)
@options.plane("Plane the slices lie in")
@options.spacing("all scans and labels")
@click.option(
    "--channels",
    metavar="N[,N...]",
    help="Channels of the scans that engines see, counted from 0, such as 1 or 0,1.  "
    "[default: all]",
)
@click.option(
    "--annotator",
    default="strided",
    show_default=True,
    help="Which slices are revealed: strided, strided-ends (and the empty slice beyond either "
    "end) or random.",
)
@options.most_cases()
@click.option(
    "--jobs",
    type=options.POSITIVE,
    help="Cases evaluated in parallel.  [default: number of processors]",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the random annotator.")
@options.quiet("Show no progress bar.")
@options.as_json("Print the summary as JSON.")
def evaluate(  # noqa: PLR0913, PLR0917 - one argument per option
    dataset: Path,
    output: Path,
    engines: str,
    slices: str,
    part: str,
    support_from: str | None,
    plane: str,
    spacing: Spacing | None,
    channels: str | None,
    annotator: str,
    cases: int | None,
    jobs: int | None,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Evaluate engines on the fully labelled DATASET.

    DATASET is a folder in the nnU-Net convention: dataset.json, imagesTs and labelsTs. A simulated
    annotator reveals a few slices of each structure, every engine completes them, and the result
    is scored on the other slices. If some cases fail, the others are evaluated all the same, and
    the exit code is 1.
    """
    from fewslice.evaluation import run
    from fewslice.evaluation.settings import (
        Settings,
        parse_channels,
        parse_names,
        parse_numbers,
    )
    from fewslice.evaluation.support import parse_support

    support = parse_support(support_from) if support_from is not None else None
    settings = Settings(
        parse_names(engines),
        parse_numbers(slices),
        plane,
        annotator,
        seed,
        support,
        spacing,
        parse_channels(channels) if channels is not None else None,
    )
    with count_bar(quiet, "Evaluating", "cases") as progress:
        summary = run.evaluate(
            dataset,
            output,
            settings,
            part=part,
            most_cases=cases,
            jobs=jobs,
            progress=progress,
        )
    _report(summary, run.written_files(output), as_json)
    if summary["failed"]:
        raise SystemExit(1)


def _report(summary: dict[str, Any], written: tuple[Path, ...], as_json: bool) -> None:
    import json

    from fewslice.evaluation.summary import text_table

    echo: Callable[[str], None] = click.echo
    if as_json:
        echo(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        echo(text_table(summary))
        for case, remark in summary["remarks"].items():
            echo(f"{case}: {remark}")
        echo("")
        for path in written:
            echo(f"Wrote {path}")
    for case, reason in summary["failed"].items():
        click.echo(f"{case} was left out: {reason}", err=True)
