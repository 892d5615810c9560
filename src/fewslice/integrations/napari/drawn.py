"""What a person says in a Labels layer: what is drawn in it, and which slices are spoken for.

A slice without a label may be empty or not looked at; only the person knows. What they said of it
is kept with the layer, in its metadata, so that it goes wherever the layer goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.errors import InputError
from fewslice.volumes.image import Array, LabelArray

if TYPE_CHECKING:
    from napari.layers import Labels

_EMPTY = "fewslice.empty"
_ACCEPTED = "fewslice.accepted"


def empty_slices(layer: Labels) -> tuple[SliceIndex, ...]:
    """Return the slices that were said to hold nothing, ascending."""
    return tuple(layer.metadata.get(_EMPTY, ()))


def say_empty(layer: Labels, place: SliceIndex, empty: bool = True) -> None:
    """Say that a slice holds nothing, or take that back.

    Raises InputError if something is drawn on it.
    """
    if empty and np.any(layer.data[on_slice(*place)]):
        raise InputError(
            f"Slice {place[1]} has something drawn on it, so it cannot be empty; erase that first."
        )
    others = set(empty_slices(layer)) - {place}
    _keep(layer, _EMPTY, others | {place} if empty else others)


def whole_slices(layer: Labels, drawn: Array) -> tuple[SliceIndex, ...]:
    """Return the slices on which every voxel is spoken for, ascending.

    drawn: what the layer holds. An accepted slice counts as long as something is on it: napari's
    own undo takes labels back, and knows nothing of what was accepted.
    """
    accepted = {each for each in layer.metadata.get(_ACCEPTED, ()) if drawn[on_slice(*each)].any()}
    return tuple(sorted(accepted | set(empty_slices(layer))))


def accept_slice(
    layer: Labels, answer: LabelArray, answered_from: Array, place: SliceIndex
) -> None:
    """Make a slice of an answer the person's own; napari's undo takes it back.

    answered_from: what was drawn when the answer was made. Raises InputError if the slice was
    changed since: nothing that a person drew is ever replaced.
    """
    require_writable(layer)
    where = on_slice(*place)
    if not np.array_equal(layer.data[where], answered_from[where]):
        raise InputError(
            f"Slice {place[1]} was changed since the answer; segment again before it is accepted."
        )
    if not answer[where].any():
        say_empty(layer, place)
        return
    _write(layer, answer, where)
    _keep(layer, _ACCEPTED, {*layer.metadata.get(_ACCEPTED, ()), place})


def accept_all(layer: Labels, answer: LabelArray, answered_from: Array) -> None:
    """Make a whole answer the person's own; see `accept_slice`."""
    require_writable(layer)
    if not np.array_equal(layer.data, answered_from):
        raise InputError(
            "The drawing was changed since the answer; segment again before it is accepted."
        )
    _write(layer, answer, (slice(None),) * 3)


def require_writable(layer: Labels) -> None:
    """Raise InputError unless voxels of a layer can be set."""
    if layer.multiscale or not isinstance(layer.data, np.ndarray):
        raise InputError(
            f"The layer {layer.name!r} is not in memory as one array, so nothing can be drawn on "
            "it; make a new Labels layer to draw on."
        )


def _write(layer: Labels, answer: LabelArray, where: tuple[int | slice, ...]) -> None:
    """Set voxels to the answer's, as one step of the layer's history."""
    highest = int(answer[where].max(initial=0))
    if highest > np.iinfo(layer.data.dtype).max:
        raise InputError(
            f"The answer holds the label {highest}, which does not fit into the layer "
            f"{layer.name!r} of type {layer.data.dtype}; convert that to uint16 first."
        )
    changed = np.zeros(answer.shape, dtype=bool)
    changed[where] = layer.data[where] != answer[where]
    indices = np.nonzero(changed)
    if len(indices[0]):
        layer.data_setitem(indices, answer[indices].astype(layer.data.dtype))


def _keep(layer: Labels, key: str, places: set[SliceIndex]) -> None:
    # A value of its own each time: copies of a layer share what its metadata holds.
    layer.metadata = {**layer.metadata, key: tuple(sorted(places))}
