"""`fewslice adapt`: fine-tune the network on what is drawn on one scan, for the next ones."""

from __future__ import annotations

from pathlib import Path

import click

from fewslice.annotation.planes import parse_slices
from fewslice.cli import options
from fewslice.cli.progress import progress_bar
from fewslice.cli.scan_input import ScanInput
from fewslice.engines import EngineOptions
from fewslice.io import read_labels
from fewslice.reporting.outputs import require_no_inputs
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.spacing import Spacing
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
@options.strict()
@options.ignore_label()
@options.spacing("SCAN and its labels")
@options.channels()
@options.dicom()
@click.option(
    "--weights", type=options.PATH, help="Weights to start from instead of the shipped ones."
)
@click.option(
    "--seconds", type=float, default=30.0, show_default=True, help="Seconds of fine-tuning."
)
@options.quiet()
def adapt_command(  # noqa: PLR0913, PLR0917 - click hands over one argument an option
    scan: Path,
    labels: Path,
    output: Path,
    annotated: tuple[str, ...],
    strict: bool,
    ignore_label: int | None,
    spacing: Spacing | None,
    series: str | None,
    fill_gaps: bool,
    channels: tuple[Path, ...],
    alone: bool,
    weights: Path | None,
    seconds: float,
    quiet: bool,
) -> None:
    """Fine-tune the network on the annotated slices of SCAN.

    Use the weights on similar scans: fewslice segment NEXT --weights WEIGHTS. They change only if
    that helps on annotated slices left out of fine-tuning. Ctrl-C stops early and writes the best
    state so far.
    """
    chosen = EngineOptions(weights, seconds)
    source = ScanInput(scan, labels, spacing, series, fill_gaps, channels, alone)
    given = [labels, *([] if weights is None else [weights])]
    require_no_inputs([output], [*source.files.paths, *given])
    image = source.read_image()
    image, drawn = on_one_grid(image, read_labels(labels, image), spacing)
    places = [place for text in annotated for place in parse_slices(image.geometry, text)]
    with progress_bar(quiet, "Fine-tuning") as progress:
        found = adapt(
            image,
            drawn,
            output,
            annotated=places,
            options=chosen,
            progress=progress,
            strict=strict,
            ignore_label=ignore_label,
        )
    if not quiet:
        for sentence in (*image.remarks, *drawn.remarks, *found.assumed, found.remark):
            click.echo(sentence)
        click.echo(f"Wrote {found.weights}")
