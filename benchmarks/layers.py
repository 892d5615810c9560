"""What it is worth to look for layers through the whole scan. Prints a Markdown table.

    python -m benchmarks.layers [--volumes N]

Made-up OCT (`fewslice.pretraining.generators.oct_layers`) of seeds that no bank holds: Dice of
`auto` on slices that were not drawn, with the box of any other structure and with that of a layer
(`fewslice.volumes.layers`). Only structures that are taken for layers; the others do not change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import displaced
from benchmarks.accuracy import markdown
from fewslice.annotation.annotation import on_slice
from fewslice.engines import ENGINES, Scan, field_of_view
from fewslice.pretraining.generators.oct_layers import random_oct
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.layers import is_layer

_FIRST_SEED = 2000
_SLICES = (1, 2, 3, 5)
_LEAST = 2 * max(_SLICES)


def layers(volumes: int) -> Iterator[tuple[Scan, BoolArray, int]]:
    """Yield scan, structure (i, j, k) and axis of what is taken for a layer on its middle slice."""
    for seed in tqdm(range(_FIRST_SEED, _FIRST_SEED + volumes), unit="volume"):
        made = random_oct(np.random.default_rng(seed))
        axis = int(np.argmax(made.scan.spacing))
        down, right = (made.scan.spacing[other] for other in inplane_axes(axis))
        for value in np.unique(made.labels)[1:].tolist():
            mask = made.labels == value
            if np.count_nonzero(mask.any(axis=inplane_axes(axis))) < _LEAST:
                continue
            middle = displaced.drawn(mask, axis, 1).slices[0]
            if is_layer(mask[on_slice(*middle)], (down, right)):
                yield made.scan, mask, axis


def measure(scan: Scan, mask: BoolArray, axis: int) -> Iterator[tuple[int, float, float]]:
    """Yield the number of slices, and Dice with the usual box and with that of a layer."""
    for count in _SLICES:
        annotation = displaced.drawn(mask, axis, count)
        with patch.object(field_of_view, "is_layer", lambda *_: False):
            usual = ENGINES["auto"].prepare(scan).predict(annotation)
        layer = ENGINES["auto"].prepare(scan).predict(annotation)
        first, second = (displaced.dice(one, mask, annotation) for one in (usual, layer))
        yield count, first, second


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--volumes", type=int, default=14)
    rows = [row for one in layers(parser.parse_args().volumes) for row in measure(*one)]
    found = pd.DataFrame(rows, columns=["slices", "usual", "layer"])
    lines = []
    for count, part in found.groupby("slices"):
        means = (f"{part[name].mean():.3f}" for name in ("usual", "layer"))
        change = part["layer"] - part["usual"]
        lines.append([str(count), str(len(part)), *means, f"{change.min():+.3f}"])
    head = ["slices", "layers", "usual box", "whole scan", "worst change"]
    print(markdown(head, lines))


if __name__ == "__main__":
    main()
