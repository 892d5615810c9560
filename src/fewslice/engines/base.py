"""What every engine is: prepare a scan once, then predict from annotations as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.kept import KeptAnswer
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import Image
from fewslice.volumes.memo import Memo
from fewslice.volumes.region import Region

Progress = Callable[[float], None]
"""Called with the fraction done, from 0 to 1, never falling."""


def silent(fraction: float) -> None:
    """Take progress and show nothing."""


def part(progress: Progress, first: float, last: float) -> Progress:
    """Return the progress of a part of the work, which goes from `first` to `last` of the whole."""
    return lambda fraction: progress(first + (last - first) * fraction)


@dataclass(frozen=True, eq=False)
class Scan:
    """What an engine sees of a scan.

    channels: (channel, i, j, k), any real dtype, finite. geometry: of its grid. memo: keeps what is
    found out about these voxels, if they are asked about again. cropped_from: the scan that this
    one is a part of, and which box of it; None if it is whole.
    """

    channels: npt.NDArray[Any]
    geometry: Geometry
    memo: Memo | None = None
    cropped_from: tuple[Scan, Region] | None = None

    @classmethod
    def of(cls, image: Image) -> Scan:
        """Return an image as engines see it."""
        return cls(image.channels, image.geometry, image.memo)

    @classmethod
    def from_spacing(cls, channels: npt.NDArray[Any], spacing: Sequence[float]) -> Scan:
        """Return a scan whose axes run along RAS+; spacing in mm per array axis."""
        return cls(channels, Geometry.from_spacing(channels.shape[1:], spacing))

    def cropped(self, region: Region) -> Scan:
        """Return the part of the scan in a region; every voxel stays at its place in space."""
        channels = self.channels[(slice(None), *region.slices)]
        geometry = self.geometry.cropped(region.start, region.stop)
        whole, box = self.whole
        return Scan(channels, geometry, self.memo, (whole, region.moved(box.start)))

    @property
    def whole(self) -> tuple[Scan, Region]:
        """The scan that this one was cropped from, or itself, and the box that it covers there."""
        return self.cropped_from or (self, Region((0, 0, 0), self.shape))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between neighbouring voxels along each array axis."""
        return self.geometry.spacing

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each array axis."""
        return self.geometry.shape


@dataclass(frozen=True, eq=False)
class SupportScan:
    """Another scan with labels, to learn from.

    scan: its axes run in the same directions as those of the scan to segment, as nearly as whole
    axes can; it has the same channels, and a spacing and shape of its own. annotation: what is
    known of it, with the label values of the scan to segment; at least one slice holds a label.
    """

    scan: Scan
    annotation: Annotation


@dataclass(frozen=True, eq=False)
class Prediction:
    """What an engine answers for the voxels of a region; all others are background.

    region: the box answered. values: the label of each class, background (0) first, ascending.
    probability: float16 (class, i, j, k) over the region, in [0, 1], summing to 1 over classes
    (to float16 precision). remarks: sentences a person should read. kept: what was
    answered along each plane, where slices of several are drawn and the engine can go on from that
    (`GoesOn`).
    """

    region: Region
    values: tuple[int, ...]
    probability: npt.NDArray[np.float16]
    remarks: tuple[str, ...] = ()
    kept: tuple[KeptAnswer, ...] = ()

    @property
    def nbytes(self) -> int:
        """How much memory the probabilities take."""
        return self.probability.nbytes


def empty_probability(
    classes: int, shape: tuple[int, int, int], axis: int
) -> npt.NDArray[np.float16]:
    """Return a (class, i, j, k) array that lies in memory slice after slice across `axis`.

    Filling and reading it slice by slice is several times faster than in C order.
    """
    by_slice = [shape[axis], classes, *(shape[other] for other in inplane_axes(axis))]
    return np.moveaxis(np.empty(by_slice, dtype=np.float16), 0, 1 + axis)


SMALLEST_HALF = np.finfo(np.float16).smallest_normal
"""About 6e-5: what is below is set to 0 where probabilities become halves."""


def as_half(probability: Float32Array) -> npt.NDArray[np.float16]:
    """Return probabilities as float16, with what is below its normal range (6e-5) as 0.

    Converting such values properly is twenty times slower, and nobody needs them.
    """
    return np.where(probability < SMALLEST_HALF, 0, probability).astype(np.float16)


class PreparedScan(Protocol):
    """A scan made ready by one engine. Immutable: predicting changes nothing in it."""

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities from the annotated slices.

        Voxels the annotation knows may come back with any probability: assembly puts what the
        person said in their place.
        """
        ...


@runtime_checkable
class GoesOn(PreparedScan, Protocol):
    """A prepared scan whose answers along several planes can be gone on from."""

    def predict_from(
        self, kept: Sequence[KeptAnswer], annotation: Annotation, progress: Progress = silent
    ) -> Prediction:
        """Return class probabilities; planes of which an answer was kept are not asked again.

        kept: answers of earlier predictions that know nothing that has changed since; of all
        structures drawn. The prediction keeps those along planes that were asked.
        """
        ...


class Engine(Protocol):
    """A way of segmenting. An engine holds its settings only and is immutable."""

    @property
    def uses_support(self) -> bool:
        """Whether labels of other scans help this engine."""
        ...

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedScan:
        """Do what can be done before anything of the scan is annotated.

        support: other scans with labels; an engine that cannot use them ignores them.
        """
        ...


@runtime_checkable
class TrainedEngine(Engine, Protocol):
    """An engine that knows its structures beforehand, such as a model of one's own task.

    It also answers scans on which nothing is drawn.
    """

    @property
    def values(self) -> tuple[int, ...]:
        """The label of each class it knows, background (0) first, ascending."""
        ...

    def axis(self, geometry: Geometry) -> int:
        """Return the array axis of a scan across which it works, slice by slice."""
        ...
