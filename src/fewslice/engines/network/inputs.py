"""From features to tensors: what the network is given for some slices, and what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from fewslice.engines.interpolation.centreline import shifted
from fewslice.engines.interpolation.signed_distance import CERTAIN
from fewslice.engines.network.features import SUREST, SliceFeatures
from fewslice.networks.inputs import CROSSING, HINTS, SAME_SCAN, Inputs, Remembered
from fewslice.typing import Float32Array

_HARDLY = 0.25  # pixels by which a slice need not be moved
_MOST_CROSSING = 6  # slices of other planes that are remembered
_LONGEST_CROSSING = 256  # pixels of such a slice across the targets


@dataclass(frozen=True)
class Dropped:
    """Features to leave out (in training, so that the network can do without them)."""

    walk: bool = False
    outlines: bool = False
    appearance: bool = False


def target_inputs(
    features: SliceFeatures,
    targets: Sequence[int] | npt.NDArray[np.intp],
    memory: tuple[Remembered, ...],
    dropped: Dropped | None = None,
) -> Inputs:
    """Return the network's inputs for some slices of the features' grid."""
    dropped = dropped or Dropped()
    at = np.asarray(targets, dtype=np.intp)
    hints = np.stack([_hints(features, int(target), dropped) for target in at])
    base = features.shape[at] * (SUREST / CERTAIN) if dropped.walk else features.walk[at]
    if dropped.walk and dropped.outlines:
        base = np.zeros_like(base)
    return Inputs(
        images=_tensor(triples(features.images, at)),
        hints=_tensor(hints),
        base=_tensor(base),
        place=_tensor(places(features, at)),
        memory=memory,
    )


def cropped(inputs: Inputs, structure: int, box: tuple[slice, slice]) -> Inputs:
    """Return the inputs of one structure, in some rows and columns of the same slices."""
    rows, columns = box
    place = inputs.place.clone()
    place[:, 0] += rows.start
    place[:, 1] += columns.start
    one = slice(structure, structure + 1)
    return Inputs(
        images=inputs.images[..., rows, columns],
        hints=inputs.hints[:, one, :, rows, columns],
        base=inputs.base[:, one, rows, columns],
        place=place,
        memory=(),
    )


def blank_inputs(
    features: SliceFeatures,
    targets: Sequence[int] | npt.NDArray[np.intp],
    memory: tuple[Remembered, ...],
) -> Inputs:
    """Return the inputs for slices of a scan of which nothing is known but its memory.

    Of the features only images, geometry and radii are used.
    """
    at = np.asarray(targets, dtype=np.intp)
    shape = (len(at), len(features.radii), len(HINTS), *features.images.shape[2:])
    hints = np.zeros(shape, dtype=np.float32)
    hints[:, :, HINTS.index("radius")] = radius_hint(features)[:, None, None]
    return Inputs(
        images=_tensor(triples(features.images, at)),
        hints=_tensor(hints),
        base=torch.zeros(len(at), len(features.radii), *features.images.shape[2:]),
        place=_tensor(places(features, at)),
        memory=memory,
    )


def own_memory(features: SliceFeatures, frame: int = SAME_SCAN) -> tuple[Remembered, ...]:
    """Return the annotated slices of the features' own scan, to be remembered.

    Those across the features' axis, then each that crosses them, as an image of its own.
    frame: `SAME_SCAN`, or `NOWHERE` to forget where they lie.
    """
    crossing = CROSSING if frame == SAME_SCAN else frame
    chosen = [features.crossing[at] for at in _spread(len(features.crossing), _MOST_CROSSING)]
    return (
        _along_memory(features, frame),
        *(_crossing_memory(features, axis, at, crossing) for axis, at in chosen),
    )


def _spread(length: int, most: int) -> list[int]:
    return sorted(set(np.linspace(0, length - 1, min(length, most)).round().astype(int).tolist()))


def _crossing_memory(features: SliceFeatures, axis: int, at: int, frame: int) -> Remembered:
    """Return an annotated slice of another plane, with pixels as large as the target's.

    axis: 1 for a row of all slices, 2 for a column of all slices; at: which.
    """
    last = features.images.shape[1 + axis] - 1
    near = np.clip(np.array([at - 1, at, at + 1]), 0, last)
    images = np.moveaxis(np.take(features.images, near, axis=1 + axis), 1 + axis, 1)
    images = np.moveaxis(images, 0, 2)  # (3, channel, slice, row or column)
    masks = known_masks(np.take(features.seeds, at, axis=axis)[None], len(features.radii))
    pixel = (features.step[1] * features.step[2]) ** 0.5
    height = round(len(features.images) * features.step[0] / pixel)
    size = (min(max(height, 8), _LONGEST_CROSSING), images.shape[-1])
    place = places(features, np.zeros(1, dtype=np.intp))
    place[:, axis - 1] += at
    place[:, 2] += (1 - features.step[0] / pixel) / 2  # middle of the first pixel, not of a slice
    return Remembered(
        images=_resized(_tensor(np.moveaxis(images, 0, 1)[None]), size),
        masks=_resized(_tensor(masks), size),
        place=_tensor(place),
        frame=torch.full((1,), frame),
        along=(2, 2 - axis),
    )


def _along_memory(features: SliceFeatures, frame: int) -> Remembered:
    at = np.asarray(features.positions, dtype=np.intp)
    return Remembered(
        images=_tensor(triples(features.images, at)),
        masks=_tensor(known_masks(features.seeds[at], len(features.radii))),
        place=_tensor(places(features, at)),
        frame=torch.full((len(at),), frame),
    )


def triples(images: Float32Array, at: npt.NDArray[np.intp]) -> Float32Array:
    """Return slices with their neighbours, (slice, channel, 3, h, w); the last one is repeated."""
    last = len(images) - 1
    near = np.clip(at[:, None] + np.array([-1, 0, 1]), 0, last)
    found: Float32Array = np.moveaxis(images[near], 1, 2)
    return found


def known_masks(seeds: npt.NDArray[np.intp], structures: int) -> Float32Array:
    """Return (slice, structure, 2, h, w): known to be the structure, known not to be."""
    masks: Float32Array = np.zeros((len(seeds), structures, 2, *seeds.shape[1:]), dtype=np.float32)
    for number in range(structures):
        masks[:, number, 0] = seeds == number + 1
        masks[:, number, 1] = (seeds >= 0) & (seeds != number + 1)
    return masks


def places(features: SliceFeatures, at: npt.NDArray[np.intp]) -> Float32Array:
    """Return where slices lie, (slice, 3): rows, columns and slices in pixels."""
    across, row, column = features.step
    pixel = (row * column) ** 0.5
    found = np.empty((len(at), 3), dtype=np.float32)
    found[:, 0] = features.origin[1] / row
    found[:, 1] = features.origin[2] / column
    found[:, 2] = (features.origin[0] + at * across) / pixel
    return found


def radius_hint(features: SliceFeatures) -> Float32Array:
    """Return tanh(radius / 20 pixels) of each structure."""
    pixel = (features.step[1] * features.step[2]) ** 0.5
    hint: Float32Array = np.tanh(features.radii / pixel / 20).astype(np.float32)
    return hint


def _hints(features: SliceFeatures, target: int, dropped: Dropped) -> Float32Array:
    """Return (structure, hint, h, w) of one slice, in the order of `HINTS`."""
    structures = len(features.radii)
    hints = np.zeros((structures, len(HINTS), *features.images.shape[2:]), dtype=np.float32)
    last = len(features.images) - 1
    near = [max(target - 1, 0), target, min(target + 1, last)]
    if not dropped.walk:
        hints[:, 0:3] = np.moveaxis(features.walk[near], 0, 1) / SUREST
        hints[:, 7] = _rivals(features.walk[target])
    if not dropped.outlines:
        hints[:, 3] = features.shape[target] / CERTAIN
    if not dropped.appearance:
        hints[:, 4:7] = np.moveaxis(features.appearance[near], 0, 1) / 4
    masks = known_masks(features.seeds[target][None], structures)[0]
    hints[:, 8:10] = masks
    below = max((n for n, at in enumerate(features.positions) if at <= target), default=None)
    above = min((n for n, at in enumerate(features.positions) if at >= target), default=None)
    for side, annotated in enumerate((below, above)):
        if annotated is not None:
            _add_annotated(hints, side, features, annotated, target)
    hints[:, 16] = 1
    hints[:, 17] = radius_hint(features)[:, None, None]
    return hints


def _add_annotated(
    hints: Float32Array, side: int, features: SliceFeatures, annotated: int, target: int
) -> None:
    """Fill in the nearest annotated slice on one side (0 below, 1 above), moved as outlines are."""
    distance = abs(features.positions[annotated] - target) * features.step[0]
    radii = features.radii[:, None, None]
    outlines = np.tanh(features.outlines[annotated] / radii)
    image = features.images[features.positions[annotated]].mean(axis=0)
    for number, by in enumerate(features.moves[annotated, :, target]):
        hints[number, 10 + side] = shifted(outlines[number], by, _HARDLY)
        hints[number, 12 + side] = shifted(image, by, _HARDLY)
    hints[:, 14 + side] = np.exp(-distance / (3 * radii))


def _rivals(walk: Float32Array) -> Float32Array:
    """Return the probability of all other structures, from log-odds (structure, h, w)."""
    odds = np.exp(walk)
    total = odds.sum(axis=0)
    return np.asarray((total - odds) / (1 + total), dtype=np.float32)


def _tensor(array: npt.NDArray[np.generic]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def rescaled_memory(features: SliceFeatures, target: SliceFeatures, frame: int) -> Remembered:
    """Return the annotated slices of another scan's features, in pixels of the target's size.

    Its rows, columns and direction across slices must run as the target's do. frame: what its
    positions mean, `OTHER_SCAN` or `NOWHERE`. Slices that would get fewer than 8 rows or columns,
    or more than `MOST_REMEMBERED`, get pixels of another size; their middle keeps its place.
    """
    memory = _along_memory(features, frame)
    height, width = features.images.shape[2:]
    size = (
        min(max(round(height * features.step[1] / target.step[1]), 8), MOST_REMEMBERED),
        min(max(round(width * features.step[2] / target.step[2]), 8), MOST_REMEMBERED),
    )
    channels = min(features.images.shape[1], target.images.shape[1])
    at = np.asarray(features.positions, dtype=np.intp)
    place = np.empty((len(at), 3), dtype=np.float32)
    pixel = (target.step[1] * target.step[2]) ** 0.5
    # The middle of a slice stays where it is when the pixels change their size.
    middle_row = features.origin[1] + (height - 1) / 2 * features.step[1]
    middle_column = features.origin[2] + (width - 1) / 2 * features.step[2]
    place[:, 0] = middle_row / target.step[1] - (size[0] - 1) / 2
    place[:, 1] = middle_column / target.step[2] - (size[1] - 1) / 2
    place[:, 2] = (features.origin[0] + at * features.step[0]) / pixel
    return Remembered(
        images=_resized(memory.images[:, :channels], size),
        masks=_resized(memory.masks, size),
        place=torch.from_numpy(place),
        frame=memory.frame,
    )


MOST_REMEMBERED = 160
"""Slices of other scans are never remembered with more rows or columns than this."""


def _resized(array: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return (..., h, w) with other numbers of rows and columns, averaged or interpolated."""
    if size == array.shape[-2:]:
        return array
    flat = array.flatten(1, -3)
    found = torch.nn.functional.interpolate(flat, size, mode="bilinear", antialias=True)
    return found.reshape(*array.shape[:-2], *size)
