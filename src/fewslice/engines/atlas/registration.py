"""Laying one scan over another: a shift, an affine map and a deformation, coarse to fine.

Built on SimpleITK. Points are in mm from the middle of a scan along its array axes, whatever its
world is: the caller has turned both scans so that their axes run in the same directions. Every
filter works in one thread and samples regularly, so that results repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.typing import Float32Array, Float64Array
from fewslice.volumes.intensity_range import sliver
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    import SimpleITK


_LEAST_OVERLAP = 0.25
_QUANTILES = 33


def grid_of(region: Region, spacing: tuple[float, float, float], most: int) -> WorkingGrid:
    """Return a grid of at most about `most` voxels over a region, as nearly isotropic as can be."""
    sides = np.array(region.shape) * spacing
    step = float(min(spacing))
    while np.prod(sides / np.maximum(step, spacing)) > most:
        step *= 1.03
    return grid_of_step(region, spacing, step)


def grid_of_step(region: Region, spacing: tuple[float, float, float], step: float) -> WorkingGrid:
    """Return a grid over a region with voxels of about `step` mm, or larger where spacing is."""
    i, j, k = (
        min(max(round(length * fine / max(step, fine)), 1), length)
        for length, fine in zip(region.shape, spacing, strict=True)
    )
    return WorkingGrid(region, (i, j, k), spacing)


def as_image(
    array: npt.NDArray[Any], grid: WorkingGrid, shape: tuple[int, int, int]
) -> SimpleITK.Image:
    """Return an array (i, j, k) on a grid of a scan of that shape as an ITK image of float32."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.T, dtype=np.float32))
    image.SetSpacing([float(step) for step in grid.spacing])
    image.SetOrigin(
        [
            float((grid.centres(axis)[0] - (shape[axis] - 1) / 2) * grid.native_spacing[axis])
            for axis in range(3)
        ]
    )
    return image


def as_array(image: SimpleITK.Image) -> Float32Array:
    """Return the voxels of an ITK image as (i, j, k)."""
    import SimpleITK

    return np.asarray(SimpleITK.GetArrayFromImage(image).T, dtype=np.float32)


def averaged(scan: Scan, grid: WorkingGrid) -> Float32Array:
    """Return the mean of a scan's channels on a grid, (i, j, k), each from 0 to 1.

    0 is the 0.5th percentile; 1 the 99th of what is brighter than that by more than 1 %, so that
    air around a body does not count.
    """
    total = np.zeros(grid.shape, dtype=np.float32)
    for channel in scan.channels:
        values = grid.down(channel[grid.region.slices].astype(np.float32))
        low = float(np.percentile(values, 0.5))
        bright = values[values > low + 0.01 * float(np.ptp(values))]
        if bright.size:
            high = float(np.percentile(bright, 99))
            width = max(high - low, sliver(low, high, values))
            total += np.clip((values - low) / width, 0, 1)
    total /= len(scan.channels)
    return total


def resampled(
    image: SimpleITK.Image, reference: SimpleITK.Image, transform: SimpleITK.Transform | None = None
) -> SimpleITK.Image:
    """Return an image on the grid of another, interpolated linearly, 0 outside.

    transform: takes points of the reference to points of the image.
    """
    import SimpleITK

    sampler = SimpleITK.ResampleImageFilter()
    sampler.SetReferenceImage(reference)
    sampler.SetInterpolator(SimpleITK.sitkLinear)
    sampler.SetNumberOfThreads(1)
    if transform is not None:
        sampler.SetTransform(transform)
    return sampler.Execute(image)


def thumbnail(image: SimpleITK.Image, step: float) -> SimpleITK.Image:
    """Return an image with cubic voxels of `step` mm, smoothed so that nothing is skipped."""
    import SimpleITK

    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    sides = spacing * image.GetSize()
    size = np.maximum(np.round(sides / step), 1)
    reference = SimpleITK.Image([int(length) for length in size], SimpleITK.sitkFloat32)
    reference.SetSpacing([step] * 3)
    first = origin - spacing / 2 + sides / 2 - (size - 1) / 2 * step
    reference.SetOrigin([float(place) for place in first])
    return resampled(_smoothed(image, 0.4 * step), reference)


