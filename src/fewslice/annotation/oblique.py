"""Planes oblique to the voxel grid in which outlines were drawn, as any viewer's oblique view has.

Each outline then touches several slices, of each only a strip. Strips that continue one another lie
within half a voxel of one plane; slices that were drawn next to each other do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray
from fewslice.volumes.region import Triple, bounding_region

Float64Array = npt.NDArray[np.float64]

# The voxels nearest to a plane deviate by .29 of a voxel (a uniform distribution), two full slices
# next to each other by .5.
_FLAT = 0.36
WIDE = 3.0  # times as far as across, at least, do outlines reach in a plane
WIDE_OF_STRIPS = 1.8  # the same where slices next to each other show no voxel in common
_GAP = 0.4  # of a voxel without anything drawn between two planes
_APART = 1.5  # voxels from one plane to the next
_LOOSE = 0.01  # of the drawn voxels; fewer are no plane
_EXPLAINED = 0.97  # of the drawn voxels; the others are slips of the hand
_LONGEST_RUN = 2.2  # voxels on average from one side of a sheet to the other
_MOST_POINTS = 3000
_CANDIDATES = 16
_SAME_NORMAL = 0.9998  # cosine of about a degree
_NEAREST = (20, 60, 200)
_NEAREST_SHARES = (0.1, 0.25)  # of the points: a patch has to reach from slice to slice
_MOST_PLANES = 40
SURE = 0.85  # of that thickness: a plane is known to a fraction of a voxel only
_FILLED = 0.99  # of the voxels inside of an outline, within the thickness of its plane


@dataclass(frozen=True)
class ObliquePlane:
    """A plane in voxel coordinates: `normal` @ (i, j, k) - `offset` is the height above it in mm.

    half: mm on either side within which voxels count as lying in the plane.
    """

    normal: tuple[float, float, float]
    offset: float
    half: float

    def heights(self, voxels: npt.NDArray[np.number]) -> Float64Array:
        """Return the height in mm of voxels (n, 3) above the plane."""
        found: Float64Array = np.asarray(voxels @ np.array(self.normal) - self.offset)
        return found

    def axis(self) -> int:
        """Return the array axis that runs most nearly across the plane, counted in voxels."""
        return int(np.abs(self.normal).argmax())

    def voxels(self, shape: Triple) -> npt.NDArray[np.intp]:
        """Return the voxels (n, 3) of a volume that lie in the plane."""
        axis = self.axis()
        rows, columns = (other for other in range(3) if other != axis)
        row, column = np.ogrid[: shape[rows], : shape[columns]]
        middle = self.offset - self.normal[rows] * row - self.normal[columns] * column
        ends = sorted(((-self.half) / self.normal[axis], self.half / self.normal[axis]))
        first = np.ceil(middle / self.normal[axis] + ends[0])
        found = []
        for step in range(1 + int(np.ceil(ends[1] - ends[0]))):
            at = first + step
            inside = (at <= middle / self.normal[axis] + ends[1]) & (at >= 0) & (at < shape[axis])
            places = np.argwhere(inside)
            found.append(np.insert(places, axis, at[inside].astype(np.intp), axis=1))
        return np.concatenate(found)

    def moved(self, by: Sequence[int]) -> ObliquePlane:
        """Return the plane in the coordinates of a part of the volume that starts there."""
        return replace(self, offset=self.offset - float(np.dot(self.normal, by)))

    @classmethod
    def of_slice(cls, axis: int, index: int, affine: Float64Array) -> ObliquePlane:
        """Return the plane of a slice across an array axis. affine: to mm."""
        apart = 1.0 / float(np.linalg.norm(np.linalg.inv(affine[:3, :3])[axis]))
        normal = [0.0, 0.0, 0.0]
        normal[axis] = apart
        return cls((normal[0], normal[1], normal[2]), index * apart, 0.25 * apart)

    def parallel(self, other: ObliquePlane) -> bool:
        """Whether two planes have one normal."""
        return bool(np.allclose(self.normal, other.normal, atol=1e-9))


def find_planes(
    drawn: BoolArray, affine: Float64Array, most: int, wide: float = WIDE
) -> tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]]:
    """Return the planes that drawn voxels lie in, and the voxels (n, 3) that lie in none.

    drawn: (i, j, k), something must be. affine: to mm. most: planes that may be needed. wide: how
    many times as far as across outlines have to reach in a plane. Planes that are parallel within
    half a voxel get the same normal. No plane if the drawn voxels are no thin flat sheets.
    """
    nothing: tuple[tuple[ObliquePlane, ...], npt.NDArray[np.intp]] = ((), np.zeros((0, 3), np.intp))
    box = bounding_region(drawn)
    if most < 1 or not _thin(drawn[box.slices]):
        return nothing
    voxels = np.argwhere(drawn[box.slices]) + np.array(box.start)
    steps = np.asarray(affine[:3, :3], dtype=np.float64)
    points = voxels @ steps.T
    sheets = _sheets(points, steps, min(most, _MOST_PLANES), wide)
    if not sheets:
        return nothing
    distance = np.abs([sheet.heights(points) / sheet.voxel for sheet in sheets])
    loose = distance.min(axis=0) > 1.0
    nearest = distance.argmin(axis=0)
    planes = tuple(
        _as_plane(sheet, steps, voxels[(nearest == number) & ~loose], drawn)
        for number, sheet in enumerate(sheets)
    )
    return planes, voxels[loose]


def _thin(drawn: BoolArray) -> bool:
    """Whether straight runs through what is drawn are short along some axis, as through a sheet."""
    total = np.count_nonzero(drawn)
    for axis in range(3):
        before = np.moveaxis(drawn, axis, 0)
        starts = np.count_nonzero(before[1:] & ~before[:-1]) + np.count_nonzero(before[0])
        if total <= _LONGEST_RUN * starts:
            return True
    return False


@dataclass(frozen=True, eq=False)
class _Sheet:
    """A plane in mm. voxel: how far a voxel reaches across it, mm."""

    normal: Float64Array
    offset: float
    voxel: float

    def heights(self, points: Float64Array) -> Float64Array:
        heights: Float64Array = points @ self.normal - self.offset
        return heights


def _reach(normal: Float64Array, steps: Float64Array) -> float:
    """Return how far a voxel reaches along a direction, in mm."""
    return float(np.abs(normal @ steps).sum())


def _sheets(points: Float64Array, steps: Float64Array, most: int, wide: float) -> list[_Sheet]:
    """Return parallel sheets that hold nearly all points, else sheets at several angles."""
    rng = np.random.default_rng(0)
    chosen = points
    if len(points) > _MOST_POINTS:
        chosen = points[rng.choice(len(points), _MOST_POINTS, replace=False)]
    normals = _different(_normals(chosen, steps, rng))
    families = (_family(chosen, normal, steps, wide) for normal in normals)
    usable = [family for family in families if 0 < len(family) <= most]
    if usable:
        return min(usable, key=lambda family: (len(family), _deviation(chosen, family)))
    return _several(chosen, steps, most, wide, rng)


def _deviation(points: Float64Array, sheets: Sequence[_Sheet]) -> float:
    heights = np.abs([sheet.heights(points) for sheet in sheets]).min(axis=0)
    return float(np.sqrt((heights**2).mean()))


def _normals(
    points: Float64Array, steps: Float64Array, rng: np.random.Generator
) -> Iterator[Float64Array]:
    """Yield normals of the surroundings of some points, and of what lies between empty slices."""
    voxels = np.rint(points @ np.linalg.inv(steps.T))
    for axis in range(3):
        numbers = _clusters(voxels[:, axis], 1.5)
        yield _common_normal([points[numbers == number] for number in range(numbers.max() + 1)])
        for number in range(min(int(numbers.max()) + 1, _MOST_PLANES)):
            if np.count_nonzero(numbers == number) > 6:
                yield _axes(points[numbers == number])[1][0]
    for at in rng.choice(len(points), min(_CANDIDATES, len(points)), replace=False):
        for near in _patches_around(points, points[at]):
            yield _axes(near)[1][0]


def _axes(points: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return variances along the principal axes of points, ascending, and the axes as rows."""
    around = points - points.mean(axis=0)
    variances, axes = np.linalg.eigh(around.T @ around / len(points))
    return np.maximum(variances, 0.0), axes.T


