"""The bundled scan as sample data: a scan, and five slices drawn on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fewslice import example
from fewslice.annotation.annotation import on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.evaluation.annotator import strided
from fewslice.integrations.napari.opening import LayerData, image_layers, labels_layer
from fewslice.io.read import read_image, read_labels
from fewslice.volumes.segments import named_segments

_DRAWN = 5


def example_layers() -> list[LayerData]:
    """Return the scan, and its labels on five axial slices spread over the structures."""
    reference = read_labels(example.labels_path())
    axis = plane_axis(reference.geometry, "axial")
    drawn = np.zeros_like(reference.array)
    for place in strided(reference.array != 0, axis, _DRAWN).annotated:
        drawn[on_slice(*place)] = reference.array[on_slice(*place)]
    sparse = replace(reference, array=drawn, segments=named_segments(example.label_names()))
    scan = read_image(example.scan_path())
    return [*image_layers(scan, "deep grey matter"), labels_layer(sparse, "drawn")]
