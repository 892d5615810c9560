"""How far a structure reaches beyond the last slice on which it was drawn, and how sure that is.

People draw slices evenly, to cover a structure, one after the other, or where they happen to be.
Slices that are spread evenly leave about half a gap at either end. Otherwise the outlines tell:
where the last one is hardly smaller than the widest, the structure goes on for about its radius,
and for two where the slices are bunched, since people begin in the middle; where it is much
smaller, the end is near.
So it is in the labels of the training scans, from which the rules below were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.interpolation.slice_shapes import SliceShape


@dataclass(frozen=True)
class EndCapSettings:
    """How long caps are beyond the last drawn slice, and how far to trust that.

    per_radius: length of the cap in radii of the circle of the same area, with one slice drawn.
    per_gap: in mean distances between drawn slices that are spread evenly over at least `covers`
    radii. per_gap_otherwise, per_last_radius, per_radius_bunched: if they are not, the cap is the
    longest of so many mean distances, so many radii times the fifth power of the last radius over
    the widest, and, unless they are spread evenly over at least `spread` radii, so many radii less
    half of what the slices cover, times the square of that ratio. in_turn: neighbours nearer to
    one another than so many radii were not spread, but drawn one after the other, unless they
    cover in_turn_covers radii: almost all of a structure was drawn. least_radii: no cap is shorter.
    doubt_of_one, doubt: by how many mm the outline may be off for every mm beyond the only drawn
    slice, and beyond the last of several that are not evenly spaced and as wide as any. far: where
    these lie more than so many radii apart, doubt falls with the square of their distance: people
    spread slices over long structures. per_gap_between: length, in the distance to the next slice,
    of the cap of a piece that this does not hold: an ellipsoid of that length has about ended
    half-way.
    """

    per_radius: float = 1.5
    per_gap: float = 0.75
    covers: float = 1.5
    spread: float = 0.75
    in_turn: float = 0.5
    in_turn_covers: float = 2.25
    per_gap_otherwise: float = 0.5
    per_last_radius: float = 1.0
    per_radius_bunched: float = 2.0
    least_radii: float = 0.2
    doubt_of_one: float = 2.0
    doubt: float = 3.0
    far: float = 7.0
    per_gap_between: float = 0.6


@dataclass(frozen=True)
class Cap:
    """The expected end: length in mm beyond the last drawn slice; doubt in mm for every mm."""

    length: float
    doubt: float


def expected_cap(
    positions: npt.NDArray[np.float64],
    areas: npt.NDArray[np.float64],
    step: float,
    settings: EndCapSettings,
) -> Cap:
    """Return how a structure is expected to go on beyond the last of its drawn slices.

    positions: mm along the axis of the slices that hold it, float64 (slice,), in order, the last
    one at the end that is asked about; they may rise or fall. areas: mm², float64 (slice,).
    step: mm between neighbouring slices of the scan; the cap is at least one and a half, but
    where slices are spread evenly and more than two of seven were left out: those who leave out
    slices within a structure seldom leave out any beyond the last.
    """
    mean_radius = _mean_radius(areas)
    least = max(settings.least_radii * mean_radius, 1.5 * step)
    if len(positions) == 1:
        return Cap(max(settings.per_radius * mean_radius, least), settings.doubt_of_one)
    gaps = np.abs(np.diff(positions))
    covered = _covered_evenly(positions, areas, step, settings)
    if covered >= settings.covers and _telling(gaps, step):
        gap = float(gaps.mean())
        if gap > 1.4 * step:
            least = settings.least_radii * mean_radius
        return Cap(max(settings.per_gap * gap, least), 0.0)
    ratio = float(np.sqrt(areas[-1] / areas.max()))
    narrowed = ratio**5
    length = max(
        settings.per_gap_otherwise * float(gaps.mean()),
        settings.per_last_radius * mean_radius * narrowed,
        least,
    )
    if covered < settings.spread:
        bunched = settings.per_radius_bunched * mean_radius - float(gaps.sum()) / 2
        length = max(length, bunched * ratio**2)
    spread = min(1.0, settings.far * mean_radius / float(gaps.mean())) ** 2
    return Cap(length, settings.doubt * narrowed * spread)


def _mean_radius(areas: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(areas.mean() / np.pi))


def _covered_evenly(
    positions: npt.NDArray[np.float64],
    areas: npt.NDArray[np.float64],
    step: float,
    settings: EndCapSettings,
) -> float:
    """Return over how many radii slices, three or more, are spread evenly; 0 if they are not.

    Gaps may differ by a slice, since slices are whole. Each slice covers one gap.
    """
    if len(positions) < 3:
        return 0.0
    gaps = np.abs(np.diff(positions))
    mean = float(gaps.mean())
    if np.ptp(gaps) > max(1.01 * step, mean / 3):
        return 0.0
    between = mean / _mean_radius(areas)
    covered = between * len(positions)
    neighbours = float(gaps.max()) < 1.5 * step
    in_turn = between < settings.in_turn and covered < settings.in_turn_covers
    return 0.0 if neighbours and in_turn else covered


def _telling(gaps: npt.NDArray[np.float64], step: float) -> bool:
    """Whether even gaps say anything: two that are narrower than two slices do not."""
    return len(gaps) > 2 or float(gaps.mean()) >= 1.99 * step


def tapered(
    distances: npt.NDArray[np.float32], beyond: float, length: float
) -> npt.NDArray[np.float32]:
    """Shrink an outline: at `length` mm beyond its slice the structure has ended.

    distances: signed distance in mm, float32 (rows, columns). Up to there the outline follows an
    ellipsoid cap; past the end the distance goes on falling, so that strong intensities may still
    speak up close to the end, but not far from it.
    """
    radius = max(float(distances.max()), 0.0)
    part = beyond / length
    fallen = radius * (1 - np.sqrt(1 - part**2)) if part <= 1 else radius * (1 + 6 * (part - 1))
    result: npt.NDArray[np.float32] = distances - np.float32(fallen)
    return result


@dataclass(frozen=True, eq=False)
class Extent:
    """Where something was drawn: positions and areas as `expected_cap` takes them."""

    positions: npt.NDArray[np.float64]
    areas: npt.NDArray[np.float64]

    @classmethod
    def of(cls, shapes: Sequence[SliceShape], number: int, step: float, *, above: bool) -> Extent:
        """Return where a structure is drawn on slices of one plane, those that hold it.

        above: whether its end above the last slice is asked about, or below the first. step: mm
        from slice to slice.
        """
        drawn = sorted(shapes, key=lambda shape: shape.index, reverse=not above)
        drawn = [shape for shape in drawn if shape.present[number]]
        positions = np.array([shape.index * step for shape in drawn])
        return cls(positions, np.array([shape.area[number] for shape in drawn]))

    def cap(self, step: float, settings: EndCapSettings) -> Cap:
        """Return how it is expected to go on (see `expected_cap`)."""
        return expected_cap(self.positions, self.areas, step, settings)

    def spread_evenly(self, step: float, settings: EndCapSettings) -> bool:
        """Whether slices look as if they had been spread over the structure evenly."""
        covered = _covered_evenly(self.positions, self.areas, step, settings)
        return covered >= settings.spread


def piece_cap(piece: Extent, whole: Extent, step: float, settings: EndCapSettings) -> Cap:
    """Return how one piece of a structure is expected to go on beyond the last slice.

    piece: the slices that the piece was followed over, whole: all that hold the structure; both end
    with the last slice. With one drawn slice a piece says too little of how far it goes, and all of
    them together too much: the length is the geometric mean. A piece on the last of several slices
    only is not stretched as far as the structure might be.
    """
    own, together = piece.cap(step, settings), whole.cap(step, settings)
    if len(whole.positions) == 1:
        return Cap(float(np.sqrt(own.length * together.length)), own.doubt)
    if len(piece.positions) == 1:
        return Cap(min(own.length, together.length), own.doubt)
    return together if together.doubt == 0 else own


def cap_between(gap: float, area: float | None, step: float, settings: EndCapSettings) -> Cap:
    """Return how a piece ends between its slice and the next one, which does not hold it.

    gap: mm between the slices. area: in mm², of a piece that is on no other slice either, which is
    not stretched beyond its own cap; None for others.
    """
    length = settings.per_gap_between * gap
    if area is not None:
        radius = float(np.sqrt(area / np.pi))
        length = min(length, max(settings.per_radius * radius, 1.5 * step))
    return Cap(length, 0.0)
