"""A Labels layer as a file, with the header of the scan it was drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fewslice.integrations.napari.grid import (
    TRANSFORM,
    geometry_of,
    origin_of,
    require_volume,
    same_place,
)
from fewslice.io.write import write_labels
from fewslice.volumes.image import LabelMap, as_label_array

if TYPE_CHECKING:
    from napari.layers import Labels

    from fewslice.integrations.napari.origin import Origin


def write_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write the labels of a layer, as napari hands them on; return the files written.

    Axes, directions and header are those of the file the scan was opened from with fewslice;
    without one, the layer's own. Raises InputError or WriteError.
    """
    from napari.layers import Labels

    placed = {name: attributes[name] for name in TRANSFORM if attributes.get(name) is not None}
    metadata = attributes.get("metadata") or {}
    layer = Labels(data, name=attributes.get("name"), metadata=metadata, **placed)
    write_labels(path, label_map_to_save(layer, origin_of(layer) or _origin_shown(layer)))
    return [path]


def label_map_to_save(layer: Labels, origin: Origin | None) -> LabelMap:
    """Return a layer's labels as its file is to have them: in the order of the scan's, if known."""
    require_volume(layer)
    labels = as_label_array(layer.data, f"the layer {layer.name!r}")
    if origin is None:
        geometry, stored, _ = geometry_of(layer)
        return LabelMap(labels, geometry, stored)
    return LabelMap(origin.back(labels), origin.geometry, origin.stored, segments=origin.segments)


def _origin_shown(layer: Labels) -> Origin | None:
    """Return the origin of a scan in the viewer that lies where the layer does.

    Layers that napari's own button makes know nothing of the file they are drawn over.
    """
    from napari import current_viewer

    viewer = current_viewer()
    for other in viewer.layers if viewer is not None else ():
        if getattr(other, "rgb", True) or other.ndim != 3:
            continue
        origin = origin_of(other)
        if origin is not None and same_place(layer, other):
            return origin
    return None
