"""Layers of napari as scans and label maps, on the grids that the layers lie on.

Layers come from any plugin, so everything is asked of them and nothing assumed: order and
directions of their axes, scale, units, pyramids, arrays that are still on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fewslice.errors import InputError, Remark
from fewslice.integrations.napari.origin import KEY, TO_RAS, Origin
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry, labels_of

if TYPE_CHECKING:
    from napari.layers import Image as ImageLayer
    from napari.layers import Labels

    from fewslice.typing import Float64Array

    Layer: TypeAlias = ImageLayer | Labels

TRANSFORM = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""What says where a layer lies; a result has it from the layer that was drawn on."""

_SAME = 1e-4  # of a voxel


def transform_of(layer: Layer) -> dict[str, Any]:
    """Return what places another layer of the same shape where this one is."""
    return {name: getattr(layer, name) for name in TRANSFORM}


def matrix_of(layer: Layer) -> Float64Array:
    """Return (4, 4), from a layer's voxels to the world in the layer's own units."""
    points = [np.asarray(layer.data_to_world(corner)) for corner in (np.zeros(3), *np.eye(3))]
    matrix = np.eye(4)
    matrix[:3, 3] = points[0]
    matrix[:3, :3] = np.stack([each - points[0] for each in points[1:]], axis=1)
    return matrix


def same_place(mine: Layer, other: Layer) -> bool:
    """Whether two layers have the same voxels at the same places."""
    if shape_of(mine) != shape_of(other):
        return False
    return _same(_in_mm(mine)[0], _in_mm(other)[0])


def shape_of(layer: Layer) -> tuple[int, ...]:
    """Return the shape of a layer; of a pyramid that of its finest level."""
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(int(length) for length in data.shape)


def require_volume(layer: Layer) -> None:
    """Raise InputError, in one sentence, unless a layer is a volume with one number per voxel."""
    name, shape = f"The layer {layer.name!r}", "x".join(str(n) for n in shape_of(layer))
    if getattr(layer, "rgb", False):
        raise InputError(
            f"{name} is in colour ({shape}); expected one number per voxel: right-click it, choose "
            "Split RGB, and take one channel or several."
        )
    if layer.ndim > 3:
        raise InputError(
            f"{name} has {layer.ndim} axes ({shape}); expected three: right-click it, choose Split "
            "Stack to take its channels or time points apart, and choose one or several of them."
        )
    if layer.ndim < 3:
        raise InputError(
            f"{name} is a single picture ({shape}); expected a volume: open all slices as one "
            "stack (File > Open Files as Stack)."
        )


def image_of(layers: tuple[ImageLayer, ...]) -> Image:
    """Return Image layers as the channels of one scan. It may take long: arrays are loaded here.

    Raises InputError if one is no volume, or they do not lie on one grid.
    """
    if not layers:
        raise InputError("No scan is chosen; open one, and choose its Image layer.")
    for each in layers:
        require_volume(each)
    first = layers[0]
    for each in layers[1:]:
        if not same_place(first, each):
            raise InputError(
                f"The layers {first.name!r} and {each.name!r} do not have the same voxels at the "
                "same places, as channels of one scan must: choose others, or open both with "
                "fewslice as one scan."
            )
    arrays = [_loaded(each) for each in layers]
    geometry, stored, said = geometry_of(first)
    array = arrays[0] if len(arrays) == 1 else np.stack(arrays)
    return Image(array, geometry, stored, said)


def label_map_of(layer: Labels, scan: ImageLayer, array: Array | None = None) -> LabelMap:
    """Return a Labels layer, which was drawn over a scan's layer, as a label map.

    array: a copy of what is drawn; default: what the layer holds now. One that lies where the scan
    is shown lies on the scan's grid, with all angles that napari does not show.
    """
    require_volume(layer)
    if same_place(layer, scan):
        geometry, stored, said = geometry_of(scan)
        said = ()  # said of the scan
    else:
        geometry, stored, said = geometry_of(layer)
    labels, remarks = labels_of(_loaded(layer) if array is None else array, f"{layer.name!r}")
    origin = origin_of(layer)
    segments = origin.segments if origin else ()
    return LabelMap(labels, geometry, stored, (*said, *remarks), segments)


def geometry_of(layer: Layer) -> tuple[Geometry, StoredGeometry | None, tuple[Remark, ...]]:
    """Return the grid of a layer's voxels, whether its spacing is known, and what was assumed."""
    origin = origin_of(layer)
    if origin is not None:
        stored = origin.stored
        known = stored is None or (stored.spacing_known and not stored.spacing_guessed)
        kept = stored and StoredGeometry(
            "array", {}, stored.spacing_known, spacing_guessed=stored.spacing_guessed
        )
        return origin.turned, None if known else kept, ()
    matrix, unit = _in_mm(layer)
    shape = shape_of(layer)
    geometry = Geometry((shape[0], shape[1], shape[2]), TO_RAS @ matrix)
    if unit:
        return geometry, None, ()
    if np.allclose(geometry.spacing, 1.0):
        return geometry, StoredGeometry("array", {}, spacing_known=False), ()
    said = Remark(
        "layer-without-unit",
        f"The layer {layer.name!r} has no unit; its scale is taken as mm. If that is wrong, set "
        "layer.units in napari's console.",
    )
    return geometry, None, (said,)


def origin_of(layer: Layer) -> Origin | None:
    """Return what fewslice knows of a layer it opened; None if it was moved or changed since."""
    origin = layer.metadata.get(KEY)
    if not isinstance(origin, Origin) or origin.turned.shape != shape_of(layer):
        return None
    return origin if _same(_in_mm(layer)[0], origin.matrix) else None


def _in_mm(layer: Layer) -> tuple[Float64Array, bool]:
    """Return a layer's matrix with its world in mm, and whether the layer has a unit of length."""
    matrix, units = matrix_of(layer), layer.units
    if not all(unit.is_compatible_with("mm") for unit in units):
        return matrix, False
    factors = [float((1.0 * unit).to("mm").magnitude) for unit in units]
    matrix[:3] *= np.array(factors)[:, np.newaxis]
    return matrix, True


def _same(mine: Float64Array, other: Float64Array) -> bool:
    step = np.linalg.norm(mine[:3, :3], axis=0).min()
    return bool(np.abs(mine - other).max() <= _SAME * step)


def _loaded(layer: Layer) -> Array:
    """Return a layer's voxels in memory; of a pyramid those of the finest level."""
    data = layer.data[0] if layer.multiscale else layer.data
    try:
        return np.asarray(data)
    except MemoryError as error:
        raise InputError(
            f"The layer {layer.name!r} does not fit into memory; crop it, and take the piece."
        ) from error
