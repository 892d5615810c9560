import numpy as np
import pytest

from fewslice.pretraining.generators.labelled_volume import LabelArray
from fewslice.pretraining.generators.synthesis import _body, synthesise, synthetic_volume


def _two_boxes(shape: tuple[int, int, int] = (40, 36, 20)) -> LabelArray:
    labels = np.zeros(shape, dtype=np.uint16)
    labels[5:15, 5:30, 3:17] = 7
    labels[20:35, 5:30, 3:17] = 300
    return labels


@pytest.mark.parametrize("seed", range(6))
def test_an_image_is_in_the_unit_range_and_not_flat(seed: int) -> None:
    image = synthesise(_two_boxes(), (1.0, 1.0, 2.0), np.random.default_rng(seed))

    assert image.shape == (40, 36, 20)
    assert image.dtype == np.float32
    assert image.min() >= 0.0
    assert image.max() <= 1.0
    assert image.std() > 0.01


def test_contrasts_go_from_clear_to_faint() -> None:
    labels = _two_boxes()
    differences = []
    for seed in range(40):
        image = synthesise(labels, (1.0, 1.0, 2.0), np.random.default_rng(seed))
        differences.append(abs(image[labels == 7].mean() - image[labels == 300].mean()))

    assert min(differences) < 0.05
    assert max(differences) > 0.5
    assert np.median(differences) > 0.1


def test_the_background_is_structured() -> None:
    # Averaging over 3 x 3 x 3 voxels takes noise away, and leaves regions.
    empty = np.zeros((48, 48, 24), dtype=np.uint16)
    spreads = []
    for seed in range(12):
        image = synthesise(empty, (1.0, 1.0, 1.0), np.random.default_rng(seed))
        spreads.append(image.reshape(16, 3, 16, 3, 8, 3).mean(axis=(1, 3, 5)).std())

    assert np.median(spreads) > 0.1


def test_an_image_is_the_same_for_the_same_seed() -> None:
    first, second, other = (
        synthesise(_two_boxes(), (1.0, 1.0, 1.0), np.random.default_rng(seed)) for seed in (3, 3, 4)
    )

    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("seed", range(6))
def test_a_volume_keeps_its_labels_and_stays_small(seed: int) -> None:
    labels = _two_boxes((150, 140, 90))
    before = labels.copy()

    volume = synthetic_volume(labels, (1.0, 1.0, 1.5), np.random.default_rng(seed), "boxes")

    np.testing.assert_array_equal(labels, before)
    assert volume.name == "boxes"
    assert volume.labels.dtype == np.uint16
    assert volume.scan.channels.shape == (1, *volume.labels.shape)
    assert np.less_equal(volume.labels.shape, (128, 128, 64)).all()
    assert volume.scan.spacing[2] >= volume.scan.spacing[0] >= 1.0
    assert set(np.unique(volume.labels)) <= {0, 7, 300}
    assert volume.labels.any()


@pytest.mark.slow
def test_sizes_in_millimetres_survive_turning_and_thicker_slices() -> None:
    labels = np.zeros((60, 60, 30), dtype=np.uint16)
    labels[20:40, 20:40, 10:20] = 1
    true = 20 * 20 * (10 * 2.0)
    ratios = []
    for seed in range(20):
        volume = synthetic_volume(labels, (1.0, 1.0, 2.0), np.random.default_rng(seed), "box")
        ratios.append((volume.labels == 1).sum() * np.prod(volume.scan.spacing) / true)

    # Scaling by up to exp(0.2) a side changes the volume by up to exp(0.6); elastically a little.
    assert 0.7 < np.median(ratios) < 1.4
    assert min(ratios) > 0.2
    assert max(ratios) < 3.0


def test_an_empty_label_map_gives_a_volume_without_labels() -> None:
    empty = np.zeros((5, 20, 30), dtype=np.uint16)

    volume = synthetic_volume(empty, (5.0, 1.0, 1.0), np.random.default_rng(0), "empty")

    assert not volume.labels.any()


def test_some_volumes_show_their_labels_in_several_channels() -> None:
    counts = [
        len(
            synthetic_volume(
                _two_boxes(), (1.0, 1.0, 2.0), np.random.default_rng(seed), "a"
            ).scan.channels
        )
        for seed in range(16)
    ]
    assert {1, 2} <= set(counts) <= {1, 2, 3, 4}


def test_a_body_holds_the_structures_and_leaves_air() -> None:
    labels = np.zeros((48, 48, 24), dtype=np.uint16)
    labels[20:28, 18:30, 8:16] = 1
    for seed in range(4):
        body = _body(labels, (1.0, 1.0, 2.0), np.random.default_rng(seed))
        assert body[labels > 0].all()
        assert not body[0, 0, 0]
        assert body.sum() > (labels > 0).sum()
    assert _body(labels * 0, (1.0, 1.0, 2.0), np.random.default_rng(0)).all()