def _family(
    points: Float64Array, normal: Float64Array, steps: Float64Array, wide: float
) -> list[_Sheet]:
    """Return parallel sheets near a normal that hold nearly all points; none if there are none."""
    for _ in range(4):
        normal = _common_normal(_between_gaps(points, normal, steps))
    groups, voxel = _between_gaps(points, normal, steps), _reach(normal, steps)
    flat = [group for group in groups if _is_flat(group @ normal, voxel)]
    if sum(map(len, flat)) < _EXPLAINED * len(points):
        return []
    if sum(len(group) for group in flat if _is_wide(group, normal, wide)) < 0.7 * len(points):
        return []
    middles = [
        float((group @ normal).mean()) for group in flat if len(group) > _LOOSE * len(points)
    ]
    sheets = [_Sheet(normal, middle, voxel) for middle in middles]
    return sheets if _apart(sheets) else []


def _apart(sheets: Sequence[_Sheet]) -> bool:
    """Whether parallel sheets leave room between them, which layers of voxels do not."""
    return not any(
        np.allclose(one.normal, other.normal, atol=1e-9)
        and abs(one.offset - other.offset) < _APART * one.voxel
        for number, one in enumerate(sheets)
        for other in sheets[:number]
    )


def _common_normal(groups: Sequence[Float64Array]) -> Float64Array:
    """Return the direction along which points vary least within their groups."""
    around = np.concatenate([group - group.mean(axis=0) for group in groups])
    normal: Float64Array = np.linalg.eigh(around.T @ around)[1][:, 0]
    return normal


