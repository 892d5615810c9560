from dataclasses import replace

import numpy as np
import pytest

from fewslice.networks.augmentation.intensity import HIGH, LOW, IntensityChange
from fewslice.typing import Float32Array


def _nothing() -> IntensityChange:
    return IntensityChange(
        curve=np.linspace(LOW, HIGH, 512, dtype=np.float32),
        blur=0.0,
        sharpening=0.0,
        noise=0.0,
        bias=np.zeros((4, 4), dtype=np.float32),
        jitter=0.0,
    )


def _slices(seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).random((3, 16, 20), dtype=np.float32)


def _apply(change: IntensityChange, images: Float32Array) -> Float32Array:
    return change.apply(images, np.random.default_rng(1))


def test_no_change_leaves_values_to_within_a_step() -> None:
    np.testing.assert_allclose(_apply(_nothing(), _slices()), _slices(), atol=1.5 / 511)


def test_values_beyond_the_range_are_clipped() -> None:
    images = np.array([[-3.0, 0.5, 9.0]], dtype=np.float32)

    np.testing.assert_allclose(_apply(_nothing(), images), [[LOW, 0.5, HIGH]], atol=0.003)


def test_a_curve_maps_the_same_value_alike_in_all_slices() -> None:
    inverted = replace(_nothing(), curve=(1 - _nothing().curve))

    np.testing.assert_allclose(_apply(inverted, _slices()), 1 - _slices(), atol=1.5 / 511)


def test_blur_keeps_the_mean_and_sharpening_widens_edges() -> None:
    step = np.zeros((1, 12, 12), dtype=np.float32)
    step[..., 6:] = 0.5

    blurred = _apply(replace(_nothing(), blur=1.0), step)
    sharpened = _apply(replace(_nothing(), sharpening=1.0), step)

    assert blurred.mean() == pytest.approx(0.25, abs=0.002)
    assert 0.02 < blurred[0, 6, 5] < 0.23
    assert sharpened[0, 6, 5] < -0.05
    assert sharpened[0, 6, 6] > 0.55


def test_a_bias_field_is_smooth_and_the_same_in_all_slices() -> None:
    bias = np.zeros((4, 4), dtype=np.float32)
    bias[0] = 0.5
    flat = np.full((2, 16, 20), 0.5, dtype=np.float32)

    changed = _apply(replace(_nothing(), bias=bias), flat)

    np.testing.assert_array_equal(changed[0], changed[1])
    # The first control points lift the first rows and let the last be.
    assert (np.diff(changed[0, :, 0]) <= 0).all()
    assert changed[0, 0, 0] > 0.53
    assert changed[0, -1, 0] == pytest.approx(0.5, abs=0.003)


def test_jitter_shifts_each_slice_as_a_whole() -> None:
    flat = np.full((50, 4, 4), 0.5, dtype=np.float32)

    changed = _apply(replace(_nothing(), jitter=0.03), flat)

    np.testing.assert_allclose(np.ptp(changed, axis=(1, 2)), 0, atol=1e-6)
    assert changed[:, 0, 0].std() == pytest.approx(0.03, rel=0.3)


def test_noise_has_the_deviation_said() -> None:
    flat = np.full((4, 32, 32), 0.5, dtype=np.float32)

    changed = _apply(replace(_nothing(), noise=0.05), flat)

    assert changed.std() == pytest.approx(0.05, rel=0.05)


def test_samples_stay_in_range_and_do_not_touch_their_input() -> None:
    for seed in range(100):
        images = _slices(seed) * 1.4 - 0.2
        before = images.copy()
        changed = IntensityChange.sample(np.random.default_rng(seed)).apply(
            images, np.random.default_rng(seed)
        )
        np.testing.assert_array_equal(images, before)
        assert changed.shape == images.shape
        assert changed.dtype == np.float32
        assert changed.min() >= LOW
        assert changed.max() <= HIGH


def test_every_part_is_drawn_sometimes_and_left_out_sometimes() -> None:
    changes = [IntensityChange.sample(np.random.default_rng(seed)) for seed in range(300)]
    for part in ("blur", "sharpening", "noise", "jitter"):
        assert 0 < np.mean([getattr(change, part) > 0 for change in changes]) < 0.5
    middle = slice(100, 412)
    rising = [(np.diff(change.curve[middle]) >= 0).all() for change in changes]
    falling = [(np.diff(change.curve[middle]) <= 0).all() for change in changes]
    neither = [not up and not down for up, down in zip(rising, falling, strict=True)]
    assert 0.5 < np.mean(rising) < 0.9
    assert 0.1 < np.mean(falling) < 0.4
    assert 0.03 < np.mean(neither) < 0.2


def test_the_same_seed_gives_the_same_change() -> None:
    first, second = (
        IntensityChange.sample(np.random.default_rng(9)).apply(_slices(), np.random.default_rng(9))
        for _ in range(2)
    )

    np.testing.assert_array_equal(first, second)
