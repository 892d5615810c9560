"""`fewslice suggest`: what to annotate next, in one scan or in a pool of scans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fewslice.active_learning.next_slice.quality import GOOD_ENOUGH
from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.annotation.planes import parse_slices
from fewslice.cli import options
from fewslice.cli.pairs import parse_pair
from fewslice.errors import InputError
from fewslice.io import read_image, read_labels
from fewslice.volumes import Image
from fewslice.workflow.suggest import SuggestedSlice, Suggestion, suggest


@dataclass(frozen=True)
class Request:
    """The options of `fewslice suggest`, as given."""

    scan: Path | None
    labels: Path | None = None
    annotated: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    count: int = 1
    strategy: str = "default"
    seed: int = 0
    goal: float = GOOD_ENOUGH
    pool: Path | None = None
    model: Path | None = None
    what: str = "slices"
    scheduler: str | None = None
    workers: int | None = None
    as_json: bool = False

    @property
    def of_pools(self) -> dict[str, bool]:
        """Which options are given that only a pool has a use for."""
        return {
            "--model": self.model is not None,
            "--what": self.what != "slices",
            "--scheduler": self.scheduler is not None,
            "--workers": self.workers is not None,
        }

    @property
    def of_scans(self) -> dict[str, bool]:
        """Which options are given that only a single scan has a use for."""
        return {
            "--annotated": bool(self.annotated),
            "--present": bool(self.present),
            "--support": bool(self.support),
            "--goal": self.goal != GOOD_ENOUGH,
        }


@click.command("suggest")
@click.argument("scan", type=options.PATH, required=False)
@click.option("--labels", type=options.PATH, help="Label map with what is annotated so far.")
@click.option("-n", "--count", default=1, show_default=True, help="How many slices to suggest.")
@click.option(
    "--strategy",
    default="default",
    show_default=True,
    help=f"default (expected gain), or one of {', '.join(STRATEGIES)}.",
)
@options.named_slices(
    "--annotated",
    "Slices that were looked at although nothing is drawn on them, such as axial:3,50: the "
    'answer "no" to "is the structure on this slice?". May be repeated.',
)
@options.named_slices(
    "--present",
    'Slices known to hold the structure, though they were not drawn: the answer "yes". May be '
    "repeated.",
)
@options.support("Another scan with its labels. May be repeated.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Breaks ties; drives what is random.",
)
@click.option(
    "--goal", default=GOOD_ENOUGH, show_default=True, help="Dice at which you want to stop."
)
@click.option(
    "--pool", type=options.PATH, help="Rank a pool instead of one scan: a data set with imagesTr."
)
@click.option("--model", type=options.PATH, help="Model folder from fewslice train (with --pool).")
@click.option(
    "--what",
    type=click.Choice(["slices", "scans"]),
    default="slices",
    show_default=True,
    help="What to rank in a pool.",
)
@options.scheduler("Address of a Dask scheduler (with --pool).")
@options.workers("Processes on this computer (with --pool).")
@options.as_json("Print JSON, not text.")
def suggest_command(**given: Any) -> None:
    """Say which slices of SCAN are worth annotating next, and whether you may stop.

    A slice is to be drawn ("draw"), or only to be judged ("present": is the structure on it at
    all?); give the answers with --labels, --annotated and --present the next time.

    With --pool DATASET --model MODEL: which scans and slices of a pool to annotate for the next
    model.
    """
    request = Request(**given)
    if request.pool is not None:
        _suggest_pool(request)
        return
    if request.scan is None or (request.labels is None and not request.support):
        raise InputError(
            "There is nothing to judge by; give a scan and its label map with at least one drawn "
            "slice (fewslice suggest SCAN --labels LABELS), or --pool DATASET --model MODEL."
        )
    _require_unused(request.of_pools, "goes with --pool; leave it out, or give a pool")
    if not 0 <= request.goal <= 1:
        raise InputError(f"The goal is {request.goal:g}; a Dice lies between 0 and 1.")
    image = read_image(request.scan)
    found = _suggest(request, image)
    if request.as_json:
        click.echo(json.dumps(as_json(found, request.goal), indent=2))
        return
    for line in lines(found, request.goal):
        click.echo(line)


def _require_unused(options_given: Mapping[str, bool], sentence: str) -> None:
    """Raise InputError for an option that would change nothing."""
    for option, given in options_given.items():
        if given:
            raise InputError(f"{option} {sentence}.")


def _suggest(request: Request, image: Image) -> Suggestion:
    def places(texts: tuple[str, ...]) -> list[tuple[int, int]]:
        return [place for text in texts for place in parse_slices(image.geometry, text)]

    pairs = [parse_pair(text) for text in request.support]
    return suggest(
        image,
        read_labels(request.labels) if request.labels else None,
        annotated=places(request.annotated),
        present=places(request.present),
        support=[(read_image(scan), read_labels(drawn)) for scan, drawn in pairs],
        count=request.count,
        strategy=request.strategy,
        seed=request.seed,
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
        "goal": goal,
        "may_stop": found.may_stop(goal),
    }


def lines(found: Suggestion, goal: float) -> list[str]:
    """Return a suggestion as lines of text."""
    shown = [_line(each) for each in found.slices]
    if not shown:
        shown = ["Nothing is left to ask: every slice that may hold the structure is annotated."]
    return [*shown, found.sentence(goal)]


def _line(each: SuggestedSlice) -> str:
    what = "draw" if each.kind == "draw" else "is it there?"
    return f"{what:12s} {each.plane} {each.index}  (gain {each.gain:+.3f})  {each.reason}"


def _suggest_pool(request: Request) -> None:
    from fewslice.cli.suggest_pool import PoolRequest, suggest_pool

    if request.scan is not None or request.model is None:
        raise InputError(
            "A pool is ranked by a model: give --pool DATASET --model MODEL and no single scan."
        )
    _require_unused(request.of_scans, "is about a single scan; leave it out, or --pool")
    suggest_pool(
        PoolRequest(
            pool=request.pool,  # type: ignore[arg-type]
            model=request.model,
            count=request.count,
            labels=request.labels,
            strategy=request.strategy,
            what=request.what,
            seed=request.seed,
            scheduler=request.scheduler,
            workers=request.workers,
            as_json=request.as_json,
        )
    )
