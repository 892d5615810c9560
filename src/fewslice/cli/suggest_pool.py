"""`fewslice suggest-pool`: which scans and slices of a pool to annotate for the next model."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.io.folder import find_labels, find_scans, read_as
from fewslice.io.scan_files import ScanFiles
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.rank_pool import PoolRanking, RankedItem, What, rank_pool

_PARTS = ("imagesTr", "imagesTs")


@dataclass(frozen=True)
class PoolRequest:
    """The options of `fewslice suggest-pool`, as given.

    pool: folder of scans, or a dataset in the nnU-Net convention, whose imagesTr is taken. labels:
    folder with what is annotated of them so far.
    """

    pool: Path
    model: Path
    count: int = 1
    labels: Path | None = None
    strategy: str = "default"
    what: str = "slices"
    seed: int = 0
    spacing: Spacing | None = None
    strict: bool = False
    ignore_label: int | None = 255
    alone: bool = False
    series: str | None = None
    fill_gaps: bool = False
    scheduler: str | None = None
    workers: int | None = None
    as_json: bool = False
    quiet: bool = False


@click.command("suggest-pool")
@click.argument("pool", type=options.PATH)
@click.option("--model", type=options.PATH, required=True, help="Model folder from fewslice train.")
@click.option(
    "--labels",
    type=options.PATH,
    help="Folder of label maps with everything annotated so far, CASE.nii.gz.",
)
@click.option("-n", "--count", default=1, show_default=True, help="How many to suggest.")
@click.option(
    "--strategy",
    default="default",
    show_default=True,
    help=f"default (spread), or one of {', '.join(STRATEGIES)}.",
)
@click.option(
    "--what",
    type=click.Choice(["slices", "scans"]),
    default="slices",
    show_default=True,
    help="What to rank.",
)
@options.seed()
@options.strict()
@options.ignore_label()
@options.spacing("all scans of the pool and their labels")
@options.alone("scans")
@options.dicom()
@options.scheduler()
@options.workers("Processes on this computer.  [default: number of processors]")
@options.quiet("Show no progress bar.")
@options.as_json("Print JSON, not text.")
def suggest_pool_command(**given: Any) -> None:
    """Suggest which scans and slices of POOL to annotate for the next model.

    POOL is a folder of scans, or a data set in the nnU-Net convention, whose imagesTr is ranked.
    Scans that cannot be read are named and left out.
    """
    suggest_pool(PoolRequest(**given))


def suggest_pool(request: PoolRequest) -> None:
    """Rank a pool and print what to annotate next. Raises InputError or ReadError."""
    drawn = {} if request.labels is None else find_labels(request.labels)
    found_scans = pool_scans(request.pool, drawn, alone=request.alone)
    scans = read_as(found_scans, request.series, request.fill_gaps)
    with count_bar(request.quiet, "Looking at", "scans") as progress:
        found = rank_pool(
            scans,
            request.model,
            count=request.count,
            what=cast(What, request.what),
            strategy=request.strategy,
            labels=drawn,
            seed=request.seed,
            spacing=request.spacing,
            strict=request.strict,
            ignore_label=request.ignore_label,
            scheduler=request.scheduler,
            workers=request.workers,
            progress=progress,
        )
    if request.as_json:
        click.echo(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        for item in found.items:
            click.echo(_line(item))
        click.echo(found.message)
        for case, remarks in found.remarks.items():
            for remark in remarks:
                click.echo(f"{case}: {remark}")
    for case in sorted(drawn.keys() - {scan.name for scan in scans}):
        click.echo(f"The labels of {case} belong to no scan of the pool.", err=True)
    for skipped in found.skipped:
        click.echo(f"{skipped.case} was left out: {skipped.sentence}", err=True)


def pool_scans(
    folder: Path, labelled: Collection[str] = (), *, alone: bool = False
) -> tuple[ScanFiles, ...]:
    """Return the scans of a pool: of a dataset's part, or of the folder itself.

    labelled, alone: as in `find_scans`.
    """
    part = next((folder / name for name in _PARTS if (folder / name).is_dir()), folder)
    return find_scans(part, labelled, alone=alone)


def as_json(found: PoolRanking) -> dict[str, Any]:
    """Return a ranking as JSON values."""
    return {
        "items": [
            {
                "case": item.case,
                "axis": item.axis,
                "index": item.index,
                "plane": item.plane,
                "score": item.score,
                "seconds": round(item.seconds, 1),
                "reason": item.reason,
            }
            for item in found.items
        ],
        "skipped": {skipped.case: skipped.sentence for skipped in found.skipped},
        "scans": found.scans,
        "slices": found.slices,
        "open": found.open,
        "strategy": found.strategy,
        "message": found.message,
        "remarks": {case: list(remarks) for case, remarks in found.remarks.items()},
    }


def _line(item: RankedItem) -> str:
    where = item.case if item.index is None else f"{item.case}  {item.plane} {item.index}"
    return f"{where}  (score {item.score:.4g})  {item.reason}"
