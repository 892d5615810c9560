"""The second pass at the scan's own voxels."""

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Prediction, Scan, empty_probability
from fewslice.engines.random_walker.refinement import RefineSettings, refined
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

Labels = npt.NDArray[np.uint8]

SIDE = 48
SLICES = 7


def _disc(classes: int = 2) -> Labels:
    """A disc of radius 14 on every slice, its classes side by side."""
    row, column, _ = np.ogrid[:SIDE, :SIDE, :SLICES]
    inside = (row - 23.3) ** 2 + (column - 24.1) ** 2 + 0 * np.zeros((1, 1, SLICES)) < 14.0**2
    which = 1 + (np.arange(SIDE) - 9) * (classes - 1) // 30
    return np.where(inside, which.clip(1, classes - 1)[:, None, None], 0).astype(np.uint8)


def _grid(axis: int, by: int = 4) -> WorkingGrid:
    shape = [SIDE // by] * 3
    full = [SIDE] * 3
    shape[axis] = full[axis] = SLICES
    region = Region((0, 0, 0), (full[0], full[1], full[2]))
    spacing = [0.8, 0.8, 0.8]
    spacing[axis] = 3.0
    return WorkingGrid(region, (shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]))


def _coarse(truth: Labels, grid: WorkingGrid, axis: int) -> Prediction:
    """What an engine would say that knows the truth on the coarse grid, each voxel one class."""
    values = tuple(int(value) for value in np.unique(truth))
    shares = np.stack([grid.down((truth == value).astype(np.float32)) for value in values])
    sure = shares.argmax(axis=0)
    probability = empty_probability(len(values), grid.region.shape, axis)
    for number in range(len(values)):
        probability[number] = grid.up((sure == number).astype(np.float32))
    return Prediction(grid.region, values, probability, ("a remark",))


def _annotation(truth: Labels, axis: int, at: tuple[int, ...] = (1, 5)) -> Annotation:
    labels = np.zeros_like(truth)
    for index in at:
        labels[on_slice(axis, index)] = truth[on_slice(axis, index)]
    return Annotation(labels, tuple((axis, index) for index in at))


def _scan(truth: Labels, grid: WorkingGrid, noise: float, channels: int = 1) -> Scan:
    rng = np.random.default_rng(1)
    brightness = np.array([100.0, 900.0, 400.0])[truth]
    return Scan.from_spacing(
        np.stack([brightness + rng.normal(0, noise, truth.shape) for _ in range(channels)]),
        grid.native_spacing,
    )


def _wrong(prediction: Prediction, truth: Labels) -> int:
    labels = np.array(prediction.values)[prediction.probability.argmax(axis=0)]
    return int(np.count_nonzero(labels != truth))


def _is_distribution(prediction: Prediction) -> bool:
    probability = prediction.probability.astype(np.float32)
    return bool(
        np.isfinite(probability).all()
        and (probability >= 0).all()
        and np.allclose(probability.sum(axis=0), 1, atol=4e-3)
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("classes", "channels"), [(2, 1), (3, 2)])
def test_a_sharp_boundary_is_found_at_native_voxels(axis: int, classes: int, channels: int) -> None:
    truth = np.moveaxis(_disc(classes), 2, axis)
    grid = _grid(axis)
    coarse = _coarse(truth, grid, axis)
    scan = _scan(truth, grid, noise=40, channels=channels)
    fine = refined(coarse, scan, _annotation(truth, axis), grid)
    assert _wrong(coarse, truth) > 250
    assert _wrong(fine, truth) < 0.1 * _wrong(coarse, truth)
    assert _is_distribution(fine)
    assert fine.values == coarse.values
    assert fine.remarks == ("a remark",)
    assert fine.probability.strides == coarse.probability.strides


def test_only_voxels_near_the_coarse_boundary_change_and_the_input_never() -> None:
    truth, grid = _disc(), _grid(2)
    coarse = _coarse(truth, grid, 2)
    before = coarse.probability.copy()
    fine = refined(coarse, _scan(truth, grid, 40), _annotation(truth, 2), grid)
    assert np.array_equal(coarse.probability, before)
    row, column = np.ogrid[:SIDE, :SIDE]
    radius = np.hypot(row - 23.3, column - 24.1)
    # 1.5 coarse voxels are 6 voxels, along the diagonal of a square window 8.5; the coarse boundary
    # itself is off by up to 3.
    far = np.abs(radius - 14) > 12
    assert far.sum() > 250
    assert np.array_equal(fine.probability[:, far], coarse.probability[:, far])
    assert not np.array_equal(fine.probability, coarse.probability)


