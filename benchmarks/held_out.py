"""Engines and mixtures on scans and structures that were held out from training.

    python -m benchmarks.held_out --data DIR [--weights FILE] [--slices 1,3,5] [--partly]
    python -m benchmarks.held_out --data DIR --weights FILE --no-mixtures --csv FILE

What the recipe of the shipped weights holds back (`every_scan`, `every_label`), and made-up OCT of
seeds that no bank holds: nothing of the evaluation sets, so that engines may be chosen by it.
Prints Dice on strided slices that were not annotated, of every engine, then of mixtures of them
(interpolation, walker, network, in tenths) between and beyond the annotated slices, unless
--no-mixtures says otherwise: so weights are chosen. --csv writes what `benchmarks.before_after`
compares. --partly prints what the network and the random walker make of three slices that are
scribbled or dotted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import displaced
from benchmarks.accuracy import TASK, markdown
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.batch.jobs import Job, stream
from fewslice.engines import Scan, engine_name
from fewslice.engines.base import Prediction
from fewslice.engines.ensemble.engine import BEYOND_TWO, USUAL, WALKER, Auto, Mixture, averaged
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.network.engine import Network
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.io import read_image, read_labels
from fewslice.pretraining.generators.partial_labels import dots, scribbles
from fewslice.pretraining.loop.config import read_config
from fewslice.pretraining.tasks.sources import ScanSource, data_image, outlined
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

RECIPE = Path("recipes/run-8.toml")
_FEWEST_VOXELS = 50
_PLANES = {"hippocampus": "coronal"}  # they have no coarsest spacing; people draw these
_NETWORK = Mixture(0.0, 0.0, 1.0)
_MIXTURES = (
    _NETWORK,
    WALKER,
    Mixture(0.2, 0.4, 0.4),
    USUAL,
    Mixture(0.2, 0.2, 0.6),
    Mixture(0.1, 0.2, 0.7),
    Mixture(0.4, 0.3, 0.3),
    BEYOND_TWO,
)
_ALONE = "alone"
_ENGINES = ("interpolation", "random-walker", "network", "auto")
_WAYS = {"scribbles": scribbles, "dots": dots}


@dataclass(frozen=True, eq=False)
class Structure:
    """One structure to complete. mask: (i, j, k), as the scan. axis: across which it is drawn."""

    of: str
    name: str
    scan: Scan
    mask: BoolArray
    axis: int


def structures(
    data: Path, recipe: Path, made_up: int, scans: int, most: int
) -> Iterator[Structure]:
    """Yield what the recipe's sources hold back, and made-up fluid and layers.

    made_up: of either kind. scans: at most so many of each source. most: structures of a scan.
    """
    for source in read_config(recipe).sources.scans:
        if source.every_scan or source.every_label:
            yield from _of_source(source, data, scans, most)
    for number, (kind, scan, mask, axis) in enumerate(displaced.tasks(made_up)):
        yield Structure(f"made-up {kind}", str(number), scan, mask, axis)


def _of_source(source: ScanSource, data: Path, scans: int, most: int) -> Iterator[Structure]:
    files = sorted((data / source.folder / "labelsTr").glob("*.nii.gz"))
    for file in files[:: source.every_scan or 1][:scans]:
        labels, image = read_labels(file), read_image(data_image(file))
        axis = plane_axis(labels.geometry, _PLANES.get(source.name, "auto"))
        scan = Scan.from_spacing(image.channels, labels.geometry.spacing)
        known = outlined(file)
        values = [
            value
            for value in labels.values
            if (known is None or value in known)
            and not (source.every_label and value % source.every_label)
            and np.count_nonzero(labels.array == value) >= _FEWEST_VOXELS
        ]
        for value in np.random.default_rng(1).permutation(values)[:most].tolist():
            name = f"{file.name.removesuffix('.nii.gz')} {value}"
            yield Structure(source.name, name, scan, labels.array == value, axis)


def measure(
    structure: Structure, weights: Path | None, counts: Sequence[int], mixed: bool = True
) -> list[list[object]]:
    """Return rows (set, name, slices, inside, beyond, Dice): the engines, then the mixtures."""
    network = Network(weights=weights).prepare(structure.scan)
    engines = (Auto(network.engine), network.engine, Interpolation(), RandomWalker())
    rows: list[list[object]] = []
    for count in counts:
        if 2 * count > np.count_nonzero(structure.mask.any(axis=_others(structure.axis))):
            continue
        annotation = displaced.drawn(structure.mask, structure.axis, count)
        score = partial(displaced.dice, mask=structure.mask, annotation=annotation)
        start = [structure.of, structure.name, count]
        for engine in engines:
            answer = engine.prepare(structure.scan).predict(annotation)
            rows.append([*start, engine_name(engine), _ALONE, score(answer)])
        if not mixed:
            continue
        found = network.along(annotation)
        grid, features, odds = found.grid, found.features, found.odds
        for inside, beyond in _pairs():
            mean = averaged(features, odds, _placed(features, inside, beyond))
            answer = network.refined(mean, grid, annotation)
            rows.append([*start, _name(inside), _name(beyond), score(answer)])
    return rows


def _pairs() -> list[tuple[Mixture, Mixture]]:
    """Return mixtures (between, beyond): each in both places, and each beside the usual one."""
    both = [(one, one) for one in _MIXTURES]
    inside = [(one, USUAL) for one in _MIXTURES if one != USUAL]
    beyond = [(USUAL, one) for one in _MIXTURES if one != USUAL]
    return both + inside + beyond


def _name(mixture: Mixture) -> str:
    parts = (mixture.interpolation, mixture.walker, mixture.network)
    return " ".join(f"{10 * part:g}" for part in parts)


def _placed(features: SliceFeatures, inside: Mixture, beyond: Mixture) -> Callable[[int], Mixture]:
    places = features.positions
    return lambda index: inside if places[0] <= index <= places[-1] else beyond


def _others(axis: int) -> tuple[int, ...]:
    return inplane_axes(axis)


def measure_partly(structure: Structure, weights: Path | None, number: int) -> list[list[object]]:
    """Return rows (set, name, way, engine, Dice) of three slices that are scribbled or dotted."""
    full = displaced.drawn(structure.mask, structure.axis, 3)
    network, walker = Network(weights=weights), RandomWalker()
    rows: list[list[object]] = []
    for name, way in _WAYS.items():
        labels = np.zeros_like(full.labels)
        rng = np.random.default_rng(number)
        for place in full.slices:
            labels[on_slice(*place)] = way(full.labels[on_slice(*place)], rng)
        annotation = replace(full, labels=labels)
        if not annotation.drawn_values:
            continue
        answers: dict[str, Prediction] = {
            "random-walker": walker.prepare(structure.scan).predict(annotation),
            "network": network.prepare(structure.scan).predict(annotation),
        }
        for of, answer in answers.items():
            score = displaced.dice(answer, structure.mask, annotation)
            rows.append([structure.of, structure.name, name, of, score])
    return rows


def by_set(found: pd.DataFrame) -> str:
    """Return Markdown: mean Dice of every engine, by set and number of slices."""
    rows = []
    for (of, count), part in _alone(found).groupby(["set", "slices"], sort=False):
        means = part.groupby("inside")["dice"].mean()
        numbers = [str(count), str(part["name"].nunique())]
        rows.append([str(of), *numbers, *(f"{means[name]:.3f}" for name in _ENGINES)])
    return markdown(["set", "slices", "tasks", *_ENGINES], rows)


def over_sets(found: pd.DataFrame, left_out: set[str]) -> str:
    """Return Markdown: the mean of the sets' means, of all and of those `left_out` of training."""
    means = _alone(found).groupby(["slices", "set", "inside"])["dice"].mean()
    table = means.unstack("inside").reset_index()
    rows = []
    for what, sets in {"all": set(table["set"]), "left out of training": left_out}.items():
        for count, part in table[table["set"].isin(sets)].groupby("slices"):
            numbers = [str(count), str(len(part))]
            rows.append([what, *numbers, *(f"{part[name].mean():.4f}" for name in _ENGINES)])
    return markdown(["kinds", "slices", "sets", *_ENGINES], rows)


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """Return the engines' rows in the columns of `benchmarks/accuracy.py`; there are no cases."""
    own = _alone(found).rename(columns={"name": "structure", "inside": "engine"})
    return own.assign(case="-")[[*TASK, "engine", "dice"]]


