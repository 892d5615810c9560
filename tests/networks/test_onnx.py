"""The network as ONNX: run by onnxruntime, equal to PyTorch for slices and examples of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from fewslice.engines.network.inference import load_network
from fewslice.errors import InputError
from fewslice.networks import onnx
from fewslice.networks.inputs import Inputs, Remembered


def random_inputs(
    slices: int, channels: int, size: tuple[int, int], examples: int, memory: tuple[int, int]
) -> list[Tensor]:
    rng = torch.Generator().manual_seed(slices)

    def some(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng)

    return [
        some(slices, channels, 3, *size),
        some(slices, 1, 18, *size),
        some(slices, 1, *size),
        10 * some(slices, 3),
        some(examples, channels, 3, *memory),
        (some(examples, 1, 2, *memory) > 0.5).float(),
        10 * some(examples, 3),
        torch.arange(examples) % 4,
    ]


def remembered(images: Tensor, masks: Tensor, place: Tensor, frame: Tensor) -> Remembered:
    return Remembered(images, masks, place, frame)


@pytest.mark.slow
def test_onnxruntime_answers_as_pytorch_does(tmp_path: Path) -> None:
    network = load_network(None, "cpu")
    onnx.write_onnx(network, tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    assert tuple(each.name for each in session.get_inputs()) == onnx.INPUTS
    for given in (
        random_inputs(2, 2, (48, 56), 5, (64, 40)),
        random_inputs(1, 1, (64, 32), 1, (24, 24)),
        random_inputs(3, 4, (40, 40), 7, (40, 40)),
    ):
        with torch.inference_mode():
            images, hints, base, place, *memory = given
            inputs = Inputs(images, hints, base, place, (remembered(*memory),))
            wanted = network(inputs).numpy()
        fed = dict(zip(onnx.INPUTS, (each.numpy() for each in given), strict=True))
        (found,) = session.run(None, fed)
        assert np.abs(wanted).max() > 0.5
        assert np.abs(found - wanted).max() < 1e-3


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install "fewslice\[onnx\]"'):
        onnx.write_onnx(load_network(None, "cpu"), tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []
