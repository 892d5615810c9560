"""Support scans laid over a new scan as a whole: the best of all shifts, then an affine map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.engines.atlas.registration import (
    as_array,
    as_image,
    averaged,
    best_shift,
    correlation,
    fitted_affine,
    grid_of,
    resampled,
    shifted,
    thumbnail,
)
from fewslice.engines.base import Scan, SupportScan
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.typing import Float64Array
from fewslice.volumes.region import Region

if TYPE_CHECKING:
    import SimpleITK


@dataclass(frozen=True)
class AtlasSettings:
    """How scans are laid over one another; the defaults were chosen on training scans.

    thumbnail, whole, close: most voxels for finding the shift, for the whole scan, and around the
    structures. margin: around them, as a fraction of their size, and least_margin, as a fraction of
    the scan's longest side. least_correlation: of a support scan that is used; least_share, of what
    the best one has; least_overlap, with the scan, as a fraction of the smaller of both.
    iterations, stiffness: see `fitted_deformation`. width: of the cube that is compared for voting,
    in voxels, and power of the correlation there.
    """

    thumbnail: int = 12_000
    whole: int = 120_000
    close: int = 80_000
    margin: float = 0.35
    least_margin: float = 0.08
    least_correlation: float = 0.3
    least_share: float = 0.6
    least_overlap: float = 0.2
    iterations: tuple[int, int] = (40, 30)
    stiffness: float = 1.0
    width: int = 5
    power: float = 4.0


@dataclass(frozen=True, eq=False)
class LabelledScan:
    """A support scan whose every voxel says something.

    labels: (i, j, k), class numbers of the structures asked for from 1, 0 for all else, -1 unknown.
    held: numbers (from 0) of the structures it holds.
    """

    scan: Scan
    labels: npt.NDArray[np.int16]
    held: tuple[int, ...]


def filled_in(support: SupportScan, values: tuple[int, ...]) -> LabelledScan | None:
    """Return a support scan with every slice filled in; None if it holds none of the values."""
    annotation = support.annotation
    held = tuple(n for n, value in enumerate(values) if value in annotation.drawn_values)
    if not held:
        return None
    known = annotation.known()
    answer = np.zeros(annotation.labels.shape, dtype=annotation.labels.dtype)
    whole = any(len(annotation.along(axis)) == answer.shape[axis] for axis in annotation.axes)
    if not whole:
        found = Interpolation().prepare(support.scan).predict(annotation)
        classes = np.array(found.values, dtype=answer.dtype)
        answer[found.region.slices] = classes[found.probability.argmax(axis=0)]
    answer[known] = annotation.labels[known]
    labels = np.zeros(answer.shape, dtype=np.int16)
    for number, value in enumerate(values, start=1):
        labels[answer == value] = number
    if whole:
        labels[~known] = -1
    held = tuple(n for n in held if (labels == n + 1).any())
    return LabelledScan(support.scan, labels, held) if held else None


@dataclass(frozen=True, eq=False)
class AlignedAtlas:
    """An atlas and the affine map that takes points of the new scan to points of it, in mm from the
    middles of both. correlation: of the two scans where they overlap, -1 to 1; 0 if they hardly do.
    """

    atlas: LabelledScan
    transform: SimpleITK.AffineTransform
    correlation: float


def align_atlas(
    fixed: SimpleITK.Image, atlas: LabelledScan, settings: AtlasSettings
) -> AlignedAtlas:
    """Lay an atlas over the whole scan: the best of all shifts, then an affine map."""
    scan = atlas.scan
    grid = grid_of(Region((0, 0, 0), scan.shape), scan.spacing, settings.whole)
    moving = as_image(averaged(scan, grid), grid, scan.shape)
    sides = np.array(fixed.GetSize()) * fixed.GetSpacing()
    step = max(
        float((np.prod(sides) / settings.thumbnail) ** (1 / 3)),
        min(fixed.GetSpacing()),
        min(moving.GetSpacing()),
    )
    shift, _ = best_shift(thumbnail(fixed, step), thumbnail(moving, step))
    # Turning about the structures keeps them in place, wherever else the bodies differ.
    centre = points_of(atlas, atlas.held).mean(axis=0) - shift
    start = shifted(shift, np.clip(centre, -sides / 2, sides / 2))
    found = fitted_affine(fixed, moving, start)
    inside = as_array(resampled(ones_like(moving), fixed, found)) > 0.5
    shared = np.count_nonzero(inside) * np.prod(fixed.GetSpacing())
    if shared < settings.least_overlap * min(_volume(fixed), _volume(moving)):
        return AlignedAtlas(atlas, found, 0.0)
    likeness = correlation(as_array(fixed), as_array(resampled(moving, fixed, found)), inside)
    return AlignedAtlas(atlas, found, likeness)


def _volume(image: SimpleITK.Image) -> float:
    return float(np.prod(image.GetSpacing()) * np.prod(image.GetSize()))


def ones_like(image: SimpleITK.Image) -> SimpleITK.Image:
    """Return ones on the grid of an image."""
    import SimpleITK

    ones = SimpleITK.Image(image.GetSize(), SimpleITK.sitkFloat32) + 1
    ones.CopyInformation(image)
    return ones


def points_of(atlas: LabelledScan, numbers: Sequence[int], most: int = 2000) -> Float64Array:
    """Return where some voxels of structures lie, (point, axis), mm from the scan's middle."""
    places = np.argwhere(np.isin(atlas.labels, [number + 1 for number in numbers]))
    places = places[:: max(1, len(places) // most)]
    middle = (np.array(atlas.scan.shape) - 1) / 2
    return np.asarray((places - middle) * atlas.scan.spacing, dtype=np.float64)


def usable(aligned: Sequence[AlignedAtlas], settings: AtlasSettings) -> tuple[AlignedAtlas, ...]:
    """Return the atlases that correlate with the scan."""
    best = max((each.correlation for each in aligned), default=0.0)
    least = max(settings.least_correlation, settings.least_share * best)
    return tuple(each for each in aligned if each.correlation >= least)


def transform_points(transform: SimpleITK.AffineTransform, points: Float64Array) -> Float64Array:
    """Return points (point, axis) after an affine map."""
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    return np.asarray((points - centre) @ matrix.T + centre + shift, dtype=np.float64)
