"""Answer questions with ITK's own filters, in an environment without fewslice.

    python benchmarks/peer_itk.py

`benchmarks/peers.py` makes the environment and starts it. It reads folders from standard input, one
a line, and says "done" for each. Each NAME.npz of a folder is a question (see
`benchmarks/peer_questions.py`), its answer is NAME.npy: bool, on the question's grid.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

itk: Any = import_module("itk")
ACROSS = 2
"""The slices come first in numpy, so ITK, which reverses the axes, has them last."""


def filled(question: Any) -> Any:
    """Fill between slices (Zukić 2016, doi:10.54294/wlbwyc)."""
    labels = itk.image_view_from_array(question["labels"])
    interpolator = itk.MorphologicalContourInterpolator[type(labels)].New()
    interpolator.SetInput(labels)
    interpolator.SetAxis(ACROSS)
    interpolator.SetUseBallStructuringElement(bool(question["ball"]))
    interpolator.SetUseDistanceTransform(bool(question["distance_transform"]))
    return _answer(interpolator)


def grown(question: Any) -> Any:
    """Grow from seeds (Zhu 2014, "An effective interactive ... method using fast GrowCut")."""
    image = itk.image_view_from_array(question["image"])
    seeds = itk.image_view_from_array(question["seeds"])
    cut = itk.FastGrowCut[type(image), type(seeds)].New()
    cut.SetInput(image)
    cut.SetSeedImage(seeds)
    return _answer(cut)


def _answer(process: Any) -> Any:
    process.Update()
    return itk.array_from_image(process.GetOutput()) == 1


def main() -> None:
    for line in sys.stdin:
        for path in sorted(Path(line.rstrip("\n")).glob("*.npz")):
            question = dict(np.load(path))
            answer = grown if "seeds" in question else filled
            np.save(path.with_suffix(".npy"), answer(question))
        print("done", flush=True)


if __name__ == "__main__":
    main()
