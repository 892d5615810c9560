"""The outlines of annotated slices, measured once a call at the scan's own voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.interpolation.sketched import (
    expected_outline,
    is_drawn,
    is_ruled_out,
    is_sketched,
)
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.distance import signed_distance
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region


@dataclass(frozen=True, eq=False)
class SliceShape:
    """The outlines of one annotated slice.

    axis, index: the slice. distances: float32 (structure, rows, columns), signed distance in mm
    over the region, positive inside. present: which structures the slice holds. area: of each
    structure, in mm². whole: whether a person said of every pixel what it is.
    """

    axis: int
    index: int
    distances: Float32Array
    present: npt.NDArray[np.bool_]
    area: npt.NDArray[np.float64]
    whole: bool

    @property
    def radii(self) -> npt.NDArray[np.float64]:
        """Radius in mm of the largest inscribed circle of each structure; 0 where absent."""
        deepest = self.distances.reshape(len(self.present), -1).max(axis=1)
        return np.where(self.present, np.maximum(deepest, 0.0), 0.0)

    def shown(self) -> SliceShape:
        """Return the same slice, of the structures alone that it holds."""
        held = self.present
        return replace(
            self, distances=self.distances[held], present=held[held], area=self.area[held]
        )


def slice_shapes(
    annotation: Annotation, region: Region, spacing: tuple[float, float, float]
) -> tuple[SliceShape, ...]:
    """Measure the outlines on each annotated slice that touches the region, at full resolution.

    Slices on which a person marked a few voxels of structures that whole slices show are left out:
    they outline nothing (`fewslice.engines.interpolation.sketched`). Those that rule a structure
    out, wherever it was to be expected, do not hold it.
    """
    farthest = float(np.linalg.norm(np.array(region.shape) * spacing))
    drawn = [_labels(annotation, region, place) for place in annotation.slices]
    shapes = [
        _slice_shape(annotation, labels, spacing, place, farthest)
        for place, labels in zip(annotation.slices, drawn, strict=True)
    ]
    sketched = [is_sketched(labels != UNKNOWN) for labels in drawn]
    whole = [
        shape for shape, labels in zip(shapes, drawn, strict=True) if is_drawn(labels != UNKNOWN)
    ]
    shown = np.any([shape.present for shape in whole], axis=0) if whole else np.zeros((), bool)
    if not shown.any() or not any(sketched):
        return tuple(shapes)
    found = [
        _without_marks(shape, labels != UNKNOWN, whole, shown) if little else shape
        for shape, labels, little in zip(shapes, drawn, sketched, strict=True)
    ]
    return tuple(shape for shape in found if shape is not None)


def _labels(
    annotation: Annotation, region: Region, place: tuple[int, int]
) -> npt.NDArray[np.unsignedinteger]:
    """Return what is drawn on a slice within the region, (rows, columns)."""
    rows, columns = (region.slices[other] for other in inplane_axes(place[0]))
    labels: npt.NDArray[np.unsignedinteger] = annotation.labels[on_slice(*place)][rows, columns]
    return labels


def _without_marks(
    sketch: SliceShape,
    known: BoolArray,
    whole: Sequence[SliceShape],
    shown: npt.NDArray[np.bool_],
) -> SliceShape | None:
    """Return a sketched slice with the outlines to expect of structures that whole slices show.

    None if it says no more than these do.
    """
    distances, present = sketch.distances.copy(), sketch.present.copy()
    tells = bool((present & ~shown).any())
    for number in np.flatnonzero(shown):
        drawn = [
            (one.index, one.distances[number])
            for one in whole
            if one.axis == sketch.axis and one.present[number]
        ]
        if not drawn:
            continue
        expected = expected_outline(sketch.index, drawn)
        if not sketch.present[number] and is_ruled_out(expected, known):
            tells = True
            continue
        distances[number] = expected
        present[number] = bool((expected > 0).any())
    return replace(sketch, distances=distances, present=present) if tells else None


def _slice_shape(
    annotation: Annotation,
    labels: npt.NDArray[np.unsignedinteger],
    spacing: tuple[float, float, float],
    place: tuple[int, int],
    farthest: float,
) -> SliceShape:
    axis, index = place
    steps = [spacing[other] for other in inplane_axes(axis)]
    known = labels != UNKNOWN
    distances = np.empty((len(annotation.values), *labels.shape), dtype=np.float32)
    present = np.zeros(len(annotation.values), dtype=bool)
    area = np.zeros(len(annotation.values))
    for number, value in enumerate(annotation.values):
        inside = labels == value
        present[number] = inside.any()
        area[number] = inside.sum() * steps[0] * steps[1]
        outside = known & ~inside
        if present[number] and not outside.any():
            outside = _border(labels.shape) & ~inside
        distances[number] = (
            signed_distance(inside, outside, steps, farthest) if present[number] else -farthest
        )
    return SliceShape(axis, index, distances, present, area, bool(known.all()))


def _border(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Rim of a slice: taken as outside where nobody said what is (only a scribble inside)."""
    rim = np.ones(shape, dtype=bool)
    rim[1:-1, 1:-1] = False
    return rim


def structure_radii(shapes: tuple[SliceShape, ...]) -> npt.NDArray[np.float64]:
    """Return the median inscribed radius in mm of each structure over the slices that hold it."""
    radii = np.stack([shape.radii for shape in shapes])
    return np.array([np.median(column[column > 0]) for column in radii.T])
