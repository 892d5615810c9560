"""Counting what labels hold: voxels, volumes and annotated slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.planes import plane_name
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import MAX_LABEL, UNKNOWN, LabelArray


@dataclass(frozen=True)
class AnnotatedSlice:
    """One annotated slice; drawn is False for one that was named and holds no structure."""

    plane: str
    axis: int
    index: int
    drawn: bool


def annotated_slices(annotation: Annotation, geometry: Geometry) -> tuple[AnnotatedSlice, ...]:
    """Return the annotated slices by the names of their planes, ascending."""
    found = []
    for axis, index in annotation.whole_slices:
        labels = annotation.labels[on_slice(axis, index)]
        drawn = bool(((labels != 0) & (labels != UNKNOWN)).any())
        found.append(AnnotatedSlice(plane_name(geometry, axis), axis, index, drawn))
    return tuple(found)


def slices_with(annotation: Annotation, values: Sequence[int]) -> tuple[int, ...]:
    """Return on how many annotated slices, or oblique planes, each structure is drawn."""
    if annotation.planes:
        shape = annotation.labels.shape
        held = [
            np.isin(values, annotation.labels[tuple(plane.voxels(shape).T)])
            for plane in annotation.planes
        ]
        return tuple(int(count) for count in np.sum(held, axis=0))
    found = [
        np.isin(values, annotation.labels[on_slice(axis, index)])
        for axis, index in annotation.slices
    ]
    return tuple(int(count) for count in np.sum(found, axis=0))


def slice_counts(labels: LabelArray, values: Sequence[int], axis: int) -> npt.NDArray[np.int64]:
    """Return voxels of each label on each slice: int64 (slice along axis, value)."""
    chosen = np.asarray(values, dtype=np.intp)
    counts = np.zeros((labels.shape[axis], len(chosen)), dtype=np.int64)
    for index in range(len(counts)):
        found = np.bincount(labels[on_slice(axis, index)].ravel(), minlength=MAX_LABEL + 1)
        counts[index] = found[chosen]
    return counts


def ml(voxels: int, geometry: Geometry) -> float:
    """Return the volume of a number of voxels in ml."""
    return voxels * float(abs(np.linalg.det(geometry.affine[:3, :3]))) / 1000.0