def _between_gaps(
    points: Float64Array, normal: Float64Array, steps: Float64Array
) -> list[Float64Array]:
    """Return points in groups with a gap between them along a direction.

    What lies nearer than planes do is one group: strips of a plane along a normal a little aside.
    """
    voxel = _reach(normal, steps)
    numbers = _clusters(points @ normal, _GAP * voxel)
    groups: list[Float64Array] = []
    for number in range(numbers.max() + 1):
        own = points[numbers == number]
        if groups and (own.mean(axis=0) - groups[-1].mean(axis=0)) @ normal < _APART * voxel:
            groups[-1] = np.concatenate([groups[-1], own])
        else:
            groups.append(own)
    return groups


def _clusters(heights: Float64Array, gap: float) -> npt.NDArray[np.intp]:
    """Return numbers of the groups that heights fall into, a new one after each gap."""
    order = np.argsort(heights, kind="stable")
    numbers = np.empty(len(heights), dtype=np.intp)
    numbers[order] = np.concatenate([[0], np.cumsum(np.diff(heights[order]) > gap)])
    return numbers


def _is_flat(heights: Float64Array, voxel: float) -> bool:
    return float(heights.std()) <= _FLAT * voxel


def _is_wide(points: Float64Array, normal: Float64Array, wide: float) -> bool:
    """Whether points reach much farther along a plane, both ways, than across it."""
    if len(points) < 12:
        return False
    across = float((points @ normal).std())
    around = points - points.mean(axis=0)
    along = around - np.outer(around @ normal, normal)
    variances = np.linalg.eigvalsh(along.T @ along / len(points))
    return float(np.sqrt(max(variances[1], 0.0))) >= wide * max(across, 1e-9)


def _several(
    points: Float64Array,
    steps: Float64Array,
    most: int,
    wide: float,
    rng: np.random.Generator,
) -> list[_Sheet]:
    """Return sheets at several angles: the one that holds most of what is left, one by one."""
    left = points
    found: list[_Sheet] = []
    least = max(12.0, 0.02 * len(points))
    while len(left) > (1 - _EXPLAINED) * len(points):
        fits = _fits(left, steps, rng)
        held = [np.abs(fit.heights(left)) <= 0.6 * fit.voxel for fit in fits]
        good = [
            (int(inside.sum()), fit)
            for fit, inside in zip(fits, held, strict=True)
            if inside.sum() >= least
            and _is_flat(left[inside] @ fit.normal, fit.voxel)
            and _is_wide(left[inside], fit.normal, wide)
        ]
        if not good or len(found) == most:
            return []
        best = max(good, key=lambda item: item[0])[1]
        found.append(best)
        left = left[np.abs(best.heights(left)) > 0.75 * best.voxel]
    sheets = _with_common_normals(points, found, steps)
    return sheets if _apart(sheets) else []


def _fits(points: Float64Array, steps: Float64Array, rng: np.random.Generator) -> list[_Sheet]:
    """Return planes grown from patches, from each that does not lie in one of them already."""
    found: list[_Sheet] = []
    for normal, middle in _patches(points, rng):
        if not any(
            abs(one.normal @ normal) > _SAME_NORMAL
            and abs(float(one.heights(middle))) < 0.5 * one.voxel
            for one in found
        ):
            found.append(_grown(points, normal, middle, steps))
    return found


def _patches(
    points: Float64Array, rng: np.random.Generator
) -> Iterator[tuple[Float64Array, Float64Array]]:
    """Yield the normal and the middle of the surroundings of some points."""
    for at in rng.choice(len(points), min(_CANDIDATES, len(points)), replace=False):
        for near in _patches_around(points, points[at]):
            yield _axes(near)[1][0], near.mean(axis=0)


