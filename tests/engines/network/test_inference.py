"""Loading networks and asking them in portions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fewslice.engines.base import as_half
from fewslice.engines.network import inference as model
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.inference import (
    best_device,
    device_of,
    doubtful_box,
    doubtful_odds,
    load_network,
    put_halves,
)
from fewslice.engines.network.inputs import cropped, own_memory, target_inputs
from fewslice.errors import WeightsError
from tests.support.known_features import TINY, random_features, untrained, weights_file


def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    network = load_network(weights_file(tmp_path, random=True), "cpu")
    assert network.settings == TINY
    assert not network.training
    assert device_of(network) == torch.device("cpu")
    expected = untrained(random=True).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_without_a_file_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nothing\.safetensors cannot be read"):
        load_network(tmp_path / "nothing.safetensors")


def test_the_best_device_exists() -> None:
    assert torch.ones(2, device=best_device()).sum() == 2


def test_slices_asked_in_portions_are_answered_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, network = random_features(channels=2), untrained(random=True)
    memory, every = own_memory(features), np.arange(6)
    done: list[float] = []
    monkeypatch.setattr(model, "_PIXELS_AT_ONCE", 4 * 10 * 12)
    odds = doubtful_odds(network, memory, features, every, done.append)
    assert done == pytest.approx([4 / 6, 1])
    # Random walks leave room for both structures everywhere: this is the whole slice's answer.
    with torch.inference_mode():
        logits = network(target_inputs(features, range(6), memory)).numpy()
    assert odds.dtype == np.float32
    np.testing.assert_allclose(odds, logits[:, 1:] - logits[:, :1], atol=1e-4)
    # However large a slice is, it is asked for one at a time.
    monkeypatch.setattr(model, "_PIXELS_AT_ONCE", 1)
    np.testing.assert_allclose(doubtful_odds(network, memory, features, every), odds, atol=1e-4)


def background(shape: tuple[int, int, int] = (6, 90, 80)) -> SliceFeatures:
    """Return features of two structures, of which walk and outlines say that they are nowhere."""
    features = random_features(shape, positions=(0,) if shape[0] == 1 else (1, 4))
    return replace(
        features, walk=np.full_like(features.walk, -6), shape=np.full_like(features.shape, -12)
    )


def test_the_box_holds_what_walk_or_outlines_leave_room_for() -> None:
    features = background()
    features.walk[2, 0, 40, 30] = -5.4
    features.shape[3, 0, 50, 38] = 2
    both = np.array([2, 3])
    # Rows 40 to 50 and columns 30 to 38, with twelve pixels around: 28 to 63 and 18 to 51, which
    # lie within these multiples of eight.
    assert doubtful_box(features, both, 0) == (slice(24, 64), slice(16, 56))
    # A single pixel gets the least side, 32 pixels: 25 to 57 and 15 to 47.
    assert doubtful_box(features, np.array([2]), 0) == (slice(24, 64), slice(8, 48))
    assert doubtful_box(features, both, 1) is None
    assert doubtful_box(features, np.array([0, 1, 4]), 0) is None
    features.walk[5, 1, 0, 79] = 0  # in a corner the box moves inwards
    assert doubtful_box(features, np.array([5]), 1) == (slice(0, 32), slice(48, 80))


@pytest.mark.parametrize("side", [5, 31, 32, 40, 70])
def test_the_box_is_as_wide_as_it_must_be_and_lies_in_the_slice(side: int) -> None:
    for at in range(side):
        features = background((1, side, 90))
        features.walk[0, 0, at, 45] = 0
        box = doubtful_box(features, np.array([0]), 0)
        assert box is not None
        assert 0 <= box[0].start <= max(at - 12, 0)
        assert min(at + 13, side) <= box[0].stop <= side
        assert box[0].start % 8 == 0
        assert box[0].stop % 8 == 0 or box[0].stop == side
        # 32 pixels, and up to seven more on either side.
        assert min(32, side) <= box[0].stop - box[0].start <= 32 + 14


def test_outside_of_the_box_the_walk_stays_and_structures_do_not_mix() -> None:
    features, network = background(), untrained(random=True)
    features.walk[2, 0, 40, 30] = 1
    odds = doubtful_odds(network, own_memory(features), features, np.array([1, 2]))
    changed = odds != features.walk[[1, 2]]
    assert changed[:, 0, 24:64, 8:48].all()
    changed[:, 0, 24:64, 8:48] = False
    assert not changed.any()


def test_what_lies_around_the_box_counts_in_its_answer() -> None:
    """Images are normalised over the whole slice, as those of the memory are."""
    features, network = background(), untrained(random=True)
    features.walk[2, 0, 40, 30] = 1
    memory, asked = own_memory(features), np.array([2])
    odds = doubtful_odds(network, memory, features, asked)
    features.images[2, :, :, 70:] += 1
    other = doubtful_odds(network, memory, features, asked)
    assert not np.allclose(odds[0, 0, 24:64, 8:48], other[0, 0, 24:64, 8:48], atol=1e-4)


def test_a_crop_lies_where_it_lay_in_the_slice() -> None:
    """A box of the same pixels, cut out of a slice, reads the memory at the same places."""
    features = random_features((3, 24, 20), positions=(1,))
    inputs = target_inputs(features, [0, 2], ())
    part = cropped(inputs, 1, (slice(8, 24), slice(4, 20)))
    np.testing.assert_array_equal(part.place[:, 0], inputs.place[:, 0] + 8)
    np.testing.assert_array_equal(part.place[:, 1], inputs.place[:, 1] + 4)
    np.testing.assert_array_equal(part.place[:, 2], inputs.place[:, 2])
    np.testing.assert_array_equal(part.hints, inputs.hints[:, 1:2, :, 8:24, 4:20])
    np.testing.assert_array_equal(part.base, inputs.base[:, 1:2, 8:24, 4:20])
    np.testing.assert_array_equal(part.images, inputs.images[..., 8:24, 4:20])


def test_halves_are_written_bit_for_bit_as_numpy_rounds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    ties = np.array(
        [1, 0.5 + 2**-12, 0.5 + 3 * 2**-12, 2**-14, 2**-14 - 2**-25, 1e-7, 0], np.float32
    )
    probability = np.concatenate([ties, rng.random(993, dtype=np.float32) ** 8]).reshape(50, 20)
    expected = as_half(probability)
    into = np.full((20, 50), 7, dtype=np.float16).T
    monkeypatch.setattr(model, "_IN_ONE_THREAD", 130)  # six rows at a time, and two at the end
    put_halves(into, probability)
    np.testing.assert_array_equal(into.view(np.int16), expected.view(np.int16))
    # Halfway between two halves the even one is taken; below 2**-14 there is nothing.
    assert into.ravel()[:7].tolist() == [1, 0.5, 0.5 + 2**-10, 2**-14, 0, 0, 0]
