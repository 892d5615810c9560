"""The memory against a plain loop over cells, and where its cells lie."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fewslice.networks.inputs import CROSSING, NOWHERE, OTHER_SCAN, SAME_SCAN
from fewslice.networks.memory import (
    STRIDE,
    Memory,
    MemoryReader,
    MemoryWriter,
    cell_places,
    gather,
    nearest,
)
from fewslice.networks.settings import NetworkSettings

SETTINGS = NetworkSettings(widths=(8, 8, 8, 8), keys=6, values=8, heads=2)


def close(one: Tensor, other: Tensor) -> None:
    np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-4, rtol=1e-4)


def reader() -> MemoryReader:
    """Return a reader whose distances count as much as likeness; values come out as they are."""
    torch.manual_seed(1)
    found = MemoryReader(SETTINGS)
    with torch.no_grad():
        found.inplane.copy_(torch.randn(3, SETTINGS.heads) - 3)
        found.across.copy_(torch.randn(3, SETTINGS.heads) - 3)
        assert found.join.bias is not None
        found.join.weight.copy_(torch.eye(SETTINGS.values)[..., None, None])
        found.join.bias.zero_()
    return found


def memory(cells: int = 7, structures: int = 3) -> Memory:
    torch.manual_seed(2)
    return Memory(
        keys=torch.randn(cells, SETTINGS.heads, 3),
        values=torch.randn(structures, cells, SETTINGS.values),
        place=torch.rand(cells, 3) * 12 + 98,
        frame=torch.tensor([NOWHERE, SAME_SCAN, OTHER_SCAN, CROSSING])[torch.arange(cells) % 4],
    )


def by_hand(given: MemoryReader, query: Tensor, at: Tensor, stored: Memory) -> Tensor:
    """Return what one cell reads, (structure, v), head by head and cell by cell."""
    read = []
    for head in range(SETTINGS.heads):
        scores = []
        for cell in range(len(stored.keys)):
            score = (query[head] @ stored.keys[cell, head]) * 3**-0.5
            frame = int(stored.frame[cell])
            if frame != NOWHERE:
                row, column, across = (at - stored.place[cell]) / STRIDE
                score = score - F.softplus(given.inplane[frame - 1, head]) * (row**2 + column**2)
                score = score - F.softplus(given.across[frame - 1, head]) * across**2
            scores.append(score)
        weights = torch.softmax(torch.stack(scores), dim=0)
        part = slice(4 * head, 4 * head + 4)
        read.append(torch.einsum("c,scv->sv", weights, stored.values[:, :, part]))
    return torch.cat(read, dim=1)


def test_a_read_is_attention_with_a_penalty_for_squared_distance() -> None:
    given, stored = reader(), memory()
    torch.manual_seed(3)
    queries = torch.randn(2, 3, 2, SETTINGS.heads, 3)  # two slices of 3 x 2 cells
    place = torch.tensor([[101.0, 105.0, 98.0], [101.0, 105.0, 103.5]])
    read = given(queries, place, stored)
    assert read.shape == (2, 3, SETTINGS.values, 3, 2)
    for number in range(2):
        for row in range(3):
            for column in range(2):
                # The middle of a cell of 4 pixels is 1.5 pixels from its first pixel's centre.
                at = place[number] + torch.tensor([4 * row + 1.5, 4 * column + 1.5, 0.0])
                expected = by_hand(given, queries[number, row, column], at, stored)
                close(read[number, :, :, row, column], expected)


def test_only_places_relative_to_each_other_matter() -> None:
    given, stored = reader(), memory()
    queries = torch.randn(1, 3, 2, SETTINGS.heads, 3)
    place = torch.tensor([[101.0, 105.0, 98.0]])
    shift = torch.tensor([64.0, -32.0, 512.0])
    moved = Memory(stored.keys, stored.values, stored.place + shift, stored.frame)
    close(given(queries, place + shift, moved), given(queries, place, stored))


def test_a_cell_that_is_nowhere_may_be_anywhere() -> None:
    given, stored = reader(), memory()
    queries = torch.randn(1, 3, 2, SETTINGS.heads, 3)
    place = torch.tensor([[101.0, 105.0, 98.0]])
    elsewhere = stored.place.clone()
    elsewhere[stored.frame == NOWHERE] += 50
    moved = Memory(stored.keys, stored.values, elsewhere, stored.frame)
    expected = given(queries, place, stored)
    close(given(queries, place, moved), expected)
    elsewhere = stored.place.clone()
    elsewhere[stored.frame == SAME_SCAN] += 50
    moved = Memory(stored.keys, stored.values, elsewhere, stored.frame)
    assert (given(queries, place, moved) - expected).abs().max() > 0.05


def test_without_a_memory_the_same_is_read_everywhere() -> None:
    given = reader()
    with torch.no_grad():
        given.nothing.copy_(torch.arange(8.0))
    queries = torch.randn(4, 3, 2, SETTINGS.heads, 3)
    read = given(queries, torch.zeros(4, 3), None)
    assert read.shape == (4, 1, 8, 3, 2)
    assert (read == torch.arange(8.0)[:, None, None]).all()


def test_cells_lie_at_the_middle_of_their_pixels() -> None:
    places = cell_places(torch.tensor([[10.0, 20.0, 5.0], [0.0, 0.0, 7.0]]), 2, 3)
    assert places.shape == (12, 3)
    assert places[0].tolist() == [11.5, 21.5, 5.0]
    assert places[1].tolist() == [11.5, 25.5, 5.0]  # columns change fastest
    assert places[3].tolist() == [15.5, 21.5, 5.0]
    assert places[-1].tolist() == [5.5, 9.5, 7.0]


def test_cells_of_a_crossing_slice_lie_across_the_targets() -> None:
    at = torch.tensor([[10.0, 20.0, 5.0]])
    rows = cell_places(at, 2, 3, (2, 1))  # a row of all slices: its own rows count slices
    assert rows[0].tolist() == [10.0, 21.5, 6.5]
    assert rows[1].tolist() == [10.0, 25.5, 6.5]
    assert rows[3].tolist() == [10.0, 21.5, 10.5]
    assert cell_places(at, 2, 3, (2, 0))[-1].tolist() == [19.5, 20.0, 10.5]
    assert at.tolist() == [[10.0, 20.0, 5.0]]


def test_keys_and_values_are_written_in_the_order_of_places() -> None:
    torch.manual_seed(0)
    writer = MemoryWriter(SETTINGS)
    levels = [torch.randn(2, 8, 16 // n, 24 // n) for n in (1, 2, 4)]
    masks = torch.rand(2, 3, 2, 16, 24)
    keys, values = writer.keys(levels[2]), writer.values(levels, masks)
    assert keys.shape == (2, 4 * 6, 2, 3)
    assert values.shape == (3, 2 * 4 * 6, 8)
    # One cell of the second slice: a 1 x 1 convolution of the features there.
    direct = F.conv2d(levels[2], writer.key.weight, writer.key.bias)[1, :, 3, 2]
    close(keys[1, 3 * 6 + 2].flatten(), direct)
    # Slices and structures do not mix.
    other = masks.clone()
    other[1, 2] = 0
    changed = (writer.values(levels, other) - values).abs().amax(dim=2) > 1e-6
    assert changed[2, 24:].any()
    assert not changed[:2].any()
    assert not changed[:, :24].any()


def test_groups_of_slices_become_one_memory() -> None:
    assert gather([]) is None
    parts = [
        (torch.randn(n, 2, 3), torch.randn(3, n, 8), torch.randn(n, 3), torch.full((n,), n))
        for n in (4, 6)
    ]
    joined = gather(parts)
    assert joined is not None
    assert joined.keys.shape == (10, 2, 3)
    assert joined.frame.tolist() == [4] * 4 + [6] * 6
    close(joined.values[:, 4:], parts[1][1])


def test_only_slices_near_a_target_are_read_of_the_same_scan() -> None:
    frames = torch.tensor([SAME_SCAN] * 8 + [OTHER_SCAN, NOWHERE])
    place = torch.zeros(10, 3)
    place[:, 2] = torch.tensor([0.0, 0, 5, 5, 9, 9, 20, 20, 100, 100])
    keys = torch.arange(10.0).reshape(10, 1, 1)
    stored = Memory(keys, keys.reshape(1, 10, 1), place, frames)
    targets = torch.tensor([[0.0, 0, 1], [0, 0, 8]])
    one = nearest(stored, targets, 1)  # 0 is nearest to 1, and 9 to 8
    assert one is not None
    assert one.keys.flatten().tolist() == [0, 1, 4, 5, 8, 9]
    close(one.values[0], one.keys[:, 0])
    close(one.place, place[[0, 1, 4, 5, 8, 9]])
    assert one.frame.tolist() == [SAME_SCAN] * 4 + [OTHER_SCAN, NOWHERE]
    two = nearest(stored, targets, 2)
    assert two is not None
    assert two.keys.flatten().tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
    assert nearest(stored, targets, 4) is stored
    assert nearest(None, targets, 1) is None
