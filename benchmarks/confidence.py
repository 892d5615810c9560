"""Does the confidence of a slice tell its Dice? Prints a Markdown table.

    python benchmarks/confidence.py --data DIR [--cases 2]

For each evaluation set and engine: mean confidence, mean Dice that came out, mean absolute
difference and rank correlation, over the slices that were not annotated and were answered to hold
the structure (1, 3 and 5 strided slices).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewslice import read_image, read_labels, segment
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.evaluation.annotator import strided
from fewslice.metrics.overlap import dice
from fewslice.volumes import Image

SETS = ("Dataset004", "Dataset101", "Dataset102", "Dataset103", "Dataset104")
ENGINES = ("interpolation", "random-walker")


def slice_rows(image: Image, truth: npt.NDArray[np.bool_], count: int, engine: str) -> list[float]:
    """Return confidence and Dice, one after the other, of each slice the engine answered."""
    revealed = strided(truth, annotation_axis(image.geometry), count)
    if not revealed.scorable:
        return []
    found = segment(
        image, revealed.sparse_labels(truth), annotated=revealed.annotated, engine=engine
    )
    rows = []
    for index, who in enumerate(found.provenance):
        answered = found.labels.array[on_slice(found.axis, index)] == 1
        if who == "engine" and answered.any():
            right = dice(answered, truth[on_slice(found.axis, index)])
            rows += [float(found.confidence[index]), right]
    return rows


def set_rows(folder: Path, cases: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for path in sorted((folder / "labelsTs").glob("*.nii.gz"))[:cases]:
        image = read_image(folder / "imagesTs" / path.name.replace(".nii.gz", "_0000.nii.gz"))
        labels = read_labels(path)
        for value in labels.values:
            for engine in ENGINES:
                for count in (1, 3, 5):
                    pairs = slice_rows(image, labels.array == value, count, engine)
                    rows += [
                        {"set": folder.name[7:10], "engine": engine, "confidence": a, "dice": b}
                        for a, b in zip(pairs[::2], pairs[1::2], strict=True)
                    ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=2)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in SETS:
        (folder,) = options.data.glob(f"{name}_*")
        rows += set_rows(folder, options.cases)
    print("| set | engine | slices | confidence | Dice | mean difference | rank correlation |")
    print("|---|---|---|---|---|---|---|")
    for group, part in pd.DataFrame(rows).groupby(["set", "engine"]):
        off = (part["confidence"] - part["dice"]).abs().mean()
        rank = part["confidence"].corr(part["dice"], method="spearman")
        print(
            f"| {' | '.join(map(str, group))} | {len(part)} | {part['confidence'].mean():.3f} | "
            f"{part['dice'].mean():.3f} | {off:.3f} | {rank:.2f} |"
        )


if __name__ == "__main__":
    main()
