import numpy as np
import pytest

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import smooth_field
from fewslice.pretraining.generators.supervoxels import (
    MOST_LABELS,
    supervoxel_labels,
    supervoxel_volume,
)


def _scan(shape: tuple[int, int, int] = (40, 36, 24)) -> Scan:
    """Return a scan of a bright ball in grey, smooth, uneven surroundings."""
    rng = np.random.default_rng(0)
    i, j, k = np.indices(shape)
    ball = (i - shape[0] / 2) ** 2 + (j - shape[1] / 2) ** 2 + (k - shape[2] / 2) ** 2 < 81
    image = 100 + 10 * smooth_field(shape, (5, 5, 3), rng) + 900 * ball
    return Scan.from_spacing(image[None].astype(np.float32), (1.0, 1.0, 1.5))


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_few_and_of_varied_size(seed: int) -> None:
    labels = supervoxel_labels(_scan(), np.random.default_rng(seed))

    counts = np.bincount(labels.ravel())
    assert labels.shape == (40, 36, 24)
    assert labels.dtype == np.uint16
    assert 3 <= len(counts) <= MOST_LABELS + 1
    # 10 mm³ of 1.5 mm³ voxels would be seven; thirty voxels is the larger.
    assert counts[1:].min() >= 30
    assert counts[1:].max() > 2 * counts[1:].min()


def test_regions_end_where_the_image_changes() -> None:
    scan = _scan()
    inside = scan.channels[0] > 600
    impure, seen = 0, 0
    for seed in range(5):
        labels = supervoxel_labels(scan, np.random.default_rng(seed))
        for value in np.unique(labels[inside & (labels > 0)]):
            share = inside[labels == value].mean()
            seen += 1
            impure += 0.1 < share < 0.9

    assert seen >= 5
    assert impure <= 0.2 * seen


def test_empty_surroundings_are_background() -> None:
    image = np.zeros((40, 40, 20), dtype=np.float32)
    image[10:30, 10:30] = 1.0 + np.random.default_rng(0).random((20, 20, 20), dtype=np.float32)

    labels = supervoxel_labels(
        Scan.from_spacing(image[None], (1.0, 1.0, 1.0)), np.random.default_rng(1)
    )

    assert labels.any()
    assert not labels[:6].any()


def test_a_flat_scan_has_none() -> None:
    flat = Scan.from_spacing(np.full((1, 20, 20, 12), 5, dtype=np.int16), (1.0, 1.0, 1.0))

    assert not supervoxel_labels(flat, np.random.default_rng(0)).any()


def test_a_large_scan_is_cropped_and_keeps_its_values() -> None:
    image = np.random.default_rng(0).normal(40, 10, (1, 70, 110, 120)).astype(np.int16)
    scan = Scan.from_spacing(image, (3.0, 1.0, 1.0))

    volume = supervoxel_volume(scan, np.random.default_rng(2), "noise")

    # 64 across the coarsest spacing, which is the first axis here.
    assert volume.labels.shape == (64, 96, 96)
    assert volume.scan.spacing == (3.0, 1.0, 1.0)
    assert volume.scan.channels.dtype == np.float32
    assert volume.name == "noise"
    crops = np.lib.stride_tricks.sliding_window_view(image[0], (64, 96, 96))
    part = volume.scan.channels[0]
    starts = np.argwhere(crops[..., 0, 0, 0] == part[0, 0, 0])
    assert sum((crops[tuple(start)] == part).all() for start in starts) == 1


def test_the_same_seed_gives_the_same_regions() -> None:
    first, second, other = (
        supervoxel_volume(_scan(), np.random.default_rng(seed), "ball").labels for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
