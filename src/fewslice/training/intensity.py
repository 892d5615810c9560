"""Intensities on one scale: 0 to 1 over what matters, for HU and for scans without units.

CT has a scale of its own (HU), which says what tissue is; it is kept: one curve for all scans. MRI
and others have none: every scan gets a curve of its own, from its percentiles (as in Nyúl & Udupa
1999, with a straight line between two landmarks). HU are recognised by air: values of -300 and
below, which no other modality has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.training.scan import TaskScan
from fewslice.typing import Float32Array

Curve = tuple[tuple[float, float], ...]
"""(intensity, value) pairs, ascending, joined by straight lines."""

LOW, HIGH = -0.25, 1.25
"""What lies beyond this is cut off."""

_AIR = -300.0
_MOST = 200_000  # voxels that percentiles are taken from
_QUANTILES = (0.5, 10.0, 25.0, 50.0, 75.0, 90.0, 99.5)
_STRETCHED = 0.5  # weight of the histogram in a curve for HU; the rest is a straight line


@dataclass(frozen=True)
class Intensity:
    """How intensities of one channel become values of about 0 to 1.

    fixed: True if `points` holds for all scans (HU); False if each has its own percentiles.
    points: (intensity, value) pairs, ascending, of a curve of straight pieces; none if not fixed.
    """

    fixed: bool
    points: Curve = ()

    def curve(self, channel: npt.NDArray[Any]) -> Curve:
        """Return the curve for one scan's channel."""
        return self.points if self.fixed else _own_points(channel)

    def apply(self, channel: npt.NDArray[Any]) -> Float32Array:
        """Return a scan's channel as float32 in [-0.25, 1.25]."""
        return rescaled(channel, self.curve(channel))


def rescaled(values: npt.NDArray[Any], curve: Curve) -> Float32Array:
    """Return values through a curve, straight on beyond its ends, float32 in [-0.25, 1.25]."""
    old, new = np.array(curve, dtype=np.float64).T
    slope = (new[-1] - new[0]) / (old[-1] - old[0])
    inside = np.interp(values, old, new)
    inside += slope * (np.minimum(values - old[0], 0) + np.maximum(values - old[-1], 0))
    result: Float32Array = np.clip(inside, LOW, HIGH).astype(np.float32)
    return result


def choose_intensity(scans: Sequence[TaskScan]) -> tuple[Intensity, ...]:
    """Return how each channel is scaled, decided from the scans to learn from."""
    channels = len(scans[0].channels)
    return tuple(_of_channel(scans, number) for number in range(channels))


def _of_channel(scans: Sequence[TaskScan], number: int) -> Intensity:
    if any(float(scan.channels[number].min()) > _AIR for scan in scans):
        return Intensity(fixed=False)
    around = [_around_drawn(scan, number) for scan in scans]
    values = np.concatenate([found for found in around if found.size] or [np.array([-200.0, 300])])
    marks = np.percentile(values, _QUANTILES)
    low, high = float(marks[0]), float(max(marks[-1], marks[0] + 200))
    marks = np.unique(np.clip(marks, low, high).round(3))
    marks = np.unique(np.concatenate([[low], marks, [high]]))
    straight = (marks - low) / (high - low)
    ranks = np.linspace(0, 1, len(marks))
    curve = _STRETCHED * ranks + (1 - _STRETCHED) * straight
    return Intensity(True, tuple((float(x), float(y)) for x, y in zip(marks, curve, strict=True)))


def _around_drawn(scan: TaskScan, number: int) -> npt.NDArray[Any]:
    """Return intensities on the annotated slices, in the box around what is drawn on each."""
    from fewslice.annotation.annotation import drawn_voxels, on_slice

    found = []
    for axis, index in scan.annotation.slices:
        place = on_slice(axis, index)
        drawn = drawn_voxels(scan.annotation.labels[place])
        if not drawn.any():
            continue
        rows, columns = (np.flatnonzero(drawn.any(axis=other)) for other in (1, 0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        found.append(scan.channels[number][place][box].ravel())
    values = np.concatenate(found) if found else np.zeros(0)
    return values[:: max(1, values.size // _MOST)]


def _own_points(channel: npt.NDArray[Any]) -> Curve:
    """Return a line through the 1st and 99th percentile of what is not background padding."""
    values = channel.ravel()[:: max(1, channel.size // _MOST)].astype(np.float32)
    lowest = values.min()
    inside = values[values > lowest]
    if inside.size * 100 <= values.size:  # nearly constant
        inside = values
    low, high = np.percentile(inside, (1.0, 99.0))
    if not high > low:
        high = low + 1.0
    return (float(low), 0.0), (float(high), 1.0)
