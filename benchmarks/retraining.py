"""How good is a model of the task after so many seconds? Prints and writes one JSON line a run.

    python benchmarks/retraining.py --data DIR --set Dataset004_Hippocampus \
        --models encoder network nothing 3d dynunet --seconds 300 [--steps N] [--scans 8] \
        [--slices 3] [--test 16] [--seeds 0 1 2] [--out FILE]

Scans of part Tr: some with a few strided slices (of the middle of the structures' extent) to learn
from, others, complete, to measure on. "encoder", "network" and "nothing" say which shipped weights
the 2.5D model begins with; "3d" and "dynunet" are in `benchmarks/retraining_3d.py`. Of Dataset101
only patients in which all five structures asked for were outlined are used.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.retraining_3d import Net3d, dynunet, labels_3d, train_3d
from fewslice import read_image, read_labels
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis
from fewslice.engines import Scan
from fewslice.training.model import predict
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.training.trainer import train_task_model
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import LabelArray

NETWORKS_3D = {"3d": Net3d, "dynunet": dynunet}
HEAD_AND_NECK = ("Brainstem", "SpinalCord", "RightParotid", "LeftParotid", "Mandible")


@dataclass(frozen=True, eq=False)
class Case:
    """A scan without annotation, and its truth."""

    scan: TaskScan
    truth: LabelArray


def case_names(folder: Path) -> list[str]:
    """Return the cases of part Tr in which every structure asked for was outlined."""
    described = json.loads((folder / "dataset.json").read_text())
    names = sorted(path.name[:-7] for path in (folder / "labelsTr").glob("*.nii.gz"))
    outlined = described.get("annotated")
    if outlined is None:
        return names
    return [name for name in names if set(HEAD_AND_NECK) <= set(outlined[name])]


def read(folder: Path, name: str, slices: int) -> Case:
    """Read a case with some strided slices annotated; the outermost are not among them."""
    image = read_image(folder / "imagesTr" / f"{name}_0000.nii.gz")
    truth = read_labels(folder / "labelsTr" / f"{name}.nii.gz").array.copy()
    truth[truth > (5 if "101" in folder.name else 255)] = 0
    axis = annotation_axis(image.geometry)
    there = np.flatnonzero((truth > 0).any(axis=inplane_axes(axis)))
    at = there[np.linspace(0, len(there) - 1, slices + 2).round().astype(int)[1:-1]]
    sparse = np.zeros_like(truth)
    for index in at:
        sparse[on_slice(axis, int(index))] = truth[on_slice(axis, int(index))]
    places = [(axis, int(index)) for index in at]
    annotation = find_annotation(sparse, image.geometry, places)
    return Case(TaskScan(name, Scan.of(image), annotation), truth)


def run(
    model: str, learned: Sequence[Case], tested: Sequence[Case], settings: TaskSettings
) -> dict[str, object]:
    """Train one model and measure it."""
    scans = [case.scan for case in learned]
    start, busy = time.monotonic(), time.process_time()
    if model in NETWORKS_3D:
        volumetric = train_3d(scans, settings, NETWORKS_3D[model])
        steps, values = volumetric.steps, volumetric.values
    else:
        trained = train_task_model(scans, settings)
        steps, values = trained.state.step, trained.model.values
    spent, worked = time.monotonic() - start, time.process_time() - busy
    answers = (
        labels_3d(volumetric, case.scan)
        if model in NETWORKS_3D
        else _labels(predict(trained.model, case.scan.scan, whole=True))
        for case in tested
    )
    rows = [
        [_dice(answer == value, case.truth == value) for value in values[1:]]
        for case, answer in zip(tested, answers, strict=True)
    ]
    dice = np.nanmean(rows, axis=0)
    return {
        "model": model,
        "steps": steps,
        "seconds": round(spent, 1),
        "processor_seconds": round(worked, 1),
        "dice": [round(float(each), 4) for each in dice],
        "mean": round(float(dice.mean()), 4),
    }


def _labels(prediction: object) -> npt.NDArray[np.int64]:
    probability, values = prediction.probability, prediction.values  # type: ignore[attr-defined]
    found: npt.NDArray[np.int64] = np.array(values)[probability.astype(np.float32).argmax(axis=0)]
    return found


def _dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    either = int(one.sum() + other.sum())
    return 2 * int((one & other).sum()) / either if either else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="Dataset004_Hippocampus")
    parser.add_argument("--models", nargs="+", default=["encoder", "3d"])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--scans", type=int, default=8)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--test", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    folder = given.data / given.set
    names = case_names(folder)
    for seed in given.seeds:
        order = np.random.default_rng(seed).permutation(len(names))
        learned = [read(folder, names[n], given.slices) for n in order[: given.scans]]
        tested = [read(folder, names[n], given.slices) for n in order[-given.test :]]
        for model in given.models:
            start = "nothing" if model in NETWORKS_3D else model
            settings = TaskSettings(
                seconds=given.seconds, steps=given.steps, seed=seed, start=start
            )
            asked = {
                "set": given.set,
                "scans": given.scans,
                "slices": given.slices,
                "test": len(tested),
                "seed": seed,
            }
            line = json.dumps({**asked, **run(model, learned, tested, settings)})
            print(line, flush=True)
            if given.out is not None:
                with given.out.open("a", encoding="utf-8") as stream:
                    stream.write(line + "\n")


if __name__ == "__main__":
    main()
