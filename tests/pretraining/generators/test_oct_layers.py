import numpy as np
import pytest
from scipy.ndimage import find_objects, label

from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.generators.oct_layers import FLUID, FLUID_BELOW, random_oct


@pytest.fixture(scope="module")
def volumes() -> list[LabelledVolume]:
    return [random_oct(np.random.default_rng(seed)) for seed in range(16)]


def _upright(volume: LabelledVolume) -> LabelledVolume | None:
    """Return the volume if its axes are (A-scan, depth, B-scan)."""
    by_size = np.argsort(volume.scan.spacing)
    return volume if tuple(by_size) == (1, 0, 2) else None


@pytest.mark.slow
def test_grids_are_those_of_oct(volumes: list[LabelledVolume]) -> None:
    for volume in volumes:
        across = int(np.argmax(volume.scan.spacing))
        in_plane = [n for axis, n in enumerate(volume.labels.shape) if axis != across]
        assert 8 <= volume.labels.shape[across] <= 32
        assert min(in_plane) >= 96
        assert max(in_plane) <= 256
        assert min(volume.scan.spacing) >= 0.002
        assert 0.03 <= max(volume.scan.spacing) <= 0.25
        assert volume.scan.channels.shape == (1, *volume.labels.shape)
        assert volume.scan.channels.dtype == np.float32
        assert volume.labels.dtype == np.uint16
        assert volume.scan.channels.min() >= 0.0
        assert volume.scan.channels.max() <= 1.0


def test_some_volumes_are_turned(volumes: list[LabelledVolume]) -> None:
    assert 0 < sum(_upright(volume) is None for volume in volumes) < len(volumes) / 2


def test_layers_lie_in_order_along_depth(volumes: list[LabelledVolume]) -> None:
    for volume in filter(None, map(_upright, volumes)):
        values = np.unique(volume.labels)
        layers = values[(values > 0) & (values < FLUID)]
        # Four to nine layers, and the choroid.
        assert 5 <= len(layers) <= 10
        depth = np.arange(volume.labels.shape[1])[None, :, None]
        mean = [(depth * (volume.labels == v)).sum() / (volume.labels == v).sum() for v in layers]
        assert (np.diff(mean) > 0).all()


def test_about_two_thirds_hold_fluid_of_one_common_label(volumes: list[LabelledVolume]) -> None:
    with_fluid = [volume for volume in volumes if (volume.labels >= FLUID).any()]

    assert 0.4 < len(with_fluid) / len(volumes) < 0.9
    for volume in with_fluid:
        assert set(np.unique(volume.labels)) <= {*range(11), FLUID, FLUID_BELOW}
    assert any((volume.labels == FLUID_BELOW).any() for volume in with_fluid)


def test_fluid_comes_in_pockets_small_and_large(volumes: list[LabelledVolume]) -> None:
    sizes: list[int] = []
    spans: list[int] = []
    for volume in volumes:
        pockets, _ = label(volume.labels == FLUID)
        across = int(np.argmax(volume.scan.spacing))
        sizes.extend(np.bincount(pockets.ravel())[1:])
        spans.extend(box[across].stop - box[across].start for box in find_objects(pockets))

    assert len(sizes) > 20
    assert min(sizes) < 60
    assert max(sizes) > 1000
    assert min(spans) == 1
    assert max(spans) > 4


def test_the_pigment_epithelium_is_bright_and_the_vitreous_dark(
    volumes: list[LabelledVolume],
) -> None:
    for volume in volumes:
        image, labels = volume.scan.channels[0], volume.labels
        epithelium = labels[labels < FLUID].max() - 1
        assert image[labels == epithelium].mean() > image[labels == 0].mean() + 0.05


def test_the_same_seed_gives_the_same_volume() -> None:
    first, second = (random_oct(np.random.default_rng(5)) for _ in range(2))

    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.scan.channels, second.scan.channels)