def _different(normals: Iterator[Float64Array]) -> Iterator[Float64Array]:
    """Yield normals without those that are like an earlier one."""
    seen: list[Float64Array] = []
    for normal in normals:
        if not seen or np.abs(np.array(seen) @ normal).max() < _SAME_NORMAL:
            seen.append(normal)
            yield normal


def _patches_around(points: Float64Array, middle: Float64Array) -> Iterator[Float64Array]:
    """Yield the points nearest to one of them, more and more."""
    distance = ((points - middle) ** 2).sum(axis=1)
    for count in (*_NEAREST, *(int(share * len(points)) for share in _NEAREST_SHARES)):
        if 6 < count < len(points):
            yield points[np.argpartition(distance, count)[:count]]


def _grown(
    points: Float64Array, normal: Float64Array, middle: Float64Array, steps: Float64Array
) -> _Sheet:
    """Fit a plane by least squares to what lies near it, farther and farther from a point."""
    distance = np.sqrt(((points - middle) ** 2).sum(axis=1))
    reach = 8 * _reach(normal, steps)
    for factor in (1, 2, 4, 8, np.inf, np.inf):
        voxel = _reach(normal, steps)
        near = (np.abs((points - middle) @ normal) <= 0.6 * voxel) & (distance <= factor * reach)
        if np.count_nonzero(near) < 6:
            break
        middle = points[near].mean(axis=0)
        normal = _axes(points[near])[1][0]
    return _Sheet(normal, float(middle @ normal), _reach(normal, steps))


def _with_common_normals(
    points: Float64Array, sheets: list[_Sheet], steps: Float64Array
) -> list[_Sheet]:
    """Give sheets that are parallel within half a voxel the normal of the fullest of them."""
    nearest = np.abs([sheet.heights(points) for sheet in sheets]).argmin(axis=0)
    groups = [points[nearest == number] for number in range(len(sheets))]
    order = sorted(range(len(sheets)), key=lambda number: -len(groups[number]))
    normals: list[Float64Array] = []
    found = []
    for number in order:
        group = groups[number]
        if not len(group):
            continue
        fitting = [n for n in normals if _is_flat(group @ n, _reach(n, steps))]
        normal = fitting[0] if fitting else sheets[number].normal
        if not fitting:
            normals.append(normal)
        found.append(_Sheet(normal, float((group @ normal).mean()), _reach(normal, steps)))
    return found


def _as_plane(
    sheet: _Sheet, steps: Float64Array, own: npt.NDArray[np.intp], drawn: BoolArray
) -> ObliquePlane:
    """Return a sheet in voxel coordinates, as thick as its outlines are filled."""
    normal = sheet.normal @ steps
    if normal[np.abs(normal).argmax()] < 0:
        normal, offset = -normal, -sheet.offset
    else:
        offset = sheet.offset
    i, j, k = (float(part) for part in normal)
    plane = ObliquePlane((i, j, k), offset, 0.5 * sheet.voxel)
    return replace(plane, half=_filled_half(plane, sheet.voxel, own, drawn))


def _filled_half(
    plane: ObliquePlane, voxel: float, own: npt.NDArray[np.intp], drawn: BoolArray
) -> float:
    """Return within how many mm of a plane nearly every voxel inside of its outlines is drawn.

    Voxels farther away than that say nothing where they are 0.
    """
    least = 0.3 * voxel
    if not len(own):
        return least
    axis = plane.axis()
    others = [other for other in range(3) if other != axis]
    start = own.min(axis=0)
    shape = own.max(axis=0) - start + 1
    outline = np.zeros(shape[others], dtype=bool)
    outline[tuple((own - start)[:, others].T)] = True
    for side in (0, 1):  # without its rim, where a voxel may well be outside
        outline &= np.roll(outline, 1, side) & np.roll(outline, -1, side)
    moved = plane.moved([int(part) for part in start])
    near = moved.voxels((int(shape[0]), int(shape[1]), int(shape[2])))
    near = near[outline[tuple(near[:, others].T)]]
    if not len(near):
        return least
    heights = np.abs(moved.heights(near))
    there = drawn[tuple((near + start).T)]
    halves = [part * voxel for part in (0.5, 0.45, 0.4, 0.35)]
    for half in halves:
        inside = heights <= half
        if inside.any() and there[inside].mean() >= _FILLED:
            return SURE * half
    return least
