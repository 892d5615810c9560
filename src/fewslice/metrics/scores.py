"""The scores of one structure: all measures at once, on a whole volume or without some slices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from fewslice.errors import GeometryError, InputError
from fewslice.metrics.overlap import dice
from fewslice.metrics.surface import (
    Spacing,
    SurfaceDistances,
    hd95,
    mean_surface_distance,
    surface_dice,
    surface_distances,
)
from fewslice.typing import BoolArray


@dataclass(frozen=True)
class Scores:
    """How well a prediction agrees with a reference.

    dice: 0 to 1. hd95: mm, 95th percentile Hausdorff distance. mean_surface_distance: mm, mean over
    both surfaces. surface_dice: 0 to 1, share of both surfaces within the tolerance.

    Both masks empty is agreement: 1, 0 mm, 0 mm, 1. One empty is the worst there is: 0, diagonal,
    diagonal, 0, with the diagonal of the volume in mm. No two surfaces in the volume are further
    apart than its diagonal, so a missed structure never scores better than a misplaced one, and
    means over structures stay finite; leaving such cases out of a mean would reward missing them.
    """

    dice: float
    hd95: float
    mean_surface_distance: float
    surface_dice: float


def default_tolerance(spacing: Spacing) -> float:
    """Return the default tolerance of the surface Dice in mm: the middle of the three spacings.

    A person's outline is good to about one pixel of the slice it is drawn on. Slices are mostly
    drawn in the plane of the two finer axes, and the coarser of these two is the middle spacing:
    1 mm for isotropic 1 mm MRI, 0.7 mm for 0.7 x 0.7 x 5 mm CT, 0.012 mm for OCT with
    0.004 x 0.012 x 0.12 mm. An error of one thick slice is outside it. To compare scans of
    different spacing, give one tolerance in mm for all.
    """
    return sorted(_checked_spacing(spacing))[1]


def score(
    prediction: BoolArray,
    reference: BoolArray,
    spacing: Spacing,
    *,
    tolerance: float | None = None,
) -> Scores:
    """Compare one structure on the whole volume.

    prediction, reference: bool arrays (i, j, k) of one shape.
    spacing: mm along each array axis.
    tolerance: of the surface Dice in mm, at least 0; None for ``default_tolerance(spacing)``.

    Raises InputError for other arrays, masked ones or tolerances and GeometryError for impossible
    spacing. What empty masks give: see Scores.
    """
    _check_masks(prediction, reference)
    spacing = _checked_spacing(spacing)
    distances = surface_distances(prediction, reference, spacing)
    return _scores(dice(prediction, reference), distances, _tolerance(tolerance, spacing))


def score_slices(  # noqa: PLR0913 - those of score and the two that say which slices
    prediction: BoolArray,
    reference: BoolArray,
    spacing: Spacing,
    axis: int,
    skip: Collection[int],
    *,
    tolerance: float | None = None,
) -> Scores:
    """Compare one structure on the slices along an axis that are not in ``skip``.

    Used to score only what was predicted, without the slices that a person annotated. The other
    arguments are those of ``score``; axis is 0, 1 or 2, skip holds slice numbers along it.

    Dice counts the voxels of the kept slices. For the surface measures nothing is cut or glued:
    both surfaces are those of the whole masks, and distances run through the whole volume, so a
    skipped slice neither makes a surface nor brings two slices nearer. Only the area that is judged
    is limited: a surface element lies between two slices and belongs half to each, so it counts
    in full between two kept slices, half between a kept and a skipped one, and not at all between
    two skipped ones. Elements on the first or last face of the volume belong to that slice. With
    nothing skipped the result is that of ``score``.

    If neither surface has anything on the kept slices, the surface measures are those of two empty
    masks; if just one mask is empty in the whole volume, they are the worst ones (see Scores).

    Raises, besides the errors of ``score``, InputError for a wrong axis, for slices that are not in
    the volume, and when every slice is skipped.
    """
    _check_masks(prediction, reference)
    spacing = _checked_spacing(spacing)
    kept = _kept_slices(prediction.shape, axis, skip)
    faces = np.pad(kept.astype(np.float64), 1, mode="edge")
    weights = (faces[:-1] + faces[1:]) / 2
    distances = surface_distances(prediction, reference, spacing, (axis, weights))
    overlap = dice(prediction.compress(kept, axis=axis), reference.compress(kept, axis=axis))
    return _scores(overlap, distances, _tolerance(tolerance, spacing))


def _scores(overlap: float, distances: SurfaceDistances, tolerance: float) -> Scores:
    return Scores(
        dice=overlap,
        hd95=hd95(distances),
        mean_surface_distance=mean_surface_distance(distances),
        surface_dice=surface_dice(distances, tolerance),
    )


def _check_masks(prediction: BoolArray, reference: BoolArray) -> None:
    if prediction.dtype != np.bool_ or reference.dtype != np.bool_:
        raise InputError(
            f"The masks hold {prediction.dtype} and {reference.dtype}; expected bool: compare the "
            "label map with one label first."
        )
    if prediction.ndim != 3 or prediction.shape != reference.shape:
        raise InputError(
            f"The masks have shapes {prediction.shape} and {reference.shape}; expected one shape "
            "with three axes."
        )


def _checked_spacing(spacing: Spacing) -> Spacing:
    steps = np.asarray(spacing, dtype=np.float64)
    if steps.shape != (3,) or not np.isfinite(steps).all() or (steps <= 0).any():
        raise GeometryError(
            f"The spacing is {tuple(spacing)}; expected three positive numbers in mm, one for each "
            "array axis."
        )
    return float(steps[0]), float(steps[1]), float(steps[2])


def _tolerance(tolerance: float | None, spacing: Spacing) -> float:
    if tolerance is None:
        return default_tolerance(spacing)
    if not np.isfinite(tolerance) or tolerance < 0:
        raise InputError(f"The tolerance is {tolerance} mm; expected a number of at least 0.")
    return float(tolerance)


def _kept_slices(shape: tuple[int, ...], axis: int, skip: Collection[int]) -> BoolArray:
    if axis not in (0, 1, 2):
        raise InputError(f"The axis is {axis}; expected 0, 1 or 2.")
    outside = sorted(index for index in skip if not 0 <= index < shape[axis])
    if outside:
        raise InputError(
            f"Slice {outside[0]} cannot be skipped; expected numbers from 0 to {shape[axis] - 1} "
            f"along axis {axis}."
        )
    kept = np.ones(shape[axis], dtype=bool)
    kept[list(skip)] = False
    if not kept.any():
        raise InputError(
            f"All {shape[axis]} slices along axis {axis} are skipped, so nothing is left to score; "
            "keep at least one."
        )
    return kept
