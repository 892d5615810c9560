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

_ALONG = 0.5  # of an axis of the array has to run along that of the world


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
    axis = hidden[0]
    step, start = _stepping(viewer, layer, axis)
    index = round((viewer.dims.point[first + axis] - start) / step)
    if not 0 <= index < shape_of(layer)[axis]:
        raise InputError(
            f"The viewer shows a place beside the layer {layer.name!r}; move to one of its slices."
        )
    return axis, index


def jump(viewer: ViewerModel, layer: Layer, place: SliceIndex) -> None:
    """Show a slice of a layer: the slider moves there, and planes are exchanged if need be."""
    axis, index = place
    step, start = _stepping(viewer, layer, axis)
    first = viewer.dims.ndim - 3
    viewer.dims.ndisplay = 2
    # The other two keep the order of the layer, so that a plane always looks the same way up.
    others = [other for other in range(viewer.dims.ndim) if other != first + axis]
    viewer.dims.order = (*others[:first], first + axis, *others[first:])
    viewer.dims.set_point(first + axis, start + step * index)


def _stepping(viewer: ViewerModel, layer: Layer, axis: int) -> tuple[float, float]:
    """Return how far the slider goes for one slice across an array axis, and where slice 0 is.

    As napari counts them, which leaves the other two axes out where a layer lies obliquely. Raises
    InputError where an axis of the array is quite another one in the world: napari then always
    shows its first slice.
    """
    inverse = np.linalg.inv(matrix_of(layer))
    slope, offset = float(inverse[axis, axis]), float(inverse[axis, 3])
    if abs(slope) < _ALONG * np.linalg.norm(inverse[axis, :3]):
        raise InputError(
            f"The axes of the layer {layer.name!r} are exchanged by its affine, and napari cannot "
            "show its slices; open the file with fewslice, or transpose the array instead."
        )
    unit = _unit(viewer, layer, axis)
    return unit / slope, -offset * unit / slope


def _unit(viewer: ViewerModel, layer: Layer, axis: int) -> float:
    """Return how many units of the viewer's world one of the layer's is."""
    shown = getattr(viewer.dims, "units", None)
    if not shown:
        return 1.0
    return float((1.0 * layer.units[axis]).to(shown[axis - 3]).magnitude)
