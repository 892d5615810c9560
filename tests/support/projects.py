"""A small annotation project: one scan, one structure, two people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.people import add_person
from fewslice.project.saving import save_revision
from fewslice.project.structures import Structure
from tests.support.command_line import AFFINE, SHAPE, save, truth
from tests.support.new_projects import new_project

STRUCTURES = (Structure(1, "ball", "#e6194b"), Structure(2, "cube", "#3cb44b"))
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    time: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **lengths: float) -> None:
        """Go on by seconds, minutes, days ..."""
        self.time += timedelta(**lengths)


@dataclass(frozen=True)
class SmallProject:
    """A project with a scan of shape `SHAPE` and two people."""

    project: Project
    clock: Clock
    url: str | None
    scan: int
    ann: int
    bob: int


def small_project(folder: Path, url: str | None) -> SmallProject:
    """Make the project in a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    made = new_project(folder / "project", name="Balls", structures=STRUCTURES, url=url)
    project = replace(made, now=clock)
    ann = add_person(project, "ann", None).id
    bob = add_person(project, "bob", None, "reviewer").id
    scan = add_scan(project, scan_file(folder / "scan.nii.gz"), by=ann).id
    return SmallProject(project, clock, url, scan, ann, bob)


def draw(small: SmallProject, *indices: int, scan: int | None = None) -> None:
    """Let Ann draw the ball on slices across the last axis; scan: another than the project's."""
    for index in indices:
        save_revision(
            small.project,
            small.scan if scan is None else scan,
            small.ann,
            action="draw",
            axis=2,
            index=index,
            labels=slice_of(index),
        )


def scan_file(path: Path) -> Path:
    """Write a scan whose intensities tell every voxel from its neighbours."""
    i, j, k = np.indices(SHAPE)
    return save(path, (i + 30 * j + 600 * k + 100 * truth()).astype(np.int16), AFFINE)


def slice_of(index: int, *corner: int) -> npt.NDArray[np.uint8]:
    """Return labels for a slice across the last axis: the ball there, and a voxel of its own."""
    labels = truth()[:, :, index].copy()
    if corner:
        labels[corner] = 2
    return labels
