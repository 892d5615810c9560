"""A memory of annotated slices that is written once and read by every slice.

Space-time-memory attention (Oh et al. 2019, video object segmentation): keys come from the image
alone, values from the image and the mask on it. The weights of a read do not depend on the
structure, so that structures share their keys and a structure's answer does not depend on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fewslice.networks.blocks import Block
from fewslice.networks.inputs import SAME_SCAN
from fewslice.networks.settings import NetworkSettings

STRIDE = 4
"""Pixels of a slice per cell of the memory, along rows and columns."""


@dataclass(frozen=True, eq=False)
class Memory:
    """Annotated slices as keys and values.

    keys: (cell, heads, k). values: (structure, cell, v). place: (cell, 3), rows, columns and slices
    in pixels of the target grid. frame: (cell,).
    """

    keys: Tensor
    values: Tensor
    place: Tensor
    frame: Tensor


def cell_places(place: Tensor, height: int, width: int, along: tuple[int, int] = (0, 1)) -> Tensor:
    """Return where the cells of slices lie: (slice * height * width, 3) from (slice, 3).

    along: directions in which the rows and the columns are counted, see `Remembered`.
    """
    rows = torch.arange(height, device=place.device) * STRIDE + (STRIDE - 1) / 2
    columns = torch.arange(width, device=place.device) * STRIDE + (STRIDE - 1) / 2
    grid = place[:, None, None].expand(-1, height, width, 3).clone()
    grid[..., along[0]] += rows[:, None]
    grid[..., along[1]] += columns
    return grid.reshape(-1, 3)


class MemoryWriter(nn.Module):
    """Turn image features and masks into keys and values."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        fine, middle, coarse, _ = settings.widths
        self.heads = settings.heads
        self.key = nn.Conv2d(coarse, settings.keys, 1)
        self.mask_fine = nn.Conv2d(2 + fine, 16, 3, padding=1, stride=2)
        self.mask_coarse = nn.Conv2d(16 + middle, 32, 3, padding=1, stride=2)
        self.value = Block(32 + 2 + coarse, settings.values)

    def keys(self, features: Tensor) -> Tensor:
        """Return (slice, h * w, heads, k) from features at quarter resolution."""
        keys: Tensor = self.key(features)
        slices, _, height, width = keys.shape
        return keys.reshape(slices, self.heads, -1, height * width).permute(0, 3, 1, 2)

    def values(self, levels: list[Tensor], masks: Tensor) -> Tensor:
        """Return (structure, slice * h * w, v) from image features and (slice, structure, 2, ...).

        levels: features at full, half, quarter resolution.
        """
        found = []
        for mask in masks.unbind(dim=1):
            half = F.silu(self.mask_fine(torch.cat([mask, levels[0]], dim=1)))
            quarter = F.silu(self.mask_coarse(torch.cat([half, levels[1]], dim=1)))
            share = F.avg_pool2d(mask, STRIDE)
            value = self.value(torch.cat([quarter, share, levels[2]], dim=1))
            found.append(value.permute(0, 2, 3, 1).reshape(-1, value.shape[1]))
        return torch.stack(found)


