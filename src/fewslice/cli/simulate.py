"""`fewslice simulate`: whether advice on what to annotate saves work, on labelled data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.cli import options
from fewslice.cli.count_bar import count_bar
from fewslice.errors import InputError

if TYPE_CHECKING:
    from fewslice.evaluation.simulation.settings import SimulationSettings
    from fewslice.volumes.spacing import Spacing

# What is simulated unless it is chosen, where that depends on the question.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "volume": {"strategies": ("default", "strided-extent-known", "random"), "budget": 8.0},
    "pool": {
        "strategies": ("default", "strided", "foreground-random-33", "random"),
        "budget": 40.0,
        "seeds": (0, 1, 2),
    },
}


@click.command("simulate")
@click.argument("dataset", type=options.PATH)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    required=True,
    help="Folder for tables, summary and plots; an interrupted simulation resumes there.",
)
@click.option(
    "--question",
    default="volume",
    show_default=True,
    help="volume: which slice to draw next to finish a scan; pool: which slices of many scans "
    "to draw for the next model.",
)
@click.option(
    "--strategies",
    help="Strategies to compare, with commas; the first with each of the others.  [default: "
    "default,strided-extent-known,random for volume, "
    "default,strided,foreground-random-33,random for pool]",
)
@click.option(
    "--budget",
    type=float,
    help="Slices to draw: of each structure (volume) or in all (pool). A question whether the "
    "structure is on a slice counts a tenth.  [default: 8 for volume, 40 for pool]",
)
@click.option(
    "--rounds",
    type=options.POSITIVE,
    help="Times that the model is trained anew (pool).  [default: 4]",
)
@click.option(
    "--seeds",
    help="Seeds, with commas: every strategy is run once with each.  [default: 0 for volume, "
    "0,1,2 for pool]",
)
@options.dataset_part()
@options.plane("Plane of the first slice")
@options.spacing("all scans and labels")
@options.most_cases()
@click.option("--engine", help="What completes a scan (volume).  [default: random-walker]")
@click.option(
    "--steps",
    type=options.POSITIVE,
    help="Steps of each training of the model (pool).  [default: 150]",
)
@click.option(
    "--start",
    type=options.POSITIVE,
    help="Slices drawn before the first suggestion, each of another scan (pool).  [default: 4]",
)
@click.option(
    "--test-cases", type=options.POSITIVE, help="Scans the model is tested on (pool).  [default: 8]"
)
@click.option(
    "--imperfect",
    is_flag=True,
    help="Let the simulated person draw outlines about 1 mm off and miss small parts.",
)
@options.scheduler()
@options.workers("Runs at the same time.  [default: number of processors]")
@options.quiet("Show no progress bar.")
@options.as_json("Print the summary as JSON.")
def simulate_command(  # noqa: PLR0913, PLR0917 - one argument per option
    dataset: Path,
    output: Path,
    question: str,
    strategies: str | None,
    budget: float | None,
    rounds: int | None,
    seeds: str | None,
    part: str,
    plane: str,
    spacing: Spacing | None,
    cases: int | None,
    engine: str | None,
    steps: int | None,
    start: int | None,
    test_cases: int | None,
    imperfect: bool,
    scheduler: str | None,
    workers: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Simulate annotating DATASET by the suggestions of each strategy.

    DATASET is a fully labelled folder in the nnU-Net convention; a simulated annotator answers from
    its labels. Writes learning curves, the effort to reach a Dice of 0.80, 0.85 and 0.90, and
    pairwise comparisons of strategies, as tables, JSON and plots. If some runs fail, or
    some scans cannot be read (volume), the others are reported all the same, with exit code 1.
    """
    from fewslice.evaluation.simulation.run import simulate

    settings = chosen_settings(
        question,
        strategies=_names(strategies),
        budget=budget,
        rounds=rounds,
        seeds=_numbers(seeds),
        part=part,
        plane=plane,
        spacing=spacing,
        most_cases=cases,
        engine=engine,
        steps=steps,
        start=start,
        test_cases=test_cases,
        imperfect=imperfect,
    )
    with count_bar(quiet, "Simulating", "runs") as show:
        summary = simulate(
            dataset, output, settings, scheduler=scheduler, workers=workers, progress=show
        )
    _report(summary, output, as_json)
    if summary.get("failed"):
        raise SystemExit(1)


def chosen_settings(question: str, **chosen: Any) -> SimulationSettings:
    """Return the settings; those that are None are the defaults, which depend on the question."""
    from fewslice.evaluation.simulation.settings import SimulationSettings

    given = {name: value for name, value in chosen.items() if value is not None}
    return SimulationSettings(question=question, **{**_DEFAULTS.get(question, {}), **given})


def _names(text: str | None) -> tuple[str, ...] | None:
    from fewslice.evaluation.settings import parse_names

    return None if text is None else parse_names(text)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",") if part.strip()))
    except ValueError:
        raise InputError(
            f"Cannot read {text!r} as seeds; write whole numbers with commas, such as 0,1,2."
        ) from None


def _report(summary: Mapping[str, Any], output: Path, as_json: bool) -> None:
    import json

    from fewslice.evaluation.simulation.report import written_files
    from fewslice.evaluation.simulation.text import text_table

    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        click.echo(text_table(summary))
        for case, remark in summary["remarks"].items():
            click.echo(f"{case}: {remark}")
        click.echo("")
        for path in written_files(output):
            click.echo(f"Wrote {path}")
    for run, reason in (summary.get("failed") or {}).items():
        click.echo(f"{run} was left out: {reason}", err=True)
