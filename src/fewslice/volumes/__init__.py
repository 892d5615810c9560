"""What a scan is: voxels and the geometry that places them in the patient."""

from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import (
    UNKNOWN,
    Image,
    LabelMap,
    StoredGeometry,
    as_label_array,
    labels_of,
    require_finite,
    structure_values,
)

__all__ = [
    "UNKNOWN",
    "Geometry",
    "Image",
    "LabelMap",
    "StoredGeometry",
    "as_label_array",
    "labels_of",
    "require_finite",
    "require_same_grid",
    "structure_values",
]
