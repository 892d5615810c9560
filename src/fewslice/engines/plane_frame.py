"""A grid whose slices are the planes that outlines were drawn in, and the way there and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.annotation.oblique import ObliquePlane
from fewslice.engines.base import Prediction, Scan, as_half, empty_probability
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import LabelArray
from fewslice.volumes.region import Region, Triple

Float64Array = npt.NDArray[np.float64]

_MARGIN = 0.6  # of the outlines' sides, around them in their planes
_LEAST_MARGIN = 4  # voxels
_NEAR = 0.1  # voxels that planes may lie off slices
_HEIGHT = 0.25  # voxels off a plane that make a voxel's label count less by a factor 0.6
_REACH = 1.2  # times the distance between planes, or 1.5 radii, beyond the outermost


@dataclass(frozen=True, eq=False)
class PlaneFrame:
    """A grid over part of a scan, turned so that parallel planes are slices across `axis`.

    geometry: of the grid; its array axes run as nearly along the scan's as the planes let them, so
    nothing is mirrored. to_scan: (3, 4), from the grid's voxel indices to the scan's. scan: the
    scan's own geometry. slices: index of each plane.
    """

    geometry: Geometry
    to_scan: Float64Array
    scan: Geometry
    axis: int
    slices: tuple[int, ...]

    def resampled(self, scan: Scan) -> Scan:
        """Return the scan on this grid, interpolated linearly; beyond its border as there."""
        from scipy.ndimage import affine_transform

        channels = [
            affine_transform(
                channel.astype(np.float32),
                self.to_scan[:, :3],
                self.to_scan[:, 3],
                self.geometry.shape,
                order=1,
                mode="nearest",
            )
            for channel in scan.channels
        ]
        return Scan(np.stack(channels), self.geometry)

    def annotation(self, annotation: Annotation, planes: Sequence[ObliquePlane]) -> Annotation:
        """Return what was drawn in these planes as slices of this grid.

        Voxels speak for the pixels around them, the louder the nearer they are to pixel and plane;
        pixels without any say what the nearest one does.
        """
        labels = np.zeros(self.geometry.shape, dtype=annotation.labels.dtype)
        for index, plane in zip(self.slices, planes, strict=True):
            labels[on_slice(self.axis, index)] = self._drawn(annotation.labels, plane)
        places = tuple(sorted({(self.axis, index) for index in self.slices}))
        return Annotation(labels, places)

    def _drawn(self, labels: LabelArray, plane: ObliquePlane) -> LabelArray:
        from scipy.ndimage import distance_transform_edt

        voxels = plane.voxels(self.scan.shape)
        drawn = labels[tuple(voxels.T)]
        heights = plane.heights(voxels) / np.abs(plane.normal).max()
        loudness = np.exp(-0.5 * (heights / _HEIGHT) ** 2)
        inplane = list(inplane_axes(self.axis))
        places = self._from_scan(voxels)[:, inplane]
        shape = (self.geometry.shape[inplane[0]], self.geometry.shape[inplane[1]])
        said = np.zeros(shape, dtype=labels.dtype)
        loudest = np.zeros(shape)
        for value in np.unique(drawn):
            own = drawn == value
            sound = _spread(places[own], loudness[own], shape)
            said[sound > loudest] = value
            np.maximum(loudest, sound, out=loudest)
        nearest = distance_transform_edt(loudest == 0, return_distances=False, return_indices=True)
        return np.asarray(said[tuple(nearest)])

    def _from_scan(self, voxels: npt.NDArray[np.number]) -> Float64Array:
        inverse = np.linalg.inv(self.to_scan[:, :3])
        found: Float64Array = np.asarray((voxels - self.to_scan[:, 3]) @ inverse.T, np.float64)
        return found

    def brought_back(self, prediction: Prediction, axis: int) -> Prediction:
        """Return a prediction on this grid in the scan's voxels, interpolated linearly.

        axis: of the scan, across which its probabilities shall lie in memory.
        """
        from scipy.ndimage import affine_transform

        region = self._region_in_scan(prediction.region)
        inverse = np.linalg.inv(self.to_scan[:, :3])
        start = np.array(region.start) - self.to_scan[:, 3]
        offset = inverse @ start - np.array(prediction.region.start)
        structures: list[Float32Array] = [
            affine_transform(
                one.astype(np.float32), inverse, offset, region.shape, order=1, mode="constant"
            )
            for one in prediction.probability[1:]
        ]
        probability = empty_probability(len(prediction.values), region.shape, axis)
        probability[0] = as_half(np.clip(1 - np.sum(structures, axis=0), 0, 1))
        for number, one in enumerate(structures, start=1):
            probability[number] = as_half(one)
        return Prediction(region, prediction.values, probability, prediction.remarks)

    def _region_in_scan(self, region: Region) -> Region:
        ends = np.stack([np.array(region.start) - 1.0, np.array(region.stop)])
        corners = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)
        there = corners @ self.to_scan[:, :3].T + self.to_scan[:, 3]
        shape = np.array(self.scan.shape)
        first = np.clip(np.floor(there.min(axis=0)), 0, shape - 1).astype(int)
        last = np.clip(np.ceil(there.max(axis=0)), first, shape - 1).astype(int)
        return Region(_triple(first), _triple(last + 1))


def plane_frame(
    scan: Geometry, annotation: Annotation, planes: Sequence[ObliquePlane]
) -> PlaneFrame:
    """Return the grid around what was drawn in parallel planes, with voxels as large as the scan's.

    Planes come to lie within a quarter of a voxel of a slice.
    """
    axis = planes[0].axis()
    steps = np.asarray(scan.affine[:3, :3])
    directions = _directions(steps, planes[0], axis)
    sizes = 1.0 / np.abs(np.linalg.inv(steps) @ directions).max(axis=0)
    drawn = [_drawn_voxels(annotation.labels, plane) @ steps.T for plane in planes]
    offsets = np.array([plane.offset for plane in planes])
    sizes[axis] = _step_through(offsets, float(sizes[axis]))
    low, high = _extent(np.concatenate(drawn) @ directions, offsets, sizes, axis)
    low, high = _within_scan(low, high, scan, directions)
    # The first plane lies in a slice exactly.
    low[axis] = offsets[0] - np.ceil((offsets[0] - low[axis]) / sizes[axis]) * sizes[axis]
    shape = np.ceil((high - low) / sizes).astype(int) + 1
    indices = np.clip(np.rint((offsets - low[axis]) / sizes[axis]), 0, shape[axis] - 1)
    inverse = np.linalg.inv(steps)
    to_scan = np.column_stack([inverse @ (directions * sizes), inverse @ (directions @ low)])
    affine = np.eye(4)
    affine[:3, :3] = directions * sizes
    affine[:3, 3] = scan.affine[:3, 3] + directions @ low
    geometry = Geometry(_triple(shape), affine)
    return PlaneFrame(geometry, to_scan, scan, axis, tuple(int(index) for index in indices))


def _directions(steps: Float64Array, plane: ObliquePlane, axis: int) -> Float64Array:
    """Return unit vectors in mm as columns: the normal, and along the other axes in the plane."""
    normal = np.linalg.inv(steps).T @ np.array(plane.normal)
    normal /= np.linalg.norm(normal)
    rows, columns = inplane_axes(axis)
    found = np.empty((3, 3))
    found[:, axis] = normal
    found[:, rows] = _unit(steps[:, rows] - normal * (normal @ steps[:, rows]))
    rest = steps[:, columns] - normal * (normal @ steps[:, columns])
    found[:, columns] = _unit(rest - found[:, rows] * (found[:, rows] @ rest))
    return found


def _unit(vector: Float64Array) -> Float64Array:
    unit: Float64Array = vector / np.linalg.norm(vector)
    return unit


def _step_through(offsets: Float64Array, largest: float) -> float:
    """Return a distance between slices, up to `largest`, at which planes lie near slices.

    The largest one at which they do: slices in between show nothing that the scan does not.
    """
    apart = offsets - offsets[0]
    sizes = largest * np.linspace(1.0, 0.6, 81)
    errors = [np.abs(apart - np.rint(apart / size) * size).max() for size in sizes]
    near = np.flatnonzero(np.array(errors) <= _NEAR * largest)
    return float(sizes[near[0] if len(near) else int(np.argmin(np.round(errors, 3)))])


def _drawn_voxels(labels: LabelArray, plane: ObliquePlane) -> npt.NDArray[np.intp]:
    shape = labels.shape
    voxels = plane.voxels((shape[0], shape[1], shape[2]))
    return voxels[drawn_voxels(labels[tuple(voxels.T)])]


def _extent(
    drawn: Float64Array, offsets: Float64Array, sizes: Float64Array, axis: int
) -> tuple[Float64Array, Float64Array]:
    """Return the ends of the grid in mm along its axes."""
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    sides = high - low
    margins = np.maximum(_MARGIN * sides, _LEAST_MARGIN * sizes)
    rows, columns = inplane_axes(axis)
    radius = float(np.sqrt(max(sides[rows] * sides[columns], 0.0))) / 2
    gap = float(np.ptp(offsets)) / max(len(offsets) - 1, 1)
    margins[axis] = max(_REACH * max(gap, 1.5 * radius), _LEAST_MARGIN * sizes[axis])
    low[axis], high[axis] = offsets.min(), offsets.max()
    return low - margins, high + margins


def _within_scan(
    low: Float64Array, high: Float64Array, scan: Geometry, directions: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return the ends of the grid cut to the scan's corners, as far as they reach along each."""
    ends = np.array([[0, 0, 0], np.array(scan.shape) - 1])
    corners = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1).reshape(-1, 3)
    there = corners @ np.asarray(scan.affine[:3, :3]).T @ directions
    return np.maximum(low, there.min(axis=0)), np.minimum(high, there.max(axis=0))


def _spread(places: Float64Array, weights: Float64Array, shape: tuple[int, int]) -> Float64Array:
    """Return an image to which each place (n, 2) adds its weight, shared by four pixels."""
    image = np.zeros(shape)
    first = np.floor(places).astype(np.intp)
    beyond = places - first
    for side in np.ndindex(2, 2):
        pixels = first + side
        inside = ((pixels >= 0) & (pixels < shape)).all(axis=1)
        share = weights * np.prod(np.where(side, beyond, 1 - beyond), axis=1)
        np.add.at(image, tuple(pixels[inside].T), share[inside])
    return image


def _triple(numbers: npt.NDArray[np.integer]) -> Triple:
    i, j, k = (int(number) for number in numbers)
    return i, j, k
