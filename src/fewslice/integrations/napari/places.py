"""Which slice of a layer the viewer shows, and how to make it show another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.errors import InputError
from fewslice.integrations.napari.grid import matrix_of, shape_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from fewslice.integrations.napari.grid import Layer
    from fewslice.typing import Float64Array


def current_place(viewer: ViewerModel, layer: Layer) -> SliceIndex:
    """Return (array axis, index) of the slice of a layer that is shown.

    Raises InputError if the viewer shows the volume in 3D, or a place beside the layer.
    """
    if viewer.dims.ndisplay != 2:
        raise InputError("The viewer shows the volume in 3D; switch to 2D (Ctrl+Y) for a slice.")
    first = viewer.dims.ndim - 3
    hidden = [axis - first for axis in viewer.dims.not_displayed if axis >= first]
    if len(hidden) != 1:
        raise InputError(
            "The viewer does not show a slice of the scan; roll the axes (Ctrl+E) until it does."
        )
    axis = _array_axis(layer, hidden[0])
    point = np.array(viewer.dims.point[-3:]) / _units(viewer, layer)
    index = round(float(np.asarray(layer.world_to_data(point))[axis]))
    if not 0 <= index < shape_of(layer)[axis]:
        raise InputError(
            f"The viewer shows a place beside the layer {layer.name!r}; move to one of its slices."
        )
    return axis, index


def jump(viewer: ViewerModel, layer: Layer, place: SliceIndex) -> None:
    """Show a slice of a layer: the slider moves there, and planes are exchanged if need be."""
    axis, index = place
    voxel = (np.array(shape_of(layer)) - 1) / 2
    voxel[axis] = index
    first = viewer.dims.ndim - 3
    hidden = first + _world_axis(layer, axis)
    viewer.dims.ndisplay = 2
    # The other two keep the order of the layer, so that a plane always looks the same way up.
    others = [other for other in range(viewer.dims.ndim) if other != hidden]
    viewer.dims.order = (*others[:first], hidden, *others[first:])
    world = np.asarray(layer.data_to_world(voxel)) * _units(viewer, layer)
    viewer.dims.set_point(range(first, first + 3), [float(each) for each in world])


def _array_axis(layer: Layer, world: int) -> int:
    """Return the array axis of a layer that runs along an axis of the world."""
    return int(_along(layer)[world].argmax())


def _world_axis(layer: Layer, axis: int) -> int:
    return int(_along(layer)[:, axis].argmax())


def _along(layer: Layer) -> Float64Array:
    """Return (world, array axis), how much of a step along each axis goes which way."""
    steps = matrix_of(layer)[:3, :3]
    return np.abs(steps / np.linalg.norm(steps, axis=0))


def _units(viewer: ViewerModel, layer: Layer) -> Float64Array:
    """Return how many units of the viewer's world one of the layer's is, along each axis."""
    shown = getattr(viewer.dims, "units", None)
    if not shown:
        return np.ones(3)
    pairs = zip(layer.units, shown[-3:], strict=True)
    return np.array([float((1.0 * mine).to(theirs).magnitude) for mine, theirs in pairs])
