import numpy as np
import pytest
from scipy.ndimage import find_objects, label

from fewslice.pretraining.generators.random_shapes import random_shapes


@pytest.mark.parametrize("seed", range(6))
def test_a_volume_holds_several_structures(seed: int) -> None:
    volume = random_shapes(np.random.default_rng(seed))

    counts = np.bincount(volume.labels.ravel())
    assert volume.labels.dtype == np.uint16
    assert 3 <= len(counts) <= 9
    assert counts[1:].min() >= 60
    assert volume.scan.channels.shape == (1, *volume.labels.shape)
    assert volume.scan.channels.dtype == np.float32
    assert volume.scan.channels.min() >= 0.0
    assert volume.scan.channels.max() <= 1.0


@pytest.mark.parametrize("seed", range(6))
def test_sizes_and_spacing_are_those_of_scans(seed: int) -> None:
    volume = random_shapes(np.random.default_rng(seed))

    fine, middle, coarse = sorted(volume.scan.spacing)
    assert fine == middle
    assert 1.0 <= coarse / fine <= 5.0
    across = int(np.argmax(volume.scan.spacing))
    in_plane = [n for axis, n in enumerate(volume.labels.shape) if axis != across]
    assert 12 <= volume.labels.shape[across] <= 64
    assert min(in_plane) >= 48
    assert max(in_plane) <= 128


def test_the_same_seed_gives_the_same_volume() -> None:
    first, second, other = (random_shapes(np.random.default_rng(seed)) for seed in (5, 5, 6))

    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.scan.channels, second.scan.channels)
    assert first.labels.shape != other.labels.shape


@pytest.mark.slow
def test_shapes_are_of_many_kinds() -> None:
    # How much of its bounding box a structure fills: a ball 0.52, a tube or a sheet far less.
    filled, components = [], []
    for seed in range(10):
        labels = random_shapes(np.random.default_rng(seed)).labels
        for value, box in enumerate(find_objects(labels.astype(np.int32)), start=1):
            mask = labels[box] == value
            filled.append(mask.mean())
            components.append(label(mask)[1])

    assert np.mean(np.array(filled) > 0.4) > 0.1
    assert np.mean(np.array(filled) < 0.15) > 0.1
    assert max(components) > 3
    assert min(components) == 1
