import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from fewslice.metrics.surface import (
    Spacing,
    hd95,
    mean_surface_distance,
    surface_dice,
    surface_distances,
)
from fewslice.typing import BoolArray

SHAPE = (24, 20, 16)


def box(*sides: tuple[int, int], shape: tuple[int, int, int] = SHAPE) -> BoolArray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def blob(seed: int) -> BoolArray:
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    smooth = ndimage.gaussian_filter(noise, 2, mode="constant")
    return np.asarray(smooth > np.quantile(smooth, 0.8))


def reference_implementation(prediction: BoolArray, reference: BoolArray, spacing: Spacing) -> Any:
    import surface_distance

    with warnings.catch_warnings():
        # It still asks for scipy.ndimage by two old names; fewslice itself does not call this.
        warnings.filterwarnings(
            "ignore",
            message=r".*`scipy\.ndimage\.(filters|morphology)` namespace is deprecated",
            category=DeprecationWarning,
        )
        return surface_distance.compute_surface_distances(reference, prediction, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 5.0), (0.12, 0.004, 0.012)])
@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_reference_implementation(seed: int, spacing: Spacing) -> None:
    import surface_distance as theirs

    prediction, reference = blob(seed), blob(seed + 100)
    mine = surface_distances(prediction, reference, spacing)
    expected = reference_implementation(prediction, reference, spacing)
    assert hd95(mine) == pytest.approx(theirs.compute_robust_hausdorff(expected, 95))
    there, back = theirs.compute_average_surface_distance(expected)
    for way, mean in ((mine.reference, there), (mine.prediction, back)):
        assert np.average(way.distances, weights=way.areas) == pytest.approx(mean)
    areas = mine.reference.areas.sum(), mine.prediction.areas.sum()
    assert mean_surface_distance(mine) == pytest.approx(np.average([there, back], weights=areas))
    # Not a multiple of any spacing, where the last digit decides.
    tolerance = 1.13 * min(spacing)
    assert surface_dice(mine, tolerance) == pytest.approx(
        theirs.compute_surface_dice_at_tolerance(expected, tolerance)
    )


def test_two_voxels_apart() -> None:
    # Voxels 3 and 8 along i have four voxels of 1.5 mm between them. Each has eight corners of
    # equal area: four at 6 mm from the other voxel, four on its far side at 7.5 mm.
    one = box((3, 4), (5, 6), (5, 6))
    other = box((8, 9), (5, 6), (5, 6))
    distances = surface_distances(one, other, (1.5, 2.0, 3.0))
    assert sorted(distances.prediction.distances) == pytest.approx([6.0] * 4 + [7.5] * 4)
    assert hd95(distances) == pytest.approx(7.5)
    assert mean_surface_distance(distances) == pytest.approx(6.75)
    assert surface_dice(distances, 7.0) == pytest.approx(0.5)


def test_area_of_a_slab_in_square_millimetres() -> None:
    # Away from the rim there is one element of 2 x 3 mm² for each corner between four voxels.
    slab = box((8, 12), (0, 20), (0, 16))
    distances = surface_distances(slab, slab, (1.5, 2.0, 3.0))
    faces = 2 * 19 * 15 * 2.0 * 3.0
    assert distances.prediction.areas.sum() > faces
    assert np.isclose(distances.prediction.areas, 6.0).sum() == 2 * 19 * 15


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_shifted_slabs_have_the_shift_as_hd95(axis: int, steps: int) -> None:
    spacing = (0.5, 1.25, 4.0)
    sides = [(0, n) for n in SHAPE]
    sides[axis] = (3, 8)
    slab = box(*sides)
    shifted = np.roll(slab, steps, axis=axis)
    distances = surface_distances(slab, shifted, spacing)
    assert hd95(distances) == pytest.approx(steps * spacing[axis])


def test_distance_of_exactly_one_tolerance_is_within_it() -> None:
    # 0.3 mm steps: differences of their multiples miss 0.3 in the last digit.
    slab = box((7, 8), (0, 20), (0, 16))
    distances = surface_distances(slab, np.roll(slab, 1, axis=0), (0.3, 1.0, 1.0))
    assert surface_dice(distances, 0.3) == pytest.approx(1)
    assert surface_dice(distances, 0.29) < 0.6


def test_empty_masks() -> None:
    one, nothing = box((2, 5), (2, 5), (2, 5)), box((0, 0), (0, 0), (0, 0))
    agree = surface_distances(nothing, nothing, (1.0, 1.0, 1.0))
    assert (hd95(agree), mean_surface_distance(agree), surface_dice(agree, 1)) == (0, 0, 1)
    diagonal = math.hypot(24 * 0.5, 20 * 1.0, 16 * 3.0)
    for pair in ((one, nothing), (nothing, one)):
        missed = surface_distances(*pair, (0.5, 1.0, 3.0))
        assert hd95(missed) == mean_surface_distance(missed) == pytest.approx(diagonal)
        assert surface_dice(missed, 1000) == 0


def test_no_distance_exceeds_the_diagonal() -> None:
    # From the first corner of the volume to the nearest corner of its last voxel.
    first, last = box((0, 1), (0, 1), (0, 1)), box((23, 24), (19, 20), (15, 16))
    distances = surface_distances(first, last, (0.5, 1.0, 3.0))
    assert distances.prediction.distances.max() == pytest.approx(math.hypot(11.5, 19, 45))
    assert distances.longest == pytest.approx(math.hypot(12, 20, 48))


def test_border_of_the_volume_is_a_surface() -> None:
    # Padding the volume with background changes nothing.
    mask, other = blob(5), blob(6)
    mask[0], other[-1] = True, True
    plain = surface_distances(mask, other, (1.0, 2.0, 3.0))
    padded = surface_distances(np.pad(mask, 3), np.pad(other, 3), (1.0, 2.0, 3.0))
    for measure in (hd95, mean_surface_distance, lambda d: surface_dice(d, 1.5)):
        assert measure(plain) == pytest.approx(measure(padded), rel=1e-12)


def test_elements_without_weight_are_left_out_but_still_found() -> None:
    # A slab along k against the same slab that ends earlier: judged below plane 4 they agree, for
    # the nearest elements of the reference are found even where they do not count themselves.
    prediction = box((5, 9), (5, 9), (0, 8))
    reference = box((5, 9), (5, 9), (0, 12))
    weights = np.zeros(17)
    weights[:4] = 1
    limited = surface_distances(prediction, reference, (1.0, 1.0, 1.0), (2, weights))
    assert hd95(limited) == mean_surface_distance(limited) == 0
    assert surface_dice(limited, 0) == 1
    assert hd95(surface_distances(prediction, reference, (1.0, 1.0, 1.0))) > 2