def test_what_a_person_drew_in_the_band_becomes_certain() -> None:
    truth, grid = _disc(), _grid(2)
    drawn = truth.copy()
    drawn[10:12, 24, 1] = 0  # a dent that neither the scan nor the coarse answer shows
    coarse = _coarse(truth, grid, 2)
    fine = refined(coarse, _scan(truth, grid, 40), _annotation(drawn, 2), grid)
    assert (fine.probability[0, 10:12, 24, 1] == 1).all()
    assert (fine.probability[1, 12:14, 24, 1] == 1).all()


def test_a_native_grid_gives_the_prediction_itself() -> None:
    truth, grid = _disc(), _grid(2, by=1)
    coarse = _coarse(truth, grid, 2)
    assert refined(coarse, _scan(truth, grid, 40), _annotation(truth, 2), grid) is coarse


def test_a_scan_without_contrast_keeps_about_the_coarse_answer() -> None:
    truth, grid = _disc(), _grid(2)
    coarse = _coarse(truth, grid, 2)
    flat = Scan.from_spacing(np.full((1, *truth.shape), 7, dtype=np.int16), grid.native_spacing)
    fine = refined(coarse, flat, _annotation(truth, 2), grid)
    assert _is_distribution(fine)
    assert _wrong(fine, truth) <= _wrong(coarse, truth)


def test_noise_alone_does_not_make_the_answer_worse() -> None:
    truth, grid = _disc(), _grid(2)
    coarse = _coarse(truth, grid, 2)
    rng = np.random.default_rng(0)
    speckle = Scan.from_spacing(rng.gamma(1.0, 100.0, (1, *truth.shape)), grid.native_spacing)
    fine = refined(coarse, speckle, _annotation(truth, 2), grid)
    assert _wrong(fine, truth) <= 1.05 * _wrong(coarse, truth)


def test_a_region_inside_of_the_scan_and_slices_of_another_plane_only() -> None:
    truth, whole = _disc(), _grid(2)
    region = Region((4, 4, 1), (44, 44, 6))
    grid = WorkingGrid(region, (10, 10, 5), whole.native_spacing)
    inner = truth[region.slices]
    coarse = _coarse(inner, WorkingGrid(Region((0, 0, 0), (40, 40, 5)), (10, 10, 5), (1, 1, 1)), 2)
    coarse = Prediction(region, coarse.values, coarse.probability)
    labels = np.zeros_like(truth)
    labels[24] = truth[24]
    across = Annotation(labels, ((0, 24), (2, 0), (2, 6)))  # those of the main axis lie outside
    fine = refined(coarse, _scan(truth, grid, 40), across, grid)
    assert _wrong(fine, inner) < 0.1 * _wrong(coarse, inner)


def test_a_prediction_without_any_boundary_stays() -> None:
    truth, grid = _disc(), _grid(2)
    probability = empty_probability(2, grid.region.shape, 2)
    probability[0], probability[1] = 1, 0
    nothing = Prediction(grid.region, (0, 1), probability)
    fine = refined(nothing, _scan(truth, grid, 40), _annotation(truth, 2), grid)
    assert np.array_equal(fine.probability, probability)


def test_pieces_meet_without_a_seam_and_progress_never_falls() -> None:
    truth, grid = _disc(), _grid(2)
    coarse = _coarse(truth, grid, 2)
    scan, annotation = _scan(truth, grid, 40), _annotation(truth, 2)
    told: list[float] = []
    at_once = refined(coarse, scan, annotation, grid)
    few = RefineSettings(most_numbers=1)  # slice by slice
    pieces = refined(coarse, scan, annotation, grid, few, told.append)
    assert len(told) == SLICES
    assert told == sorted(told)
    assert told[-1] == 1
    difference = at_once.probability.astype(np.float32) - pieces.probability
    assert np.abs(difference).max() < 0.02
