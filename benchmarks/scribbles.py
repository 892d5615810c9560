"""What real scribbles are worth: Dice from scribbles beside Dice from the same slices, drawn fully.

    python benchmarks/scribbles.py --data DIR [--engines auto,interpolation] [--cases 12]

Three strided slices are annotated in either way, all structures together; the mean Dice of the
structures on all other slices is compared. Prints Markdown. Scribbles should reach 90 % at least.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fewslice.engines import ENGINES
from fewslice.evaluation.dataset import find_dataset
from fewslice.evaluation.scribbles import ScribbledCase, scribbled_case
from fewslice.metrics.overlap import dice
from fewslice.volumes.image import LabelMap
from fewslice.workflow.segment import segment

FOLDER = "Dataset102_CardiacCineMRI"


def mean_dice(case: ScribbledCase, annotated: LabelMap, engine: str) -> float:
    """Return the mean Dice of the structures on the slices that were not annotated."""
    answer = segment(case.image, annotated, annotated=case.slices, engine=engine).labels.array
    left = case.others
    scores = [
        dice(answer[left] == value, case.truth.array[left] == value) for value in case.truth.values
    ]
    return sum(scores) / len(scores)


def measure(folder: Path, engines: Sequence[str], cases: int, slices: int) -> pd.DataFrame:
    """Return one row per case and engine, with its Dice from either annotation."""
    rows = []
    for files in find_dataset(folder, most=cases).cases:
        case = scribbled_case(files, "auto", slices)
        for engine in engines:
            full = mean_dice(case, case.drawn, engine)
            scribbled = mean_dice(case, case.scribbled, engine)
            print(f"{files.name} {engine}: {full:.3f} drawn, {scribbled:.3f} scribbled", flush=True)
            rows.append((files.name, engine, full, scribbled))
    return pd.DataFrame(rows, columns=["case", "engine", "drawn", "scribbled"])


def table(found: pd.DataFrame, engines: Sequence[str]) -> str:
    """Return Markdown: the mean Dice of every engine from either annotation, and their ratio."""
    lines = [
        "| engine | cases | fully drawn | scribbled | scribbled / drawn |",
        "|---|---|---|---|---|",
    ]
    for engine in engines:
        mine = found[found["engine"] == engine]
        full, scribbled = float(mine["drawn"].mean()), float(mine["scribbled"].mean())
        lines.append(
            f"| {engine} | {len(mine)} | {full:.3f} | {scribbled:.3f} | "
            f"{100 * scribbled / full:.1f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--slices", type=int, default=3)
    options = parser.parse_args()
    engines = options.engines.split(",")
    found = measure(options.data / FOLDER, engines, options.cases, options.slices)
    print("\n" + table(found, engines))


if __name__ == "__main__":
    main()
