"""The facts of a scan: how its axes lie, and the range of its intensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.annotation.planes import plane_name
from fewslice.volumes.geometry import Geometry

PERCENTILES = (1, 50, 99)
_MOST_VALUES = 4_000_000


@dataclass(frozen=True)
class AxisFacts:
    """One array axis: the plane of the slices across it and how they lie.

    slices: how many. direction: where it grows to, one of R L A P S I. spacing, extent: mm.
    tilt: degrees between the axis and that anatomical direction.
    """

    plane: str
    slices: int
    direction: str
    spacing: float
    extent: float
    tilt: float


@dataclass(frozen=True)
class Intensities:
    """The finite voxels of one channel, in the scan's own units.

    percentiles: those of `PERCENTILES`.
    """

    minimum: float
    maximum: float
    mean: float
    percentiles: tuple[float, ...]


def axis_facts(geometry: Geometry) -> tuple[AxisFacts, ...]:
    """Return the facts of each array axis."""
    cosines = np.abs(geometry.affine[:3, :3]) / geometry.spacing
    return tuple(
        AxisFacts(
            plane=plane_name(geometry, axis),
            slices=geometry.shape[axis],
            direction=geometry.axis_codes[axis],
            spacing=geometry.spacing[axis],
            extent=geometry.shape[axis] * geometry.spacing[axis],
            tilt=float(np.degrees(np.arccos(min(1.0, cosines[world, axis])))),
        )
        for axis, world in enumerate(geometry.world_axes)
    )


def intensities(channel: npt.NDArray[np.number]) -> Intensities:
    """Return the range of a channel; all NaN if none of its voxels is finite."""
    values = channel.ravel(order="K")
    sample = even_sample(channel)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Intensities(np.nan, np.nan, np.nan, (np.nan,) * len(PERCENTILES))
    finite = values if values.dtype.kind != "f" else values[np.isfinite(values)]
    return Intensities(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=float(finite.mean(dtype=np.float64)),
        percentiles=tuple(float(value) for value in np.percentile(sample, PERCENTILES)),
    )


def even_sample(array: npt.NDArray[np.number]) -> npt.NDArray[np.number]:
    """Return all values of an array in one row, or about 4 million evenly taken ones."""
    values = array.ravel(order="K")
    return values[:: max(1, values.size // _MOST_VALUES)]
