"""Where tasks come from: folders of labelled scans, and generators of synthetic volumes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.errors import InputError, ReadError
from fewslice.io import read_image, read_labels
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.generators.lesions import lesion_volume
from fewslice.pretraining.generators.oct_layers import FLUID, random_oct
from fewslice.pretraining.generators.random_shapes import random_shapes
from fewslice.pretraining.generators.supervoxels import supervoxel_volume
from fewslice.pretraining.generators.synthesis import synthetic_volume
from fewslice.pretraining.tasks.tasks import Task, sample_task

Labels = npt.NDArray[np.intp]

_TASKS_A_VOLUME = 8
_MOST_TRIES = 6


@dataclass(frozen=True)
class ScanSource:
    """Labelled scans in a folder of the nnU-Net convention (imagesTr, labelsTr, dataset.json).

    name: kind of its tasks. tasks, validation: how many to make. synthetic, supervoxels, lesions:
    share of tasks on an image synthesised from the labels, on supervoxels of the image, and on
    lesions painted into it. every_label:
    every so many label values one is held out for validation (0: none, 1: all). every_scan: the
    same for scans.
    """

    name: str
    folder: str
    tasks: int
    validation: int = 0
    synthetic: float = 0.0
    supervoxels: float = 0.0
    lesions: float = 0.0
    every_label: int = 0
    every_scan: int = 0


@dataclass(frozen=True)
class SourceSettings:
    """What a bank of tasks is made of.

    scans: folders. layers, fluid, shapes: number of tasks on synthetic OCT, on fluid in synthetic
    OCT, and on random shapes. validation: tasks of each of these kinds for validation. seed: of
    everything. processes: at work at the same time.
    """

    scans: tuple[ScanSource, ...] = ()
    layers: int = 0
    fluid: int = 0
    shapes: int = 0
    validation: int = 0
    seed: int = 0
    processes: int = 2


@dataclass(frozen=True)
class Job:
    """A few tasks to make from one volume. source: None for generators; kind: "layers"..."""

    kind: str
    part: str
    tasks: int
    seed: tuple[int, ...]
    source: ScanSource | None = None
    scan: Path | None = None


def jobs(settings: SourceSettings, data: Path) -> tuple[Job, ...]:
    """Return all jobs, in an order that mixes the sources; ReadError if a folder is missing."""
    found: list[Job] = []
    for number, source in enumerate(settings.scans):
        found += _scan_jobs(source, data, (settings.seed, number))
    made = {"layers": settings.layers, "fluid": settings.fluid, "shapes": settings.shapes}
    for kind, tasks in made.items():
        for part, wanted in (("train", tasks), ("validation", settings.validation if tasks else 0)):
            found += [
                Job(kind, part, size, (settings.seed, 1000, hash_of(kind + part), at))
                for at, size in enumerate(_portions(wanted, 3))
            ]
    order = np.random.default_rng(settings.seed).permutation(len(found))
    return tuple(found[at] for at in order)


def make_tasks(job: Job) -> Iterator[Task]:
    """Do a job: yield its tasks."""
    rng = np.random.default_rng(job.seed)
    volume, allowed, comparable = _volume(job, rng)
    tries = 0
    made = 0
    while made < job.tasks and tries < _MOST_TRIES * job.tasks:
        tries += 1
        task = sample_task(volume, allowed, job.kind, rng)
        if task is not None:
            made += 1
            yield task if comparable else replace(task, group="")


def hash_of(text: str) -> int:
    """Return a small number that is the same for the same text everywhere."""
    return int(sum(ord(letter) * 31**at for at, letter in enumerate(text)) % 2**31)


def _portions(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def _scan_jobs(source: ScanSource, data: Path, seed: tuple[int, ...]) -> list[Job]:
    folder = data / source.folder / "labelsTr"
    scans = sorted(folder.glob("*.nii.gz"))
    if not scans:
        raise ReadError(
            f"{folder} holds no label map; expected .nii.gz files: check the data folder and the "
            f"source {source.name!r}."
        )
    every = source.every_scan
    held = [scan for at, scan in enumerate(scans) if every and at % every == 0]
    free = [scan for scan in scans if scan not in held]
    rng = np.random.default_rng(seed)
    found = []
    for part, wanted, among in (
        ("train", source.tasks, free),
        ("validation", source.validation, held or scans),
    ):
        if wanted and not among:
            raise InputError(
                f"The source {source.name!r} holds out all of its {len(scans)} scans for "
                f"validation, but asks for {wanted} tasks to train on; set tasks to 0 or hold out "
                "fewer scans (every_scan)."
            )
        size = max(1, min(_TASKS_A_VOLUME, round(wanted / max(len(among), 1))))
        order = [among[at] for at in rng.permutation(len(among))]
        for at, portion in enumerate(_portions(wanted, size)):
            job_seed = (*seed, hash_of(part), at)
            found.append(Job(source.name, part, portion, job_seed, source, order[at % len(order)]))
    return found


def _volume(job: Job, rng: np.random.Generator) -> tuple[LabelledVolume, Labels, bool]:
    """Return the volume of a job, the labels that may be asked for, and whether it is comparable.

    Only scans with their own labels can be compared with others: what is synthesised is turned at
    random, and the numbers of supervoxels mean nothing in another scan.
    """
    if job.source is None or job.scan is None:
        return *_generated(job.kind, rng), False
    source = job.source
    chance = rng.random()
    labels = read_labels(job.scan)
    spacing = labels.geometry.spacing
    name = job.scan.name.removesuffix(".nii.gz")
    values = labels.array.astype(np.uint16)
    if job.part == "train" and chance < source.synthetic:
        volume = synthetic_volume(values, spacing, rng, name)
        return volume, _allowed(volume, source, job), False
    scan = Scan.from_spacing(read_channels(job.scan), spacing)
    if job.part == "train":
        scan = _some_channels(scan, rng)
        chance -= source.synthetic
        if chance < source.supervoxels:
            volume = supervoxel_volume(scan, rng, name)
            return volume, _present(volume), False
        if chance < source.supervoxels + source.lesions:
            volume = lesion_volume(scan, rng, name)
            return volume, _present(volume), False
    volume = LabelledVolume(scan, values, name, outlined(job.scan))
    return volume, _allowed(volume, source, job), True


def _generated(kind: str, rng: np.random.Generator) -> tuple[LabelledVolume, Labels]:
    if kind == "shapes":
        volume = random_shapes(rng)
        return volume, _present(volume)
    volume = random_oct(rng)
    while kind == "fluid" and not (volume.labels >= FLUID).any():
        volume = random_oct(rng)
    values = _present(volume)
    return volume, values[values >= FLUID] if kind == "fluid" else values


def read_channels(labels: Path) -> npt.NDArray[np.float32]:
    """Return the image of a label map in labelsTr, (channel, i, j, k), channels in their order."""
    case = labels.name.removesuffix(".nii.gz")
    files = sorted((labels.parent.parent / "imagesTr").glob(f"{case}_[0-9][0-9][0-9][0-9].nii.gz"))
    images = [read_image(file).channels for file in files or [data_image(labels)]]
    return np.concatenate(images).astype(np.float32)


def _some_channels(scan: Scan, rng: np.random.Generator) -> Scan:
    """Return a scan with some of its channels in some order: all of them half of the time."""
    count = len(scan.channels)
    size = count if rng.random() < 0.5 else int(rng.integers(1, count + 1))
    return replace(scan, channels=scan.channels[rng.permutation(count)[:size]])


def data_image(labels: Path) -> Path:
    """Return the first channel's file of a label map in labelsTr."""
    case = labels.name.removesuffix(".nii.gz")
    return labels.parent.parent / "imagesTr" / f"{case}_0000.nii.gz"


def _present(volume: LabelledVolume) -> Labels:
    values = np.flatnonzero(np.bincount(volume.labels.ravel()))
    return values[values > 0]


def _allowed(volume: LabelledVolume, source: ScanSource, job: Job) -> Labels:
    values = _present(volume)
    if volume.known is not None:
        values = np.intersect1d(values, volume.known)
    if source.every_label:
        held = values % source.every_label == 0
        values = values[held if job.part == "validation" else ~held]
    return values


def outlined(scan: Path) -> tuple[int, ...] | None:
    """Return the labels outlined in a scan, from "annotated" of dataset.json; None if all are."""
    described = json.loads((scan.parent.parent / "dataset.json").read_text())
    names = described.get("annotated", {}).get(scan.name.removesuffix(".nii.gz"))
    if names is None:
        return None
    return tuple(int(described["labels"][name]) for name in names)
