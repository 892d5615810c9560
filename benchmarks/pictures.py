"""Pictures of the best, the median and the worst case of every evaluation set.

    python -m benchmarks.pictures --data DIR --scores CSV --output DIR [--slices 3] [--sets 004,101]

Cases are chosen by the Dice of `auto` in a table of answers, such as that of `benchmarks/peers.py`
(--scores) or those of `benchmarks/accuracy.py` (--work), and answered again. Each row shows three
slices that were not annotated, spread over the structure. Pictures have 64 colours, which keeps
them small. Look at the licence of a data set before a picture of it is passed on: it is named below
the picture.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.accuracy import SETS, names_in
from fewslice.annotation.planes import plane_axis
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.evaluation.task import Task, run_engine
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

PANELS = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """A task with what `auto` answered: bool (i, j, k), and its Dice."""

    task: Task
    found: BoolArray
    dice: float


def chosen(scores: pd.DataFrame, slices: int) -> list[tuple[str, str, str]]:
    """Return (name, case, structure) of the best, the median and the worst task of auto."""
    mine = scores[(scores["engine"] == "auto") & (scores["slices"] == slices)]
    mine = mine.sort_values("dice", ascending=False, ignore_index=True)
    last = len(mine) - 1
    places = {"only" if last == 0 else "best": 0, "worst": last, "median": len(mine) // 2}
    rows: dict[int, tuple[str, str, str]] = {}
    for name, at in sorted(places.items(), key=lambda place: (place[1], place[0] == "median")):
        rows.setdefault(at, (name, str(mine["case"][at]), str(mine["structure"][at])))
    return list(rows.values())


def answer(data: Path, number: str, case: str, structure: str, slices: int) -> Answer:
    of = SETS[number]
    dataset = find_dataset(data / of.folder)
    if of.channels is not None:
        dataset = dataset.with_channels(of.channels)
    (files,) = (each for each in dataset.cases if each.name == case)
    image, labels = read_case(files)
    wanted = next(s for s in files.structures_in(labels.array) if s.name == structure)
    mask = wanted.mask(labels.array)
    revealed = strided(mask, plane_axis(image.geometry, of.plane), slices)
    task = Task(case, image, wanted, mask, slices, revealed)
    row, found = run_engine(task, "auto")
    return Answer(task, found, row.dice)


def shown_slices(task: Task) -> list[int]:
    """Return slices that were not annotated, spread over the structure's extent."""
    first, last = task.revealed.extent
    left = [index for index in range(first, last + 1) if index not in task.annotated]
    places = np.linspace(0, len(left) - 1, min(PANELS, len(left))).round().astype(int)
    return [left[at] for at in places]


def window(task: Task, answers: BoolArray) -> tuple[tuple[slice, ...], float, float]:
    """Return the box to show (all slices), and the darkest and brightest intensity in it."""
    axis = task.revealed.axis
    where = np.argwhere(task.mask | answers)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    margin = np.maximum((high - low) // 3, 6)
    start, stop = np.maximum(low - margin, 0), np.minimum(high + margin, task.mask.shape)
    box = [slice(int(a), int(b)) for a, b in zip(start, stop, strict=True)]
    box[axis] = slice(None)
    dark, bright = np.percentile(task.image.channels[0][tuple(box)], [1, 99])
    return tuple(box), float(dark), float(bright)


def draw(number: str, answers: dict[str, Answer], licence: str, path: Path) -> None:
    figure = Figure(figsize=(3.2 * PANELS, 3.2 * len(answers) + 0.5), layout="constrained")
    for row, (name, each) in enumerate(answers.items()):
        box, dark, bright = window(each.task, each.found)
        axis = each.task.revealed.axis
        rows, columns = inplane_axes(axis)
        spacing = each.task.image.geometry.spacing
        for at, index in enumerate(shown_slices(each.task)):
            panel = figure.add_subplot(len(answers), PANELS, row * PANELS + at + 1)
            masks = [_slice(mask, box, axis, index) for mask in (each.task.mask, each.found)]
            panel.imshow(
                _slice(each.task.image.channels[0], box, axis, index).T,
                cmap="gray",
                vmin=dark,
                vmax=bright,
                aspect=max(spacing[columns] / spacing[rows], _flattest(masks[0])),
            )
            for mask, colour, style in zip(
                masks, ("white", "red"), ("dashed", "solid"), strict=True
            ):
                if mask.any():
                    panel.contour(
                        mask.T, [0.5], colors=[colour], linestyles=[style], linewidths=1.2
                    )
            near = min(abs(index - other) for other in each.task.annotated)
            panel.set_title(
                f"slice {index}, {near} from a drawn one: {dice(masks[1], masks[0]):.2f}",
                fontsize=8,
            )
            panel.set_xticks([])
            panel.set_yticks([])
            if at == 0:
                label = (
                    f"{name}: {each.task.structure.name}\n{each.task.case}, Dice {each.dice:.2f}"
                )
                panel.set_ylabel(label, fontsize=8)
    figure.suptitle(f"{number}: auto (red) and the truth (dashed white)", fontsize=10)
    figure.supxlabel(f"Scans: {SETS[number].folder}, licence: {licence}", fontsize=7)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of 64 colours."""
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, dpi=90)
    Image.open(drawn).convert("RGB").quantize(64).save(path, optimize=True)


def scores_of(options: argparse.Namespace, number: str) -> pd.DataFrame:
    """Return the answers to one set from the tables that were asked for."""
    types = dict.fromkeys(("set", "case", "structure"), "str")
    if options.scores is None:
        return pd.read_csv(options.work / f"{number}-strided" / "scores.csv", dtype=types)
    scores = pd.read_csv(options.scores, dtype=types)
    return scores[scores["set"] == number]


def _flattest(mask: BoolArray) -> float:
    """Return the aspect at which a panel is a third as high as it is wide."""
    return float(mask.shape[0] / mask.shape[1] / 3)


def _slice(array: npt.NDArray[Any], box: tuple[slice, ...], axis: int, index: int) -> Any:
    place: list[slice | int] = list(box)
    place[axis] = index
    return array[tuple(place)]


def licence_of(folder: Path) -> str:
    return str(json.loads((folder / "dataset.json").read_text()).get("licence", "none stated"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("benchmark-results"))
    parser.add_argument("--scores", type=Path, help="one table with the column set, in its place")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--sets", type=names_in(SETS), default=("004", "101", "103"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for number in options.sets:
        scores = scores_of(options, number)
        answers = {
            name: answer(options.data, number, case, structure, options.slices)
            for name, case, structure in chosen(scores, options.slices)
        }
        path = options.output / f"cases-{number.replace(' ', '-')}.png"
        draw(number, answers, licence_of(options.data / SETS[number].folder), path)
        for name, each in answers.items():
            print(f"{number} {name}: {each.task.case} {each.task.structure.name} {each.dice:.3f}")


if __name__ == "__main__":
    main()
