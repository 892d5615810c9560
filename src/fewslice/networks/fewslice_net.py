"""The network: a U-Net per structure over shared image features, with a memory of examples.

    image, its neighbours --> ImageEncoder --> f1, f2, f4, f8  (once a slice, for all structures)
                                                 |     |
    annotated slices + masks --> MemoryWriter -> Memory --read at f4--> m
                                                       |
    hints of one structure -> x1 +f1 -> x2 +f2 -> x4 +f4 +m -> x8 +f8
                               |        |          |           |
                     logit <- y1 <---- y2 <------ y4 <---------+

    result = softmax(0, base_1 + logit_1, base_2 + logit_2, ...)

A structure's logit corrects the log-odds given as base; at the start of training it is 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fewslice.networks.blocks import Block, doubled, halved, padded
from fewslice.networks.inputs import Inputs, Remembered
from fewslice.networks.memory import (
    Memory,
    MemoryReader,
    MemoryWriter,
    cell_places,
    gather,
)
from fewslice.networks.settings import NetworkSettings

MULTIPLE = 8
"""Slices are encoded in blocks of so many pixels a side."""


class ImageEncoder(nn.Module):
    """Features of a slice with its neighbours, at four resolutions.

    The channels of a scan, any number in any order, are encoded alike and averaged pixel by pixel
    with weights that follow from their features; at the start of training these are equal.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        one, two, four, eight = settings.widths
        self.at_full = Block(3, one)
        self.at_half = Block(one, two)
        self.at_quarter = Block(two, four)
        self.at_eighth = Block(four, eight)
        self.scores = nn.ParameterList(torch.zeros(width) for width in settings.widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return features from (slice, channel, 3, h, w)."""
        slices, channels = images.shape[:2]
        x = self.at_full(images.flatten(0, 1))
        levels = [x]
        for stage in (self.at_half, self.at_quarter, self.at_eighth):
            x = stage(halved(x))
            levels.append(x)
        if channels == 1:
            return levels
        return [
            _averaged(x.unflatten(0, (slices, channels)), score)
            for x, score in zip(levels, self.scores, strict=True)
        ]


def _averaged(features: Tensor, score: Tensor) -> Tensor:
    """Return (slice, c, h, w) from (slice, channel, c, h, w); score: (c,), of a channel's pixel."""
    scores = torch.einsum("nkchw,c->nkhw", features, score)[:, :, None]
    return (features * scores.softmax(dim=1)).sum(dim=1)


class StructureDecoder(nn.Module):
    """From hints, image features and what the memory says to a correction of the base."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        one, two, four, eight = settings.widths
        self.hints = nn.Conv2d(settings.hints, one, 3, padding=1)
        self.down_full = Block(2 * one, one)
        self.down_half = Block(one + two, two)
        self.down_quarter = Block(two + four + settings.values, four)
        self.bottom = Block(four + eight, eight)
        self.up_quarter = Block(eight + four, four)
        self.up_half = Block(four + two, two)
        self.up_full = Block(two + one, one)
        self.logit = nn.Conv2d(one, 1, 1)
        nn.init.zeros_(self.logit.weight)
        if self.logit.bias is not None:
            nn.init.zeros_(self.logit.bias)

    def forward(self, hints: Tensor, levels: list[Tensor], read: Tensor) -> Tensor:
        """Return logits (n, h, w), n slices times structures. hints: (n, hint, h, w)."""
        full = self.down_full(torch.cat([self.hints(hints), levels[0]], dim=1))
        half = self.down_half(torch.cat([halved(full), levels[1]], dim=1))
        quarter = self.down_quarter(torch.cat([halved(half), levels[2], read], dim=1))
        x = self.bottom(torch.cat([halved(quarter), levels[3]], dim=1))
        x = self.up_quarter(torch.cat([doubled(x), quarter], dim=1))
        x = self.up_half(torch.cat([doubled(x), half], dim=1))
        x = self.up_full(torch.cat([doubled(x), full], dim=1))
        logit: Tensor = self.logit(x)[:, 0]
        return logit


class FewsliceNet(nn.Module):
    """Segment slices from what is known about them and from a memory of annotated slices."""

    def __init__(self, settings: NetworkSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or NetworkSettings()
        self.encoder = ImageEncoder(self.settings)
        self.writer = MemoryWriter(self.settings)
        self.query = nn.Conv2d(self.settings.widths[2], self.settings.keys, 1)
        self.reader = MemoryReader(self.settings)
        self.decoder = StructureDecoder(self.settings)
        # Channels last: convolutions are 1.5 times faster on a CPU. The stubs do not know it.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Inputs) -> Tensor:
        """Return logits (slice, class, h, w), background (0) first."""
        return self.answer(inputs, self.remember(inputs.memory))

    def remember(self, groups: tuple[Remembered, ...]) -> Memory | None:
        """Write annotated slices into a memory; None if there are none."""
        # By shape: with len, the number of slices would be a constant in what is exported.
        return gather([self._written(group) for group in groups if group.images.shape[0]])

    def _written(self, group: Remembered) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        levels = self.encoder(padded(group.images, MULTIPLE))
        # Padding counts as not looked at.
        masks = _zero_padded(group.masks)
        keys = self.writer.keys(levels[2]).flatten(0, 1)
        height, width = levels[2].shape[-2:]
        place = cell_places(group.place, height, width, group.along)
        frame = group.frame[:, None].expand(-1, height * width).flatten()
        return keys, self.writer.values(levels, masks), place, frame

    def answer(self, inputs: Inputs, memory: Memory | None) -> Tensor:
        """Return logits (slice, class, h, w) of the target slices, reading from a memory."""
        logits = self.answer_from(self.encoded(inputs.images), inputs, memory)
        return torch.cat([torch.zeros_like(logits[:, :1]), logits], dim=1)

    def encoded(self, images: Tensor) -> list[Tensor]:
        """Return the features of slices (slice, channel, 3, h, w), as `answer_from` takes them."""
        levels: list[Tensor] = self.encoder(padded(images, MULTIPLE))
        return levels

    def answer_from(self, levels: list[Tensor], inputs: Inputs, memory: Memory | None) -> Tensor:
        """Return logits (slice, structure, h, w) against the background.

        levels: what `encoded` makes of the inputs' images.
        """
        slices, structures, _, height, width = inputs.hints.shape
        heads = self.settings.heads
        queries = self.query(levels[2]).unflatten(1, (heads, -1)).permute(0, 3, 4, 1, 2)
        read = self.reader(queries, inputs.place, memory)
        read = read.expand(-1, structures, -1, -1, -1).flatten(0, 1)
        hints = padded(inputs.hints, MULTIPLE).flatten(0, 1)
        shared = [level.repeat_interleave(structures, dim=0) for level in levels]
        correction = self.decoder(hints, shared, read).unflatten(0, (slices, structures))
        logits: Tensor = inputs.base + correction[..., :height, :width]
        return logits


def cut(levels: list[Tensor], rows: slice, columns: slice) -> list[Tensor]:
    """Return the features of a part of the slices; it begins at multiples of `MULTIPLE`."""
    cells = [
        (2**halvings, -(-rows.stop // MULTIPLE), -(-columns.stop // MULTIPLE))
        for halvings in range(len(levels))
    ]
    return [
        level[
            ...,
            rows.start // side : below * MULTIPLE // side,
            columns.start // side : right * MULTIPLE // side,
        ]
        for level, (side, below, right) in zip(levels, cells, strict=True)
    ]


def _zero_padded(masks: Tensor) -> Tensor:
    height, width = masks.shape[-2:]
    return F.pad(masks, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
