"""A pool of made-up scans, and a sampler that needs no model: module-level, for other processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.io import write_image, write_labels
from fewslice.segmentation.posterior import Samples
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.job_functions import called

SHAPE = (10, 12, 7)
GEOMETRY = Geometry.from_spacing(SHAPE, (1.0, 1.0, 3.0))


def scan_array(number: int) -> npt.NDArray[np.float32]:
    """A ball of 1 on 0; it lies on slices 1 to 5 and is as bright as its number says."""
    i, j, k = np.indices(SHAPE)
    ball = (i - 5) ** 2 + (j - 6) ** 2 + (2 * (k - 3)) ** 2 < 18
    return np.asarray(ball * (1.0 + number), dtype=np.float32)


def write_scan(folder: Path, name: str, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_0000.nii.gz"
    write_image(path, Image(scan_array(number), GEOMETRY))
    return path


def write_drawn(folder: Path, name: str, *indices: int) -> Path:
    """Labels of a ball on some slices across the last axis."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.zeros(SHAPE, dtype=np.uint8)
    truth = (scan_array(0) > 0).astype(np.uint8)
    for index in indices:
        labels[:, :, index] = truth[:, :, index]
    path = folder / f"{name}.nii.gz"
    write_labels(path, LabelMap(labels, GEOMETRY))
    return path


def unsure_where_bright(channel: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Two samples that disagree by 0.1 per unit of brightness, two classes, slices first."""
    disagreement = np.clip(0.1 * np.moveaxis(channel, 2, 0), 0, 0.5)
    one, other = 0.5 - disagreement, 0.5 + disagreement
    found = np.stack((np.stack((one, other)), np.stack((other, one))))
    found[:, 0][:, disagreement == 0] = 1
    found[:, 1][:, disagreement == 0] = 0
    return found.astype(np.float32)


class Unsure:
    """A sampler that is the less sure the brighter the scan is."""

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        return Samples.of_scan(unsure_where_bright(scan.channels[0]), axis=2)


class Counting:
    """The same, leaving a file for every scan; one sampled slice by slice across the first axis."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        called(self.folder, int(scan.channels.max()))
        by_axes = np.moveaxis(unsure_where_bright(scan.channels[0]), 2, 4)
        return Samples.of_scan(by_axes, 0, np.ones((SHAPE[0], 3), dtype=np.float32))


class WrongShape:
    """A sampler that answers for a part of the scan that is not there."""

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        return Samples.of_scan(np.zeros((2, 2, 30, 3, 3)), axis=2)


def write_model(folder: Path) -> Path:
    """A model folder as `fewslice train` leaves it, with random weights; labels 4 and 7."""
    from fewslice.training.store import promote, save_version
    from tests.support.random_models import random_model

    promote(folder, save_version(folder, random_model(), {"score": 0.5}, [(1, 0.7)]))
    return folder
