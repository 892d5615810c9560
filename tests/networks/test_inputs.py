"""Bundles of tensors that travel together."""

from __future__ import annotations

import torch

from fewslice.networks.inputs import HINTS, NOWHERE, SAME_SCAN, Inputs, Remembered
from fewslice.networks.settings import NetworkSettings


def test_the_hints_are_as_many_as_the_network_takes() -> None:
    assert len(HINTS) == len(set(HINTS)) == NetworkSettings().hints


def test_everything_moves_to_another_device() -> None:
    part = Remembered(
        images=torch.rand(2, 1, 3, 4, 5),
        masks=torch.rand(2, 3, 2, 4, 5),
        place=torch.rand(2, 3),
        frame=torch.tensor([NOWHERE, SAME_SCAN]),
    )
    inputs = Inputs(
        images=torch.rand(6, 1, 3, 4, 5),
        hints=torch.rand(6, 3, 18, 4, 5),
        base=torch.rand(6, 3, 4, 5),
        place=torch.rand(6, 3),
        memory=(part,),
    )
    moved = inputs.to("meta")  # a device every machine has
    names = ("images", "hints", "base", "place")
    tensors = [getattr(moved, name) for name in names]
    originals = [getattr(inputs, name) for name in names]
    names = ("images", "masks", "place", "frame")
    tensors += [getattr(moved.memory[0], name) for name in names]
    originals += [getattr(part, name) for name in names]
    for tensor, original in zip(tensors, originals, strict=True):
        assert tensor.device.type == "meta"
        assert (tensor.shape, tensor.dtype) == (original.shape, original.dtype)
    assert inputs.images.device.type == "cpu"
