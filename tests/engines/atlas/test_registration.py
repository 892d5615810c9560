"""Laying scans over one another: known shifts, maps and bends are found again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK

from fewslice.engines.atlas.registration import (
    as_array,
    as_image,
    averaged,
    best_shift,
    correlation,
    fitted_affine,
    fitted_deformation,
    grid_of,
    grid_of_step,
    local_correlation,
    matched_intensities,
    resampled,
    shifted,
    thumbnail,
)
from fewslice.engines.base import Scan
from fewslice.typing import Float32Array
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid


def native(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> WorkingGrid:
    return WorkingGrid(Region((0, 0, 0), shape), shape, spacing)


def image_of(array: Float32Array, spacing: tuple[float, float, float]) -> SimpleITK.Image:
    shape = (array.shape[0], array.shape[1], array.shape[2])
    return as_image(array, native(shape, spacing), shape)


def blobs(shape: tuple[int, int, int] = (30, 26, 22)) -> Float32Array:
    """Return three soft balls of different brightness and size; nothing is symmetric."""
    i, j, k = np.indices(shape)
    found = np.zeros(shape)
    for (a, b, c), size, bright in (
        ((9, 9, 8), 4, 1),
        ((20, 11, 13), 3, 0.7),
        ((13, 18, 12), 3, 0.5),
    ):
        found += bright * np.exp(-((i - a) ** 2 + (j - b) ** 2 + (k - c) ** 2) / (2 * size**2))
    return found.astype(np.float32)


def test_a_grid_is_as_isotropic_as_the_scan_allows() -> None:
    region = Region((0, 0, 0), (100, 80, 10))
    assert grid_of(region, (1.0, 1.0, 5.0), 80_000).is_native
    coarse = grid_of(region, (1.0, 1.0, 5.0), 10_000)
    assert coarse.shape[2] == 10
    assert np.prod(coarse.shape) <= 10_500
    assert coarse.spacing[0] == pytest.approx(coarse.spacing[1], rel=0.05)
    # 100 mm in voxels of 4 mm, 80 mm in voxels of 4 mm; slices are 5 mm apart already.
    assert grid_of_step(region, (1.0, 1.0, 5.0), 4.0).shape == (25, 20, 10)
    assert grid_of_step(Region((3, 0, 0), (4, 80, 10)), (1.0, 1.0, 5.0), 4.0).shape == (1, 20, 10)


def test_images_are_in_mm_from_the_middle_of_the_scan() -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    grid = WorkingGrid(Region((2, 0, 4), (6, 3, 8)), (2, 3, 4), (1.0, 2.0, 3.0))
    image = as_image(array, grid, (11, 3, 9))
    assert image.GetSpacing() == (2.0, 2.0, 3.0)
    # Along i: voxels 2 and 3 have their middle at 2.5, the scan at 5; k: 4 and 4.
    assert image.GetOrigin() == (-2.5, -2.0, 0.0)
    np.testing.assert_array_equal(as_array(image), array)


def test_averaged_scans_are_scaled_without_the_air() -> None:
    values = np.full((10, 10, 10), -1000.0)
    values[:2] = np.linspace(0, 100, 200).reshape(2, 10, 10)
    grid = native((10, 10, 10), (1.0, 1.0, 1.0))
    found = averaged(Scan.from_spacing(values[None], (1.0, 1.0, 1.0)), grid)
    assert found[5, 5, 5] == 0
    # 0 is -1000; 1 is the 99th percentile of what is not air, 99.
    assert found[0, 0, 0] == pytest.approx(1000 / 1099, abs=1e-3)
    tiny = Scan.from_spacing(np.ldexp(values[None], -60), (1.0, 1.0, 1.0))
    assert np.array_equal(averaged(tiny, grid), found)
    flat = averaged(Scan.from_spacing(np.full((1, 10, 10, 10), 7.0), (1.0, 1.0, 1.0)), grid)
    assert (flat == 0).all()


def test_every_shift_is_tried() -> None:
    array = blobs()
    fixed = image_of(array, (2.0, 2.0, 2.0))
    moving = image_of(np.ascontiguousarray(array[6:, :, :16]), (2.0, 2.0, 2.0))
    shift, likeness = best_shift(fixed, moving)
    # The middle of what is left lies 3 voxels further on and 3 before: points move back and forth.
    np.testing.assert_allclose(shift, [-6.0, 0.0, 6.0], atol=1e-9)
    assert likeness == pytest.approx(1, abs=1e-6)
    flat = image_of(np.zeros((8, 8, 8), dtype=np.float32), (2.0, 2.0, 2.0))
    for one, other in ((fixed, flat), (flat, fixed), (flat, flat)):
        assert abs(best_shift(one, other)[1]) < 1e-6


def test_thumbnails_keep_their_place() -> None:
    image = image_of(blobs(), (1.0, 1.5, 2.0))
    small = thumbnail(image, 3.0)
    assert small.GetSpacing() == (3.0, 3.0, 3.0)
    assert small.GetSize() == (10, 13, 15)

    def middle(of: SimpleITK.Image) -> npt.NDArray[np.float64]:
        values = as_array(of)
        at = np.array(np.indices(values.shape)) * values
        return np.asarray(
            at.sum(axis=(1, 2, 3)) / values.sum() * of.GetSpacing() + np.array(of.GetOrigin())
        )

    np.testing.assert_allclose(middle(small), middle(image), atol=0.5)


def test_an_affine_map_is_found_again() -> None:
    fixed = image_of(blobs(), (1.0, 1.0, 1.0))
    known = SimpleITK.AffineTransform(3)
    known.SetMatrix((1.1, 0.1, 0.0, -0.1, 0.95, 0.0, 0.0, 0.0, 1.0))
    known.SetTranslation((4.0, -3.0, 1.0))
    moving = resampled(fixed, fixed, known.GetInverse())
    before = correlation(as_array(fixed), as_array(moving), as_array(fixed) >= 0)
    found = fitted_affine(fixed, moving, shifted(np.zeros(3), np.zeros(3)))
    laid = as_array(resampled(moving, fixed, found))
    assert before < 0.85
    assert correlation(as_array(fixed), laid, laid > 0) > 0.99


def test_without_overlap_or_contrast_the_start_stays() -> None:
    fixed = image_of(blobs(), (1.0, 1.0, 1.0))
    far = shifted(np.array([500.0, 0.0, 0.0]), np.zeros(3))
    assert fitted_affine(fixed, fixed, far).GetParameters() == far.GetParameters()
    here = shifted(np.zeros(3), np.zeros(3))
    thin = image_of(np.zeros((20, 20, 2), dtype=np.float32), (1.0, 1.0, 1.0))
    assert fitted_affine(fixed, thin, here) is here


@pytest.mark.parametrize("shape", [(30, 26, 22), (30, 26, 3)])
def test_a_bend_is_found_again(shape: tuple[int, int, int]) -> None:
    array = blobs()[..., 9 : 9 + shape[2]] if shape[2] == 3 else blobs()
    fixed = image_of(array, (1.0, 1.0, 1.0))
    moving = image_of(np.roll(array, 2, axis=0), (1.0, 1.0, 1.0))
    bent = fitted_deformation(fixed, moving, (30, 30), 1.0)
    laid = as_array(resampled(moving, fixed, bent))
    inside = np.ones(laid.shape, dtype=bool)
    assert correlation(array, as_array(moving), inside) < 0.95
    assert correlation(array, laid, inside) > 0.98


def test_matched_intensities_have_the_others_histogram() -> None:
    values = np.linspace(0, 1, 1000, dtype=np.float32)
    other = 5 + 2 * values[::-1]
    every = np.ones(1000, dtype=bool)
    np.testing.assert_allclose(matched_intensities(values, other, every), 5 + 2 * values, atol=1e-2)
    flat = matched_intensities(np.zeros_like(values), other, every)
    assert np.isfinite(flat).all()


def test_correlation_by_hand() -> None:
    one = np.array([1, 2, 3, 9], dtype=np.float32)
    other = np.array([1, 3, 2, 9], dtype=np.float32)
    inside = np.array([True, True, True, False])
    # Deviations -1, 0, 1 and -1, 1, 0: 1 / 2.
    assert correlation(one, other, inside) == pytest.approx(0.5)
    assert correlation(one, np.zeros_like(one), inside) == 0
    assert correlation(one, other, np.zeros(4, dtype=bool)) == 0


def test_local_correlation_is_that_of_a_cube_where_inside() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(9, 9, 9)).astype(np.float32)
    other = one.copy()
    other[:, :, 6:] = rng.normal(size=(9, 9, 3))
    inside = np.ones_like(one)
    found = local_correlation(one, other, inside, 3)
    np.testing.assert_allclose(found[:, :, :5], 1, atol=1e-3)
    cube = (slice(3, 6), slice(3, 6), slice(6, 9))
    expected = np.corrcoef(one[cube].ravel(), other[cube].ravel())[0, 1]
    assert found[4, 4, 7] == pytest.approx(max(expected, 0), abs=1e-3)
    assert np.isfinite(local_correlation(one, other, np.zeros_like(one), 3)).all()
