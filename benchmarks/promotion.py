"""What is a model of few slices worth beside its own scans as support? Prints a Markdown table.

    python -m benchmarks.promotion --data DATA --work DIR [--scans 6] [--slices 4] [--seconds 40]
        [--test 12] [--seed 0]

Of Dataset004, part Tr, some scans get a few strided slices; a model is trained as `fewslice train`
does, and other people are segmented by its network alone, by support scans alone (drawn slices;
labels completed from them; the truth), and as the model folder then answers with `segment-many`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice import read_image, read_labels, segment
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.training.scan import TaskSettings
from fewslice.training.store import load_model
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.geometry import inplane_axes
from fewslice.workflow.segment_many import segment_many
from fewslice.workflow.train import train
from fewslice.workflow.training_task import TrainSettings

_SET = "Dataset004_Hippocampus"
Case = tuple[str, Image, LabelMap]


def read(folder: Path, name: str) -> Case:
    """Return a scan with its truth."""
    image = read_image(folder / "imagesTr" / f"{name}_0000.nii.gz")
    return name, image, read_labels(folder / "labelsTr" / f"{name}.nii.gz", image)


def strided(image: Image, truth: LabelMap, slices: int) -> LabelMap:
    """Return the labels of a few slices, evenly spaced; the outermost are not among them."""
    axis = annotation_axis(image.geometry)
    there = np.flatnonzero((truth.array > 0).any(axis=inplane_axes(axis)))
    at = there[np.linspace(0, len(there) - 1, slices + 2).round().astype(int)[1:-1]]
    sparse = np.zeros_like(truth.array)
    for index in at:
        sparse[on_slice(axis, int(index))] = truth.array[on_slice(axis, int(index))]
    return truth.with_array(sparse)


def mean_dice(answers: Sequence[npt.NDArray[Any]], tested: Sequence[Case]) -> float:
    """Return the mean over scans and structures."""
    scores = [
        2
        * ((answer == value) & (truth.array == value)).sum()
        / ((answer == value).sum() + (truth.array == value).sum())
        for answer, (_, _, truth) in zip(answers, tested, strict=True)
        for value in truth.values
    ]
    return float(np.mean(scores))


def main() -> None:
    """Read the command line, train, and print a line for each way to answer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="An empty folder.")
    parser.add_argument("--scans", type=int, default=6)
    parser.add_argument("--slices", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--test", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folder = given.data / _SET
    names = sorted(path.name[:-7] for path in (folder / "labelsTr").glob("*.nii.gz"))
    order = np.random.default_rng(given.seed).permutation(len(names))
    learned = [read(folder, names[n]) for n in order[: given.scans]]
    tested = [read(folder, names[n]) for n in order[-given.test :]]
    sparse = [(image, strided(image, truth, given.slices)) for _, image, truth in learned]
    training = TaskSettings(seconds=given.seconds, steps=given.steps, seed=given.seed)
    outcome = train(sparse, given.work / "model", settings=TrainSettings(training))
    print(*outcome.remarks, f"{outcome.steps} steps.", sep="\n", end="\n\n")
    model = load_model(given.work / "model")
    complete = [(image, segment(image, drawn).labels) for image, drawn in sparse]
    ways: dict[str, Callable[[Image], npt.NDArray[Any]]] = {
        "network alone": lambda x: segment(x, engine=replace(model, support=None)).labels.array,
        "support, drawn slices": lambda x: segment(x, support=sparse).labels.array,
        "support, completed labels": lambda x: segment(x, support=complete).labels.array,
        "support, true labels": lambda x: (
            segment(x, support=[(image, truth) for _, image, truth in learned]).labels.array
        ),
    }
    print("| what answers | mean Dice |\n|---|---|")
    for way, answer in ways.items():
        print(f"| {way} | {mean_dice([answer(x) for _, x, _ in tested], tested):.3f} |", flush=True)
    pool = given.work / "scans"
    pool.mkdir()
    for name, _, _ in tested:
        shutil.copy(folder / "imagesTr" / f"{name}_0000.nii.gz", pool)
    found = segment_many(pool, given.work / "answers", model=given.work / "model", workers=1)
    answers = [read_labels(found.output / f"{name}.nii.gz").array for name, _, _ in tested]
    print(f"| `segment-many --model` | {mean_dice(answers, tested):.3f} |")
    print(*found.remarks, sep="\n")


if __name__ == "__main__":
    main()
