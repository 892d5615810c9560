"""Carrying labels over from support scans by registration: multi-atlas label propagation.

Every support scan is laid over the new scan, first as a whole (every shift is tried, then an affine
map is fitted), then closely around where the structures came to lie (affine, then a deformation).
Their labels vote, each with a weight that grows with how well the support scan correlates with the
new one at that place (locally weighted voting, Artaechevarria 2009; review: Iglesias and Sabuncu
2015). Support scans that do not correlate with the new one are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fewslice.engines.atlas.alignment import (
    AlignedAtlas,
    AtlasSettings,
    align_atlas,
    filled_in,
    ones_like,
    points_of,
    transform_points,
    usable,
)
from fewslice.engines.atlas.registration import (
    as_array,
    as_image,
    averaged,
    fitted_affine,
    fitted_deformation,
    grid_of,
    grid_of_step,
    local_correlation,
    matched_intensities,
    resampled,
)
from fewslice.engines.base import Progress, Scan, SupportScan, silent
from fewslice.typing import BoolArray, Float32Array, Float64Array
from fewslice.volumes.intensity_range import sliver
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    import SimpleITK


@dataclass(frozen=True, eq=False)
class FusedLabels:
    """What the support scans say of structures that lie close to each other.

    grid: over their surroundings. values: their labels. probability: float32
    (structure, i, j, k) on the grid, 0 to 1, at most 1 over the structures. agreement: of each
    structure, 0 to 1, the mean Dice of what single support scans say with what all say; 1 if there
    is only one. voters: how many support scans had a say, of each structure.
    """

    grid: WorkingGrid
    values: tuple[int, ...]
    probability: Float32Array
    agreement: tuple[float, ...]
    voters: tuple[int, ...]


def fuse_labels(
    scan: Scan,
    support: Sequence[SupportScan],
    values: tuple[int, ...],
    progress: Progress = silent,
    settings: AtlasSettings | None = None,
) -> tuple[FusedLabels, ...]:
    """Return where support scans say the structures of these labels are; one vote per place.

    A support scan votes on the structures it holds and on no others. One that is annotated on some
    slices only is completed by interpolation first. A structure that no usable support scan holds
    is in none of the votes.
    """
    settings = settings or AtlasSettings()
    atlases = [atlas for each in support if (atlas := filled_in(each, values)) is not None]
    aligned = []
    grid = grid_of(Region((0, 0, 0), scan.shape), scan.spacing, settings.whole)
    fixed = as_image(averaged(scan, grid), grid, scan.shape)
    for number, atlas in enumerate(atlases, start=1):
        aligned.append(align_atlas(fixed, atlas, settings))
        progress(0.3 * number / len(atlases))
    used = usable(aligned, settings)
    groups = _groups(scan, used, values, settings)
    fused_labels = []
    for number, (region, numbers) in enumerate(groups):
        share = 0.7 / len(groups)
        done = 0.3 + number * share
        fused_labels.append(
            _fused(
                scan,
                region,
                (used, numbers, values),
                settings,
                lambda part, done=done, share=share: progress(done + share * part),  # type: ignore[misc]
            )
        )
    progress(1.0)
    return tuple(fused_labels)


def _groups(
    scan: Scan, aligned: Sequence[AlignedAtlas], values: tuple[int, ...], settings: AtlasSettings
) -> list[tuple[Region, list[int]]]:
    """Return the places to look at closely, and the numbers of the structures at each.

    Structures share a place if that is hardly larger than the places of their own.
    """
    groups: list[tuple[Float64Array, list[int]]] = []
    for number in range(len(values)):
        box = _box(aligned, number)
        if box is None:
            continue
        box = _with_margin(scan, box, settings)
        for at, (other, numbers) in enumerate(groups):
            joined = np.stack([np.minimum(box[0], other[0]), np.maximum(box[1], other[1])])
            if _size(joined) < 1.3 * max(_size(box), _size(other)):
                groups[at] = (joined, [*numbers, number])
                break
        else:
            groups.append((box, [number]))
    return [(_region(scan, box), numbers) for box, numbers in groups]


def _size(box: Float64Array) -> float:
    return float(np.prod(box[1] - box[0]))


def _box(aligned: Sequence[AlignedAtlas], number: int) -> Float64Array | None:
    """Return the first and last corner, (2, axis) in mm, of where most atlases put a structure."""
    boxes = []
    for each in aligned:
        if number in each.atlas.held:
            points = transform_points(each.transform.GetInverse(), points_of(each.atlas, [number]))
            boxes.append([points.min(axis=0), points.max(axis=0)])
    if not boxes:
        return None
    low, high = np.quantile(np.array(boxes), [0.25, 0.75], axis=0)
    return np.stack([low[0], high[1]])


def _with_margin(scan: Scan, box: Float64Array, settings: AtlasSettings) -> Float64Array:
    sides = np.array(scan.shape) * scan.spacing
    margin = np.maximum(settings.margin * (box[1] - box[0]), settings.least_margin * sides.max())
    # What lies outside of the scan altogether is looked for at its border.
    low = np.clip(box[0] - margin, -sides / 2, sides / 2 - np.minimum(2 * margin, sides))
    high = np.clip(box[1] + margin, low + np.minimum(2 * margin, sides), sides / 2)
    return np.stack([low, np.maximum(high, low)])


def _region(scan: Scan, box: Float64Array) -> Region:
    """Return the voxels of a scan within a box in mm from its middle; at least one."""
    edges = box / scan.spacing + np.array(scan.shape) / 2
    start = np.clip(np.floor(edges[0] + 1e-6), 0, np.array(scan.shape) - 1).astype(int)
    stop = np.clip(np.ceil(edges[1] - 1e-6), start + 1, scan.shape).astype(int)
    (a, b, c), (d, e, f) = start.tolist(), stop.tolist()
    return Region((a, b, c), (d, e, f))


def _fused(
    scan: Scan,
    region: Region,
    asked: tuple[tuple[AlignedAtlas, ...], list[int], tuple[int, ...]],
    settings: AtlasSettings,
    progress: Progress,
) -> FusedLabels:
    """Lay the atlases that hold these structures over a place closely, and let them vote."""
    aligned, numbers, values = asked
    voters = [each for each in aligned if set(numbers) & set(each.atlas.held)]
    grid = grid_of(region, scan.spacing, settings.close)
    fixed = _Seen.of(scan, grid, None)
    shape = (len(numbers), *grid.shape)
    total, weights = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    warped: list[list[Float32Array]] = [[] for _ in numbers]
    for count, each in enumerate(voters, start=1):
        labels, weight = _warped_labels(fixed, each, numbers, settings)
        for at, number in enumerate(numbers):
            if number in each.atlas.held:
                total[at] += weight * labels[at]
                weights[at] += weight
                warped[at].append(labels[at])
        progress(count / len(voters))
    probability = np.asarray(total / np.maximum(weights, 1e-6), dtype=np.float32)
    probability /= np.maximum(probability.sum(axis=0), 1)
    return FusedLabels(
        grid,
        tuple(values[number] for number in numbers),
        probability,
        tuple(_agreement(cast, mean) for cast, mean in zip(warped, probability, strict=True)),
        tuple(len(cast) for cast in warped),
    )


def _agreement(warped: Sequence[Float32Array], all_of_them: Float32Array) -> float:
    """Return the mean soft Dice of single warped labels with the result."""
    found = []
    for one in warped:
        both = float(np.minimum(one, all_of_them).sum())
        total = float(one.sum() + all_of_them.sum())
        found.append(2 * both / total if total > 0 else 0.0)
    return float(np.mean(found)) if found else 0.0


@dataclass(frozen=True, eq=False)
class _Seen:
    """A scan on a grid: image, float32 of about 0 to 1, and the channels (channel, i, j, k)."""

    scan: Scan
    grid: WorkingGrid
    channels: Float32Array
    image: SimpleITK.Image

    @classmethod
    def of(cls, scan: Scan, grid: WorkingGrid, levels: Float64Array | None) -> _Seen:
        """See a scan on a grid. levels: (channel, 2), what becomes 0 and 1; None for its own."""
        channels = np.stack(
            [grid.down(each[grid.region.slices].astype(np.float32)) for each in scan.channels]
        )
        if levels is None:
            levels = np.stack([np.percentile(each, [2, 98]) for each in channels])
        scaled = np.mean(
            [
                np.clip((values - low) / max(high - low, sliver(low, high, values)), -0.1, 1.1)
                for values, (low, high) in zip(channels, levels, strict=True)
            ],
            axis=0,
        )
        return cls(scan, grid, channels, as_image(scaled, grid, scan.shape))


def _warped_labels(
    fixed: _Seen, aligned: AlignedAtlas, numbers: Sequence[int], settings: AtlasSettings
) -> tuple[Float32Array, Float32Array]:
    """Return what an atlas says of structures, (structure, i, j, k) from 0 to 1, and its weight.

    The weight, (i, j, k), is 0 where the atlas knows nothing.
    """
    import SimpleITK

    atlas = aligned.atlas
    grid = grid_of_step(
        _region(atlas.scan, _seen_from(fixed, aligned)),
        atlas.scan.spacing,
        max(min(fixed.grid.spacing), min(atlas.scan.spacing)),
    )
    moving = _Seen.of(atlas.scan, grid, _levels(fixed, aligned, grid))
    affine = fitted_affine(fixed.image, moving.image, aligned.transform)
    ones = ones_like(moving.image)
    inside = as_array(resampled(ones, fixed.image, affine)) > 0.5
    target = as_array(fixed.image)
    if not inside.any():
        nothing = np.zeros((len(numbers), *target.shape), dtype=np.float32)
        return nothing, nothing[0]
    laid = as_array(resampled(moving.image, fixed.image, affine))
    laid = np.where(inside, matched_intensities(laid, target, inside), target)
    aligned = as_image(laid, fixed.grid, fixed.scan.shape)
    bent = fitted_deformation(fixed.image, aligned, settings.iterations, settings.stiffness)
    both = SimpleITK.CompositeTransform([affine, bent])
    labels = atlas.labels[grid.region.slices]

    def carried(mask: BoolArray) -> Float32Array:
        image = as_image(grid.down(mask.astype(np.float32)), grid, atlas.scan.shape)
        return as_array(resampled(image, fixed.image, both))

    known = carried(labels >= 0)
    likeness = local_correlation(
        target, as_array(resampled(aligned, fixed.image, bent)), known, settings.width
    )
    share = np.maximum(known, 1e-3)
    said = [np.clip(carried(labels == number + 1) / share, 0, 1) for number in numbers]
    return np.stack(said), (likeness**settings.power + np.float32(1e-4)) * known


def _seen_from(fixed: _Seen, aligned: AlignedAtlas) -> Float64Array:
    """Return the box, (2, axis) in mm from the atlas's middle, of what lies over the fixed grid."""
    low = np.array(fixed.image.GetOrigin()) - np.array(fixed.image.GetSpacing()) / 2
    high = low + np.array(fixed.image.GetSize()) * fixed.image.GetSpacing()
    choices = np.stack([low, high])
    corners = np.array(
        [[choices[a, 0], choices[b, 1], choices[c, 2]] for a, b, c in np.ndindex(2, 2, 2)]
    )
    there = transform_points(aligned.transform, corners)
    margin = 0.15 * (high - low)
    return np.stack([there.min(axis=0) - margin, there.max(axis=0) + margin])


def _levels(fixed: _Seen, aligned: AlignedAtlas, grid: WorkingGrid) -> Float64Array:
    """Return (channel, 2): the 2nd and 98th percentile of what an atlas has over the fixed grid."""
    scan = aligned.atlas.scan
    found = []
    for channel in scan.channels:
        values = grid.down(channel[grid.region.slices].astype(np.float32))
        image = as_image(values, grid, scan.shape)
        inside = as_array(resampled(ones_like(image), fixed.image, aligned.transform)) > 0.5
        laid = as_array(resampled(image, fixed.image, aligned.transform))
        found.append(np.percentile(laid[inside] if inside.any() else values, [2, 98]))
    return np.stack(found)
