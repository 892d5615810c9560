"""The network of a task: the shipped network's parts, asked for all structures at once.

    slice and neighbours --> f1, f2, f4, f8      (the shipped image encoder)
                              |   |   |   |
    where it lies ---------> x1, x2, x4, x8 --> y4 --> y2 --> y1 --> a logit per class

The shipped decoder corrects hints of one structure; here there are none, and what it would have
read from its memory of examples is a vector that is learned. Dropout of whole channels (Tompson
et al. 2015) before each stage of the way up; its masks are arguments, so that one sample of
the weights (Gal & Ghahramani 2016) can be the same for all slices of a scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fewslice.networks.blocks import Block, doubled, halved, padded
from fewslice.networks.fewslice_net import FewsliceNet, StructureDecoder
from fewslice.networks.settings import NetworkSettings

NEIGHBOURS = (-1, 0, 1)
"""The slices an answer sees, in steps of the model."""

_MULTIPLE = 8
_PLACES = 3


@dataclass(frozen=True)
class TaskShape:
    """What a network of a task is built of.

    channels: of the scans. classes: background included. widths: channels at full, half, quarter
    and eighth resolution. values: length of the learned vector. dropout: part of the channels
    dropped.
    """

    channels: int
    classes: int
    widths: tuple[int, int, int, int] = NetworkSettings.widths
    values: int = NetworkSettings.values
    dropout: float = 0.1


class TaskNet(nn.Module):
    """From slices with their neighbours to a logit of each class."""

    def __init__(self, shape: TaskShape) -> None:
        super().__init__()
        self.shape = shape
        one, two, four, eight = shape.widths
        self.at_full = Block(len(NEIGHBOURS) * shape.channels, one)
        self.at_half = Block(one, two)
        self.at_quarter = Block(two, four)
        self.at_eighth = Block(four, eight)
        settings = NetworkSettings(widths=shape.widths, values=shape.values, hints=_PLACES)
        self.decoder = StructureDecoder(settings)
        self.decoder.logit = nn.Conv2d(one, shape.classes, 1)
        self.prompt = nn.Parameter(torch.zeros(shape.values))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dropped(self) -> tuple[int, ...]:
        """How many channels each of the dropout layers has."""
        _, two, four, eight = self.shape.widths
        return eight, four, two

    def masks(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Draw the masks of the dropout layers, (count, channel, 1, 1) each; kept channels grow.

        count: 1 for one sample of the network, or one for each slice of a batch.
        """
        kept = 1 - self.shape.dropout
        device = self.prompt.device
        return tuple(
            ((torch.rand(count, width, 1, 1, generator=generator) < kept) / kept).to(device)
            for width in self.dropped
        )

    def forward(
        self, images: Tensor, places: Tensor, masks: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Return logits (slice, class, h, w), background first.

        images: (slice, 3 * channel, h, w): the slice before, itself and the slice after of the
        first channel, then of the next. places: (slice, 3, h, w), see `task_slices.places_of`.
        masks: of the dropout, or None for none.
        """
        height, width = images.shape[-2:]
        return self.up(self.down(images, places), masks)[..., :height, :width]

    def down(self, images: Tensor, places: Tensor) -> list[Tensor]:
        """Return what the way up starts from, at full, half, quarter and eighth resolution.

        No dropout lies on this way, so it is gone once for any number of samples.
        """
        seen = self.features(images)
        decoder = self.decoder
        hints = decoder.hints(padded(places, _MULTIPLE))
        full = decoder.down_full(torch.cat([hints, seen[0]], dim=1))
        half = decoder.down_half(torch.cat([halved(full), seen[1]], dim=1))
        read = self.prompt[None, :, None, None].expand(len(images), -1, *seen[2].shape[-2:])
        quarter = decoder.down_quarter(torch.cat([halved(half), seen[2], read], dim=1))
        eighth = decoder.bottom(torch.cat([halved(quarter), seen[3]], dim=1))
        return [full, half, quarter, eighth]

    def up(self, levels: Sequence[Tensor], masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return logits (slice, class, h, w), h and w rounded up to multiples of 8."""
        full, half, quarter, x = levels
        decoder = self.decoder
        x = decoder.up_quarter(torch.cat([doubled(_kept(x, masks, 0)), quarter], dim=1))
        x = decoder.up_half(torch.cat([doubled(_kept(x, masks, 1)), half], dim=1))
        x = decoder.up_full(torch.cat([doubled(_kept(x, masks, 2)), full], dim=1))
        logits: Tensor = decoder.logit(x)
        return logits

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the image's features at full, half, quarter and eighth resolution."""
        x = self.at_full(padded(images, _MULTIPLE))
        levels = [x]
        for stage in (self.at_half, self.at_quarter, self.at_eighth):
            x = stage(halved(x))
            levels.append(x)
        return levels

    def begin_with(self, shipped: FewsliceNet, *, decoder: bool) -> None:
        """Take over the shipped network's image encoder, and its decoder but for the last layer."""
        mine, theirs = self.state_dict(), shipped.state_dict()
        for name in mine:
            source = theirs.get(_shipped_name(name))
            if not (decoder or name.startswith("at_")):
                continue
            if name == "prompt":
                mine[name] = theirs["reader.nothing"].clone()
            elif name.startswith("decoder.logit"):
                continue
            elif name == "decoder.hints.weight":  # where a slice lies is learned from nothing
                mine[name] = torch.zeros_like(mine[name])
            elif source is not None and source.shape != mine[name].shape:  # several channels
                each = self.shape.channels
                mine[name] = source.repeat(1, each, 1, 1) / each
            elif source is not None:
                mine[name] = source.clone()
        self.load_state_dict(mine)


def _kept(x: Tensor, masks: Sequence[Tensor] | None, layer: int) -> Tensor:
    return x if masks is None else x * masks[layer]


def _shipped_name(name: str) -> str:
    return name if name.startswith("decoder.") else f"encoder.{name}"


def class_probability(logits: Tensor) -> Tensor:
    """Return probabilities of the classes."""
    return F.softmax(logits.float(), dim=1)
