"""The pieces of a task's model: grid, intensities, loss, patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.training.augment import draw_batch
from fewslice.training.grid import TaskGrid, beside, choose_grid, on_pixels, slices_apart
from fewslice.training.intensity import choose_intensity
from fewslice.training.loss import task_loss
from fewslice.training.sampling import ANYWHERE
from fewslice.training.scan import TaskScan
from fewslice.training.slices import TrainingSlice, class_numbers, stack_of
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.orientation import Turn


def scan_of(image: np.ndarray, spacing: tuple[float, float, float], axis: int = 2) -> TaskScan:
    labels = np.zeros(image.shape, np.uint8)
    middle = [slice(n // 4, n // 2) for n in image.shape]
    middle[axis] = slice(image.shape[axis] // 2, image.shape[axis] // 2 + 1)
    labels[tuple(middle)] = 1
    geometry = Geometry.from_spacing(image.shape, spacing)
    return TaskScan("s", Scan(image[None], geometry), find_annotation(labels, geometry))


def test_the_grid_is_that_of_most_scans_in_the_patients_directions() -> None:
    scans = [scan_of(np.zeros((20, 24, 8)), (1, 2, 5)) for _ in range(2)]
    turn = Turn((2, 0, 1), (True, False, True))
    geometry = turn.geometry(scans[0].geometry)
    labels = turn.array(scans[0].annotation.labels)
    odd = TaskScan(
        "o", Scan(turn.array(scans[0].channels), geometry), find_annotation(labels, geometry)
    )
    grid = choose_grid([odd, *scans])
    assert (grid.plane, grid.step, grid.pixel) == (2, 5.0, (1.0, 2.0))
    assert grid.extent == (40.0, 20.0, 48.0)


def test_large_slices_get_larger_pixels() -> None:
    grid = choose_grid([scan_of(np.zeros((512, 300, 3)), (0.5, 0.5, 5))])
    assert grid.pixel == (1.0, 1.0)
    assert grid.size(Geometry.from_spacing((512, 300, 3), (0.5, 0.5, 5))) == (256, 150)


def test_neighbours_are_one_step_away_in_mm() -> None:
    ramp = np.arange(9, dtype=np.float32).reshape(9, 1, 1, 1)
    at = np.array([0, 4, 8])
    assert beside(ramp, at, 2.5).ravel().tolist() == [2.5, 6.5, 8.0]
    assert beside(ramp, at, -1).ravel().tolist() == [0, 3, 7]
    grid = TaskGrid(2, 5.0, (1.0, 1.0))
    assert slices_apart(grid, Geometry.from_spacing((4, 4, 4), (1, 1, 2.0))) == 2.5
    assert slices_apart(grid, Geometry.from_spacing((4, 4, 4), (1, 1, 2.6))) == 2.0
    assert slices_apart(grid, Geometry.from_spacing((4, 4, 4), (1, 1, 5.5))) == 1.0


def test_resizing_keeps_the_mean_and_does_nothing_at_the_same_size() -> None:
    image = np.random.default_rng(0).random((3, 8, 6)).astype(np.float32)
    assert np.array_equal(on_pixels(image, (8, 6)), image)
    small = on_pixels(image, (4, 3))
    assert small.shape == (3, 4, 3)
    np.testing.assert_allclose(small.mean(), image.mean(), rtol=1e-5)
    assert on_pixels(image, (16, 7)).shape == (3, 16, 7)


def test_hounsfield_units_keep_their_meaning_and_others_do_not() -> None:
    rng = np.random.default_rng(0)
    ct = rng.integers(-1000, 1500, (12, 12, 6)).astype(np.int16)
    ct[0] = -1000
    (fixed,) = choose_intensity([scan_of(ct, (1, 1, 3))])
    assert fixed.fixed
    assert np.array_equal(fixed.apply(ct[2:]), fixed.apply(ct)[2:])
    assert (np.diff(fixed.apply(np.arange(-2000, 3000))) >= 0).all()
    (own,) = choose_intensity([scan_of(ct + 1000, (1, 1, 3))])
    assert not own.fixed
    np.testing.assert_allclose(own.apply(ct * 3 + 77), own.apply(ct), atol=1e-4)
    assert np.isfinite(own.apply(np.full((3, 3, 3), 7))).all()


def test_the_stack_has_slices_across_the_plane_of_the_world() -> None:
    image = np.random.default_rng(1).random((6, 10, 4)).astype(np.float32)
    scan = scan_of(image, (1, 1, 3))
    intensity = choose_intensity([scan])
    stack = stack_of(scan.scan, TaskGrid(1, 1.0, (1.0, 3.0)), intensity)
    assert stack.images.shape == (10, 1, 8, 8)  # 4 columns are interpolated to the fewest
    seen = stack.seen(np.array([3]))
    assert np.array_equal(seen[0], stack.images[2:5, 0])
    places = stack.places(np.array([0]))  # the extent is 200 mm, half of it 100
    assert places.shape == (1, 3, 8, 8)
    np.testing.assert_allclose(places[0, :, 0, 0], [-0.02625, -0.0525, -0.045])


def test_classes_on_larger_pixels_are_those_of_the_largest_share() -> None:
    labels = np.array([[7, 7, 0, 0], [7, 0, 0, 9], [0, 9, 255, 255], [9, 9, 255, 0]])
    known = labels != 255
    found = class_numbers(labels, known, (7, 9), (2, 2))
    assert found.tolist() == [[1, 0], [2, -1]]


def test_the_loss_of_a_known_case() -> None:
    logits = torch.zeros(1, 2, 1, 2)
    truth = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    nobody = torch.zeros(1, 2, dtype=torch.bool)
    # Cross-entropy ln 2; Dice (2 * 0.5 + 1) / (1 + 1 + 1).
    expected = np.log(2) + 1 - 2 / 3
    assert float(task_loss(logits, truth, nobody)) == pytest.approx(expected)


def test_unknown_pixels_do_not_count() -> None:
    logits = torch.randn(1, 2, 1, 3, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([[[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]])
    nobody = torch.zeros(1, 2, dtype=torch.bool)
    other = logits.clone()
    other[..., 2] = 9.0
    assert torch.equal(task_loss(logits, truth, nobody), task_loss(other, truth, nobody))


def test_what_nobody_looked_for_may_be_on_the_background() -> None:
    truth = torch.zeros(1, 3, 1, 1)
    truth[0, 0] = 1
    nobody = torch.tensor([[False, False, True]])
    third = torch.tensor([0.0, 0.0, 20.0]).reshape(1, 3, 1, 1)
    assert float(task_loss(third, truth, nobody)) < 1e-3
    assert float(task_loss(third, truth, torch.zeros(1, 3, dtype=torch.bool))) > 10
    second = torch.tensor([0.0, 20.0, 0.0]).reshape(1, 3, 1, 1)
    assert float(task_loss(second, truth, nobody)) > 10


def test_image_and_truth_are_turned_together_and_never_mirrored() -> None:
    truth = np.zeros((40, 48), np.int16)
    truth[5:20, 6:20] = 1
    training_slice = TrainingSlice(
        truth[None].astype(np.float32), truth, 0.0, (0.1, 0.1), (1.0, 1.0), np.zeros(2, bool)
    )
    batch = draw_batch(
        [(training_slice, ANYWHERE)] * 12, 2, (40, 48), True, np.random.default_rng(0)
    )
    assert batch.truth.shape == (12, 2, 40, 48)
    inside, outside = batch.truth[:, 1] > 0.99, batch.truth[:, 0] > 0.99
    for image, one, other in zip(batch.images[:, 0], inside, outside, strict=True):
        assert float(image[one].mean()) > float(image[other].mean()) + 0.4
    upper_left = batch.truth[:, 1, :20, :24].sum()
    assert float(upper_left / batch.truth[:, 1].sum()) > 0.7


def test_beyond_the_slice_nothing_is_known() -> None:
    truth = np.ones((8, 8), np.int16)
    training_slice = TrainingSlice(
        np.ones((1, 8, 8), np.float32), truth, 0.0, (0.1, 0.1), (1.0, 1.0), np.zeros(2, bool)
    )
    batch = draw_batch([(training_slice, ANYWHERE)], 2, (32, 32), True, np.random.default_rng(0))
    assert float(batch.truth.sum()) < 150
    assert float(batch.truth[..., :4, :4].abs().max()) == 0.0
