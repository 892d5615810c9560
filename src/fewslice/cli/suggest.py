"""`fewslice suggest`: what to annotate next in a scan, and whether that is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fewslice.active_learning.next_slice.quality import GOOD_ENOUGH
from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.annotation.planes import parse_slices
from fewslice.cli import options
from fewslice.cli.pairs import parse_pair
from fewslice.cli.scan_input import ScanInput
from fewslice.errors import InputError
from fewslice.io.scan_files import read_pair
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.suggest import SuggestedSlice, Suggestion, suggest


@dataclass(frozen=True)
class Request:
    """The options of `fewslice suggest`, as given."""

    scan: Path
    labels: Path | None = None
    annotated: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    strict: bool = False
    ignore_label: int | None = 255
    spacing: Spacing | None = None
    series: str | None = None
    fill_gaps: bool = False
    channels: tuple[Path, ...] = ()
    alone: bool = False
    support: tuple[str, ...] = ()
    count: int = 1
    strategy: str = "default"
    seed: int = 0
    goal: float = GOOD_ENOUGH
    as_json: bool = False


@click.command("suggest")
@click.argument("scan", type=options.PATH)
@click.option("--labels", type=options.PATH, help="Label map with everything annotated so far.")
@click.option("-n", "--count", default=1, show_default=True, help="How many slices to suggest.")
@click.option(
    "--strategy",
    default="default",
    show_default=True,
    help=f"default (expected gain), or one of {', '.join(STRATEGIES)}.",
)
@options.named_slices(
    "--annotated",
    'Slices known not to hold the structure, such as axial:3,50: the answer "no". May be repeated.',
)
@options.named_slices(
    "--present",
    'Slices known to hold the structure although nothing is drawn on them: the answer "yes". May '
    "be repeated.",
)
@options.strict()
@options.ignore_label()
@options.spacing("SCAN and its labels")
@options.channels()
@options.dicom()
@options.support("Another scan with its labels. May be repeated.")
@options.seed()
@click.option("--goal", default=GOOD_ENOUGH, show_default=True, help="Dice you want to reach.")
@options.as_json("Print JSON, not text.")
def suggest_command(**given: Any) -> None:
    """Suggest which slices of SCAN to annotate next, and whether you can stop.

    A suggestion asks you to draw a slice ("draw") or only to say whether the structure is on it
    ("present"); pass your answers on with --labels, --annotated and --present the next time.
    """
    request = Request(**given)
    if request.labels is None and not request.support:
        raise InputError(
            "There is nothing to judge by; give the scan's label map with at least one drawn slice "
            "(--labels LABELS), or other scans with labels (--support SCAN=LABELS)."
        )
    if not 0 <= request.goal <= 1:
        raise InputError(f"The goal is {request.goal:g}; a Dice lies between 0 and 1.")
    image, labels = ScanInput(
        request.scan,
        request.labels,
        request.spacing,
        request.series,
        request.fill_gaps,
        request.channels,
        request.alone,
    ).read()
    found = _suggest(request, image, labels)
    if request.as_json:
        click.echo(json.dumps(as_json(found, request.goal), indent=2))
        return
    for line in lines(found, request.goal):
        click.echo(line)


def _suggest(request: Request, image: Image, labels: LabelMap | None) -> Suggestion:
    def places(texts: tuple[str, ...]) -> list[tuple[int, int]]:
        return [place for text in texts for place in parse_slices(image.geometry, text)]

    pairs = [parse_pair(text, alone=request.alone) for text in request.support]
    return suggest(
        image,
        labels,
        annotated=places(request.annotated),
        present=places(request.present),
        support=[read_pair(scan, drawn) for scan, drawn in pairs],
        count=request.count,
        strategy=request.strategy,
        seed=request.seed,
        strict=request.strict,
        ignore_label=request.ignore_label,
    )


def as_json(found: Suggestion, goal: float) -> dict[str, Any]:
    """Return a suggestion as JSON values."""
    return {
        "slices": [
            {
                "plane": each.plane,
                "axis": each.axis,
                "index": each.index,
                "kind": each.kind,
                "gain": each.gain,
                "seconds": round(each.seconds, 1),
                "reason": each.reason,
            }
            for each in found.slices
        ],
        "predicted_dice": found.predicted_dice,
        "predicted_dice_low": found.predicted_dice_low,
        "promised_dice": found.promised_dice,
        "remarks": list(found.remarks),
        "goal": goal,
        "may_stop": found.may_stop(goal),
    }


def lines(found: Suggestion, goal: float) -> list[str]:
    """Return a suggestion as lines of text."""
    shown = [_line(each) for each in found.slices]
    if not shown:
        shown = ["Nothing is left to ask: every slice that may hold the structure is annotated."]
    return [*shown, found.sentence(goal), *found.remarks]


def _line(each: SuggestedSlice) -> str:
    what = "draw" if each.kind == "draw" else "is it there?"
    return f"{what:12s} {each.plane} {each.index}  (gain {each.gain:+.3f})  {each.reason}"
