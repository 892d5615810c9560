"""What retraining is given: scans with what people have drawn on them so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.errors import Remark
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.ignore_label import Numbering
from fewslice.volumes.segments import Segment


@dataclass(frozen=True, eq=False)
class TaskScan:
    """A scan and what is known of it.

    name: for messages. scan: its geometry says how its axes run. annotation: the slices drawn so
    far, complete or in part (255 is not learned from). looked_for: the labels that were looked for
    in this scan, where these are not all: any other may be anywhere on its background, and is not
    learned to be absent; None if all were. remarks: what was assumed to read it and its labels.
    numbering: of its structures, the same for all scans of a task.
    segments: names and colours of its structures, where they are known.
    """

    name: str
    scan: Scan
    annotation: Annotation
    looked_for: tuple[int, ...] | None = None
    remarks: tuple[Remark, ...] = ()
    numbering: Numbering = field(default_factory=Numbering)
    segments: tuple[Segment, ...] = ()

    @property
    def channels(self) -> npt.NDArray[Any]:
        """(channel, i, j, k)."""
        return self.scan.channels

    @property
    def geometry(self) -> Geometry:
        """The grid."""
        return self.scan.geometry


@dataclass(frozen=True)
class TaskSettings:
    """How a task's model is trained.

    seconds: of wall-clock time, resampling included. steps: updates of the weights; None for as
    many as the time allows. A result repeats bit for bit only where steps end the training, since
    no two computers do as many in a time. seed: of everything random. dropout: part of the
    channels that are dropped, 0 to below 1. learning_rate: the highest. side: rows and columns of
    a training patch, pixels. batch_pixels: pixels of a batch, about. start: which of the weights
    that come with fewslice to begin with: "encoder" (of images), "network" (decoder as well) or
    "nothing". device: None takes a GPU if there is one.
    """

    seconds: float = 300.0
    steps: int | None = None
    seed: int = 0
    dropout: float = 0.1
    learning_rate: float = 2e-3
    side: int = 64
    batch_pixels: int = 9_000
    start: str = "encoder"
    device: str | None = field(default=None, compare=False)


def label_values(scans: Sequence[TaskScan]) -> tuple[int, ...]:
    """Return the labels drawn on any of the scans, ascending."""
    return tuple(sorted({value for scan in scans for value in scan.annotation.drawn_values}))