class MemoryReader(nn.Module):
    """Read the memory at every cell of target slices.

    How much a squared distance in the plane or across slices counts against a cell is learned for
    each head and each kind of frame (this scan, another scan, a slice of this scan that crosses);
    with `NOWHERE` it does not count.
    The penalty is written as a scalar product of six more entries in queries and keys, so
    that the attention stays an ordinary one.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.scale = (settings.keys // settings.heads) ** -0.5
        # By numpy: on "meta", where only shapes are asked for, torch loads its compiler for that.
        steepness = np.linspace(-8.0, -1.0, settings.heads, dtype=np.float32)
        frames = np.stack([steepness, steepness - 1, steepness])
        self.inplane, self.across = (nn.Parameter(torch.tensor(frames)) for _ in range(2))
        self.join = nn.Conv2d(settings.values, settings.values, 1)
        self.nothing = nn.Parameter(torch.zeros(settings.values))

    def forward(self, queries: Tensor, place: Tensor, memory: Memory | None) -> Tensor:
        """Return what was read: (slice, structure, v, h, w) of the target's cells.

        queries: (slice, h, w, heads, k). place: (slice, 3).
        """
        slices, height, width, heads, _ = queries.shape
        if memory is None:
            empty: Tensor = self.nothing[None, None, :, None, None]
            return empty.expand(slices, 1, -1, height, width)
        centre = memory.place.mean(dim=0)  # distances do not depend on it, rounding does
        where = (cell_places(place, height, width) - centre) / STRIDE
        asked = torch.cat([queries.flatten(0, 2) * self.scale, _asking(where, heads)], dim=-1)
        asked = asked.reshape(1, slices * height * width, heads, -1).transpose(1, 2)
        keys = torch.cat([memory.keys, self._placed(memory, centre)], dim=-1).transpose(0, 1)[None]
        structures, cells, _ = memory.values.shape
        values = memory.values.reshape(structures, cells, heads, -1).transpose(1, 2)
        read = F.scaled_dot_product_attention(
            asked.expand(structures, -1, -1, -1).float(),
            keys.expand(structures, -1, -1, -1).float(),
            values.float(),
            scale=1.0,
        )  # (structure, heads, slice * h * w, v / heads)
        read = read.reshape(structures, heads, slices, height, width, -1)
        read = read.permute(2, 0, 1, 5, 3, 4).reshape(slices * structures, -1, height, width)
        joined: Tensor = self.join(read)
        return joined.reshape(slices, structures, *joined.shape[1:])

    def _placed(self, memory: Memory, centre: Tensor) -> Tensor:
        """Return the part of the keys that makes distance count: (cell, heads, 6)."""
        row, column, across = ((memory.place - centre) / STRIDE)[:, None].unbind(-1)
        inplane = self._steepness(self.inplane, memory.frame)
        steep = self._steepness(self.across, memory.frame)
        far = inplane * (row**2 + column**2) + steep * across**2
        return torch.stack(
            [2 * inplane * row, 2 * inplane * column, 2 * steep * across, -far, -inplane, -steep],
            dim=-1,
        )

    @staticmethod
    def _steepness(learned: Tensor, frame: Tensor) -> Tensor:
        """Return (cell, heads): 0 for cells whose position means nothing."""
        table = torch.cat([torch.zeros_like(learned[:1]), F.softplus(learned)])
        return table[frame]


def _asking(where: Tensor, heads: int) -> Tensor:
    """Return the part of the queries that makes distance count: (cell, heads, 6)."""
    row, column, across = where.unbind(-1)
    parts = [row, column, across, torch.ones_like(row), row**2 + column**2, across**2]
    return torch.stack(parts, dim=-1)[:, None].expand(-1, heads, -1)


def nearest(memory: Memory | None, place: Tensor, most: int) -> Memory | None:
    """Return a memory without slices of the target's scan that are far from all targets.

    place: (slice, 3) of the targets. For each of them the `most` nearest remembered slices of its
    scan stay. Slices of other scans stay all.
    """
    if memory is None:
        return None
    same = memory.frame == SAME_SCAN
    positions = torch.unique(memory.place[same, 2])
    if len(positions) <= most:
        return memory
    distances = (place[:, 2, None] - positions).abs()
    near = positions[distances.topk(most, largest=False).indices.flatten()]
    kept = ~same | torch.isin(memory.place[:, 2], near)
    return Memory(memory.keys[kept], memory.values[:, kept], memory.place[kept], memory.frame[kept])


def of_structure(memory: Memory | None, structure: int) -> Memory | None:
    """Return what a memory holds of one structure."""
    if memory is None:
        return None
    values = memory.values[structure : structure + 1]
    return Memory(memory.keys, values, memory.place, memory.frame)


def gather(parts: list[tuple[Tensor, Tensor, Tensor, Tensor]]) -> Memory | None:
    """Join (keys, values, place, frame) of groups of slices into one memory; None if none."""
    if not parts:
        return None
    keys, values, place, frame = zip(*parts, strict=True)
    return Memory(torch.cat(keys), torch.cat(values, dim=1), torch.cat(place), torch.cat(frame))