def _alone(found: pd.DataFrame) -> pd.DataFrame:
    return found[found["beyond"] == _ALONE]


def by_mixture(found: pd.DataFrame) -> str:
    """Return Markdown: mean Dice of mixtures, real and made-up scans apart, by slices."""
    made_up = found["set"].str.startswith("made-up")
    counts = sorted(found["slices"].unique())
    kinds = {"scans": ~made_up, "made-up": made_up}
    rows = []
    mixed = found[found["beyond"] != _ALONE]
    for (inside, beyond), part in mixed.groupby(["inside", "beyond"], sort=False):
        means = [
            part[chosen.loc[part.index] & (part["slices"] == count)]["dice"].mean()
            for chosen in kinds.values()
            for count in counts
        ]
        rows.append([str(inside), str(beyond), *(f"{mean:.4f}" for mean in means)])
    head = [f"{kind}, {count}" for kind in kinds for count in counts]
    return markdown(["between", "beyond", *head], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--weights", type=Path, help="the shipped ones if not given")
    parser.add_argument("--slices", default="1,3,5")
    parser.add_argument("--scans", type=int, default=7, help="at most, of each source")
    parser.add_argument("--structures", type=int, default=12, help="at most, of each scan")
    parser.add_argument("--made-up", type=int, default=14, help="volumes of either kind")
    parser.add_argument("--no-mixtures", action="store_true")
    parser.add_argument("--csv", type=Path, help="write the engines' Dice, structure by structure")
    parser.add_argument("--partly", action="store_true")
    options = parser.parse_args()
    size = (options.made_up, options.scans, options.structures)
    tasks = structures(options.data, options.recipe, *size)
    if options.partly:
        print(_partly_table(tasks, options.weights))
        return
    counts = [int(count) for count in options.slices.split(",")]
    mixed = not options.no_mixtures
    jobs = (Job(f"{at}", (one, options.weights, counts, mixed)) for at, one in enumerate(tasks))
    found = pd.DataFrame(
        _rows(measure, jobs), columns=["set", "name", "slices", "inside", "beyond", "dice"]
    )
    left_out = {one.name for one in read_config(options.recipe).sources.scans if not one.tasks}
    print(f"{by_set(found)}\n\n{over_sets(found, left_out)}")
    if options.csv is not None:
        compared(found).to_csv(options.csv, index=False)
    if mixed:
        print(f"\n{by_mixture(found)}")


def _partly_table(tasks: Iterator[Structure], weights: Path | None) -> str:
    jobs = (Job(f"{at}", (one, weights, at)) for at, one in enumerate(tasks))
    columns = ["set", "name", "way", "engine", "dice"]
    return by_way(pd.DataFrame(_rows(measure_partly, jobs), columns=columns))


def by_way(found: pd.DataFrame) -> str:
    """Return Markdown: mean Dice of either engine, by how slices were annotated."""
    rows = [
        [str(way), str(engine), str(len(part)), f"{part['dice'].mean():.3f}"]
        for (way, engine), part in found.groupby(["way", "engine"])
    ]
    return markdown(["annotated by", "engine", "tasks", "Dice"], rows)


def _rows(function: Callable[..., list[list[object]]], jobs: Iterator[Job]) -> list[list[object]]:
    rows: list[list[object]] = []
    for outcome in tqdm(stream(function, jobs), unit="structure"):
        if outcome.failure is not None:
            raise SystemExit(f"{outcome.failure}\n{outcome.trace or ''}")
        rows += outcome.result
    return sorted(rows, key=str)


if __name__ == "__main__":
    main()
