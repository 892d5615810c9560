"""Tiny labelled datasets written to a folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.io import write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap

SHAPE = (18, 16, 13)
GEOMETRY = Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
LABELS = {"background": 0, "ball": 1, "rod": 2}


def labels_of(number: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A ball on slices 2 to 10 and a rod on slices 1 to 11; the number moves them a bit."""
    i, j, k = np.indices(SHAPE)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[(i - 6) ** 2 + (j - 7 - number % 2) ** 2 + (k - 6) ** 2 < 20] = 1
    labels[(i >= 12) & (i < 16) & (j > 4) & (j < 11) & (k > 0) & (k < 12)] = 2
    return labels


def write_case(
    folder: Path, name: str, number: int = 0, channels: int = 1, part: str = "Ts"
) -> None:
    for kind in ("images", "labels"):
        (folder / f"{kind}{part}").mkdir(parents=True, exist_ok=True)
    labels = labels_of(number)
    noise = np.random.default_rng(number)
    for channel in range(channels):
        scan = 100.0 * labels + 10 * channel + noise.normal(scale=5, size=SHAPE)
        path = folder / f"images{part}" / f"{name}_{channel:04d}.nii.gz"
        write_image(path, Image(scan.astype(np.float32), GEOMETRY))
    write_labels(folder / f"labels{part}" / f"{name}.nii.gz", LabelMap(labels, GEOMETRY))


def write_dataset(
    folder: Path, cases: Sequence[str] = ("a", "b"), channels: int = 1, **entries: Any
) -> Path:
    for number, name in enumerate(cases):
        write_case(folder, name, number, channels)
    described: Mapping[str, Any] = {"name": "Tiny", "labels": LABELS} | entries
    (folder / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    return folder
