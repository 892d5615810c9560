"""Volumes: their geometry, and reading and writing them."""

from fewslice.volumes.atomic import atomic_path, require_writable
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import (
    UNKNOWN,
    Image,
    LabelMap,
    StoredGeometry,
    as_label_array,
    require_finite,
    structure_values,
)
from fewslice.volumes.reading import read_image, read_labels
from fewslice.volumes.writing import write_image, write_labels

__all__ = [
    "UNKNOWN",
    "Geometry",
    "Image",
    "LabelMap",
    "StoredGeometry",
    "as_label_array",
    "atomic_path",
    "read_image",
    "read_labels",
    "require_finite",
    "require_same_grid",
    "require_writable",
    "structure_values",
    "write_image",
    "write_labels",
]