def _smoothed(image: SimpleITK.Image, width: float) -> SimpleITK.Image:
    import SimpleITK
    from scipy import ndimage

    sigmas = [width / step for step in reversed(image.GetSpacing())]
    smooth = SimpleITK.GetImageFromArray(
        ndimage.gaussian_filter(SimpleITK.GetArrayFromImage(image), sigmas, mode="nearest")
    )
    smooth.CopyInformation(image)
    return smooth


def best_shift(fixed: SimpleITK.Image, moving: SimpleITK.Image) -> tuple[Float64Array, float]:
    """Return the shift in mm from points of one image to points of the other, and a correlation.

    Both have cubic voxels of one size. Every shift is tried at which the smaller of the images is
    covered to a quarter or more (normalised cross-correlation of what overlaps, by Fourier
    transforms: Padfield 2012); of equal ones the one with more overlap is preferred.
    """
    from scipy import fft

    one, other = as_array(fixed), as_array(moving)
    size = [
        fft.next_fast_len(a + b - 1, real=True) for a, b in zip(one.shape, other.shape, strict=True)
    ]

    def spectrum(array: Float32Array) -> npt.NDArray[np.complexfloating[Any, Any]]:
        return np.asarray(fft.rfftn(array.astype(np.float64), size))

    def sums(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Float64Array:
        return np.asarray(fft.irfftn(a * np.conj(b), size))

    one, other = one - one.mean(), other - other.mean()
    of_one, of_other = spectrum(one), spectrum(other)
    all_one, all_other = spectrum(np.ones_like(one)), spectrum(np.ones_like(other))
    overlap = np.maximum(np.round(sums(all_one, all_other)), 1e-3)
    sum_one, sum_other = sums(of_one, all_other), sums(all_one, of_other)
    both = sums(of_one, of_other) - sum_one * sum_other / overlap
    spread_one = sums(spectrum(one**2), all_other) - sum_one**2 / overlap
    spread_other = sums(all_one, spectrum(other**2)) - sum_other**2 / overlap
    spread = np.sqrt(np.maximum(spread_one, 0) * np.maximum(spread_other, 0))
    usable = spread > 1e-3 * spread.max() + 1e-9
    correlation = np.where(usable, both / np.where(usable, spread, 1), 0)
    share = overlap / min(one.size, other.size)
    score = np.where(share >= _LEAST_OVERLAP, correlation * np.clip(share, 0, 1) ** 0.25, -1)
    at = np.unravel_index(int(score.argmax()), score.shape)
    lag = [
        place if place < n else place - k for place, n, k in zip(at, one.shape, size, strict=True)
    ]
    origins = np.array(moving.GetOrigin()) - np.array(fixed.GetOrigin())
    return origins - np.array(lag) * fixed.GetSpacing(), float(correlation[at])


def shifted(shift: Float64Array, centre: Float64Array) -> SimpleITK.AffineTransform:
    """Return an affine map that only shifts, and will turn and scale about a centre."""
    import SimpleITK

    transform = SimpleITK.AffineTransform(3)
    transform.SetCenter([float(place) for place in centre])
    transform.SetTranslation([float(step) for step in shift])
    return transform


def fitted_affine(
    fixed: SimpleITK.Image, moving: SimpleITK.Image, start: SimpleITK.AffineTransform
) -> SimpleITK.AffineTransform:
    """Return the affine map that correlates the images best, descending from a start.

    The start comes back if the images do not overlap, or do not have enough voxels or contrast.
    """
    import SimpleITK

    if min(fixed.GetSize()) < 4 or min(moving.GetSize()) < 4:
        return start
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.5, seed=1)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetShrinkFactorsPerLevel([2])
    method.SetSmoothingSigmasPerLevel([1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    step = min(fixed.GetSpacing())
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=2.0 * step,
        minStep=0.02 * step,
        numberOfIterations=40,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-6,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    found = SimpleITK.AffineTransform(start)
    method.SetInitialTransform(found, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # ITK's word for no overlap and for nothing to see
        return start
    return found if _is_plausible(found) else start


def _is_plausible(transform: SimpleITK.AffineTransform) -> bool:
    """Whether a map keeps bodies about as large as they are and does not mirror them."""
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    if not np.isfinite(matrix).all():
        return False
    sizes = np.linalg.svd(matrix, compute_uv=False)
    return bool(np.linalg.det(matrix) > 0 and sizes.min() > 0.5 and sizes.max() < 2.0)


def fitted_deformation(
    fixed: SimpleITK.Image, moving: SimpleITK.Image, iterations: tuple[int, int], stiffness: float
) -> SimpleITK.Transform:
    """Return a deformation from points of one image to points of another on the same grid.

    Demons with fast symmetric forces (Vercauteren 2009), at half resolution and then in full.
    iterations: of both. stiffness: Gaussian smoothing of the deformation, in voxels.
    """
    import SimpleITK

    field = None
    levels = [(2.0, iterations[0]), (1.0, iterations[1])]
    for factor, number in levels:
        size = fixed.GetSize()
        if factor > 1 and min(size) < 16:
            continue
        one, other = fixed, moving
        if factor > 1:
            one, other = _halved(fixed), _halved(moving)
        demons = SimpleITK.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfThreads(1)
        demons.SetNumberOfIterations(number)
        demons.SetStandardDeviations(stiffness)
        field = demons.Execute(one, other, *([] if field is None else [_field_on(field, one)]))
    return SimpleITK.DisplacementFieldTransform(SimpleITK.Cast(field, SimpleITK.sitkVectorFloat64))


def _halved(image: SimpleITK.Image) -> SimpleITK.Image:
    import SimpleITK

    spacing, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    half = np.maximum(size // 2, 1)
    reference = SimpleITK.Image([int(length) for length in half], SimpleITK.sitkFloat32)
    step = spacing * size / half
    reference.SetSpacing([float(each) for each in step])
    reference.SetOrigin([float(o) for o in np.array(image.GetOrigin()) - spacing / 2 + step / 2])
    smooth = SimpleITK.GetImageFromArray(_gaussian(SimpleITK.GetArrayFromImage(image)))
    smooth.CopyInformation(image)
    return resampled(smooth, reference)


def _gaussian(array: Float32Array) -> Float32Array:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(array, 0.8, mode="nearest"))


def _field_on(field: SimpleITK.Image, reference: SimpleITK.Image) -> SimpleITK.Image:
    import SimpleITK

    sampler = SimpleITK.ResampleImageFilter()
    sampler.SetReferenceImage(reference)
    sampler.SetInterpolator(SimpleITK.sitkLinear)
    sampler.SetOutputPixelType(SimpleITK.sitkVectorFloat64)
    sampler.UseNearestNeighborExtrapolatorOn()
    sampler.SetNumberOfThreads(1)
    return sampler.Execute(field)


def matched_intensities(
    values: Float32Array, other: Float32Array, inside: npt.NDArray[np.bool_]
) -> Float32Array:
    """Return values with the histogram that the other array has where both are inside."""
    shares = np.linspace(0, 1, _QUANTILES)
    mine = np.quantile(values[inside], shares) + np.arange(_QUANTILES) * 1e-6
    theirs = np.quantile(other[inside], shares)
    return np.asarray(np.interp(values, mine, theirs), dtype=np.float32)


def correlation(one: Float32Array, other: Float32Array, inside: npt.NDArray[np.bool_]) -> float:
    """Return the correlation of two arrays where inside; 0 without contrast or voxels."""
    if np.count_nonzero(inside) < 2:
        return 0.0
    a, b = one[inside].astype(np.float64), other[inside].astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / spread) if spread > 1e-9 else 0.0


def local_correlation(
    one: Float32Array, other: Float32Array, inside: Float32Array, width: int
) -> Float32Array:
    """Return the correlation in a cube of `width` voxels about each, 0 to 1 (none is negative)."""
    from scipy import ndimage

    def mean(values: Float32Array) -> Float32Array:
        found: Float32Array = ndimage.uniform_filter(values * inside, width) / count
        return found

    count = np.maximum(np.asarray(ndimage.uniform_filter(inside, width)), 1e-3)
    middle_one, middle_other = mean(one), mean(other)
    both = mean(one * other) - middle_one * middle_other
    spread_one = np.maximum(mean(one**2) - middle_one**2, 0) + 1e-5
    spread_other = np.maximum(mean(other**2) - middle_other**2, 0) + 1e-5
    return np.asarray(np.clip(both / np.sqrt(spread_one * spread_other), 0, 1), dtype=np.float32)
