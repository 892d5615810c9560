"""Tiny made-up scans in the nnU-Net convention, and banks of tasks without any file read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt

from fewslice.engines import Scan
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.tasks.bank import INDEX, Bank, Entry, open_bank, save_task
from fewslice.pretraining.tasks.tasks import Task
from tests.support.known_features import random_features

SHAPE = (26, 22, 16)


def balls() -> npt.NDArray[np.uint16]:
    """Return a label map with four balls: 1 to 4."""
    i, j, k = np.indices(SHAPE)
    labels = np.zeros(SHAPE, dtype=np.uint16)
    for value, (x, y) in enumerate(((7, 6), (19, 6), (7, 16), (19, 16)), start=1):
        labels[(i - x) ** 2 + (j - y) ** 2 + (k - 8) ** 2 < 5**2] = value
    return labels


def volume(seed: int = 0, known: tuple[int, ...] | None = None) -> LabelledVolume:
    """Return the balls with the intensities 1 to 4, and noise."""
    labels = balls()
    noise = np.random.default_rng(seed).normal(0, 0.2, SHAPE)
    scan = Scan.from_spacing((labels + noise)[None].astype(np.float32), (1.0, 1.0, 1.5))
    return LabelledVolume(scan, labels, f"scan{seed}", known)


def nnunet_folder(
    folder: Path, scans: int = 2, annotated: dict[str, list[str]] | None = None
) -> Path:
    """Write scans of the balls as an nnU-Net data set called Dataset900_Balls."""
    root = folder / "Dataset900_Balls"
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    affine = np.diag([1.0, 1.0, 1.5, 1.0])
    for number in range(scans):
        made = volume(number)
        image = nib.nifti1.Nifti1Image(made.scan.channels[0], affine)
        nib.save(image, root / "imagesTr" / f"case{number}_0000.nii.gz")
        labels = nib.nifti1.Nifti1Image(made.labels.astype(np.uint8), affine)
        nib.save(labels, root / "labelsTr" / f"case{number}.nii.gz")
    names = {"background": 0, "one": 1, "two": 2, "three": 3, "four": 4}
    described: dict[str, object] = {"labels": names}
    if annotated is not None:
        described["annotated"] = annotated
    (root / "dataset.json").write_text(json.dumps(described))
    return folder


def task(number: int = 0, structures: int = 2, group: str = "", scan: str = "") -> Task:
    """Return a task of random features whose truth is written on its images and its walk.

    The truth's class is the image's tens digit; the walk is 3 inside and -3 outside.
    """
    rng = np.random.default_rng(number)
    shape = (6, 20, 24)
    truth = np.zeros(shape, dtype=np.int8)
    for structure in range(structures):
        row, column = rng.integers(2, 10, 2)
        truth[1:5, row : row + 6, column + 4 * structure : column + 6 + 4 * structure] = (
            structure + 1
        )
    features = random_features(shape, structures)
    walk = np.stack([np.where(truth == at + 1, 3, -3) for at in range(structures)], axis=1)
    seeds = np.full(shape, -1, dtype=np.intp)
    seeds[list(features.positions)] = truth[list(features.positions)]
    features = replace(
        features,
        images=(0.25 * truth[:, None]).astype(np.float32),
        walk=walk.astype(np.float32),
        seeds=seeds,
    )
    return Task(features, truth, "made", group, scan or f"scan{number}")


def bank_of(folder: Path, tasks: list[Task], part: str = "train") -> Bank:
    """Write tasks into a bank of their own."""
    entries = []
    for at, each in enumerate(tasks):
        save_task(folder / f"{at}.npz", each)
        entries.append(Entry(f"{at}.npz", part, each.kind, each.group, each.scan))
    index = {"sources": {}, "entries": [vars(entry) for entry in entries]}
    (folder / INDEX).write_text(json.dumps(index))
    return open_bank(folder)
