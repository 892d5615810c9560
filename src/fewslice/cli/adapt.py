"""`fewslice adapt`: fine-tune the network on what is drawn on one scan, for the next ones."""

from __future__ import annotations

from pathlib import Path

import click

from fewslice.annotation.planes import parse_slices
from fewslice.cli import options
from fewslice.cli.progress import progress_bar
from fewslice.engines import EngineOptions
from fewslice.io import read_image, read_labels
from fewslice.reporting.outputs import require_no_inputs
from fewslice.workflow.adapt import adapt


@click.command("adapt")
@click.argument("scan", type=options.PATH)
@click.option(
    "--labels", type=options.PATH, required=True, help="Label map with a few annotated slices."
)
@click.option(
    "-o", "--output", type=options.PATH, required=True, help="Weights to write (.safetensors)."
)
@options.named_slices(
    "--annotated",
    "Slices that were looked at although nothing is drawn on them, such as axial:3,50. May be "
    "repeated.",
)
@click.option(
    "--weights", type=options.PATH, help="Weights to begin with, instead of the shipped ones."
)
@click.option(
    "--seconds", type=float, default=30.0, show_default=True, help="Time to fine-tune in."
)
@options.quiet()
def adapt_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    scan: Path,
    labels: Path,
    output: Path,
    annotated: tuple[str, ...],
    weights: Path | None,
    seconds: float,
    quiet: bool,
) -> None:
    """Fine-tune the network on the annotated slices of SCAN.

    The weights serve other scans of the same kind: fewslice segment NEXT --weights WEIGHTS. What
    does not help on annotated slices that are left out is not kept. Ctrl-C ends fine-tuning early:
    the best state so far is written.
    """
    chosen = EngineOptions(weights, seconds)
    given = [path for path in (scan, labels, weights) if path is not None]
    require_no_inputs([output], given)
    image = read_image(scan)
    places = [place for text in annotated for place in parse_slices(image.geometry, text)]
    with progress_bar(quiet, "Fine-tuning") as progress:
        found = adapt(
            image,
            read_labels(labels),
            output,
            annotated=places,
            options=chosen,
            progress=progress,
        )
    if not quiet:
        click.echo(found.remark)
        click.echo(f"Wrote {found.weights}")
