"""UniverSeg's network, so that weights in its published format can be read.

Butoi, Ortiz et al. 2023, *UniverSeg: Universal Medical Image Segmentation* (arXiv 2304.06131): a
U-Net whose blocks let a slice and a set of examples (slices with their masks) speak to each other.
In every block the target is convolved together with each example (*CrossConv*); the mean over the
examples goes on as the target, and each pair as that example. Names and shapes of the parameters
are those of the authors' files; the code is our own, and no weights come with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from fewslice.errors import WeightsError
from fewslice.networks.checkpoint import read_state

Width = tuple[int, int]
"""Features of a block after its cross-convolution, and after the convolutions that follow."""

_EXPECTED = "expected a state_dict of UniverSeg, such as universeg_v1_nf64_ss64_STA.pt"


class CrossBlock(nn.Module):
    """One block: target and examples convolved together, then each by itself.

    target_channels, support_channels: of what comes in. width: see `Width`.
    """

    def __init__(self, target_channels: int, support_channels: int, width: Width) -> None:
        super().__init__()
        crossed, convolved = width
        together = nn.Conv2d(target_channels + support_channels, crossed, 3, padding=1)
        self.cross = nn.ModuleDict({"cross_conv": together})
        self.target = _shared(crossed, convolved)
        self.support = _shared(crossed, convolved)
        self._target_channels = target_channels

    def forward(
        self, target: Tensor, support: Tensor, *, last: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return both with this block's features; after the last block nobody needs the examples.

        target: (1, channel, rows, columns). support: (example, channel, rows, columns).
        """
        # A convolution of two stacked images is the sum of one of each, so that the target's is
        # computed once and not once for every example.
        both: Any = self.cross["cross_conv"]
        own, others = both.weight.split(
            [self._target_channels, both.weight.shape[1] - self._target_channels], dim=1
        )
        pairs = nn.functional.conv2d(target, own, both.bias, padding=1)
        pairs = pairs + nn.functional.conv2d(support, others, padding=1)
        others = pairs if last else _convolved(self.support, pairs)
        return _convolved(self.target, pairs.mean(0, keepdim=True)), others


class UniverSegNet(nn.Module):
    """The network. encoder, decoder: the widths of its blocks, in the order they are passed."""

    def __init__(self, encoder: Sequence[Width], decoder: Sequence[Width]) -> None:
        super().__init__()
        self.enc_blocks = nn.ModuleList()
        self.dec_blocks = nn.ModuleList()
        target, support = 1, 2
        for width in encoder:
            self.enc_blocks.append(CrossBlock(target, support, width))
            target = support = width[1]
        for width, skip in zip(decoder, [each[1] for each in encoder[-2::-1]], strict=True):
            self.dec_blocks.append(CrossBlock(target + skip, support + skip, width))
            target = support = width[1]
        self.out_conv = nn.ModuleDict({"conv": nn.Conv2d(target, 1, 1)})

    def forward(self, image: Tensor, support: Tensor) -> Tensor:
        """Return logits (rows, columns) of one slice.

        image: (rows, columns) in [0, 1]; sides that halve evenly, 128 in training. support:
        (example, 2, rows, columns), image and mask of each.
        """
        target = image[None, None]
        skipped = []
        for at, block in enumerate(self.enc_blocks):
            target, support = block(target, support, last=len(self.enc_blocks) == 1)
            if at < len(self.enc_blocks) - 1:
                skipped.append((target, support))
                target = nn.functional.max_pool2d(target, 2)
                support = nn.functional.max_pool2d(support, 2)
        for block in self.dec_blocks:
            before = skipped.pop()
            target = torch.cat([_doubled(target), before[0]], dim=1)
            support = torch.cat([_doubled(support), before[1]], dim=1)
            target, support = block(target, support, last=not skipped)
        found: Tensor = self.out_conv["conv"](target)[0, 0]
        return found


def _shared(before: int, after: int) -> nn.ModuleDict:
    """Return the convolution that all images of a set share, under the name it has in files."""
    convolution = nn.ModuleDict({"conv": nn.Conv2d(before, after, 3, padding=1)})
    return nn.ModuleDict({"vmapped": convolution})


def _convolved(shared: nn.ModuleDict, images: Tensor) -> Tensor:
    inside: Any = shared["vmapped"]
    found: Tensor = nn.functional.leaky_relu(inside["conv"](images))
    return found


def _doubled(images: Tensor) -> Tensor:
    return nn.functional.interpolate(images, scale_factor=2, mode="bilinear", align_corners=True)


def load_universeg(path: str | PathLike[str]) -> UniverSegNet:
    """Return the network of a file of weights; its widths follow from the file.

    Raises WeightsError if the file is missing, holds anything but tensors, or does not fit.
    """
    state = read_state(path, _EXPECTED)
    network = _network_of(path, state)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        # torch lists what does not fit on lines of their own, the first after a general one.
        first = str(error).split("\n\t")[1:2]
        raise WeightsError(
            f"{path} does not fit UniverSeg ({first[0].strip() if first else error}); {_EXPECTED}."
        ) from error
    return network.eval()


def _network_of(path: str | PathLike[str], state: Mapping[str, Tensor]) -> UniverSegNet:
    encoder, decoder = (_widths(state, name) for name in ("enc_blocks", "dec_blocks"))
    if not encoder or len(decoder) != len(encoder) - 1:
        found = next(iter(state), None)
        raise WeightsError(
            f"{path} holds {len(encoder)} encoder and {len(decoder)} decoder blocks of UniverSeg"
            f"{'' if found is None else f' (its first tensor is {found!r})'}; {_EXPECTED}."
        )
    return UniverSegNet(encoder, decoder)


def _widths(state: Mapping[str, Tensor], blocks: str) -> list[Width]:
    """Return the widths of blocks, as far as they are numbered without a gap."""
    found: list[Width] = []
    while True:
        start = f"{blocks}.{len(found)}"
        crossed = state.get(f"{start}.cross.cross_conv.weight")
        convolved = state.get(f"{start}.target.vmapped.conv.weight")
        if crossed is None or convolved is None or not crossed.ndim == convolved.ndim == 4:
            return found
        found.append((crossed.shape[0], convolved.shape[0]))
