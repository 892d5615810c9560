"""Volumes of random structures that belong to no anatomy, so that a network learns any shape.

Synthetic tasks beside real ones help few-shot segmentation (Butoi et al., "UniverSeg: Universal
Medical Image Segmentation", ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.engines.base import Scan
from fewslice.networks.augmentation.random_fields import cells_for, smooth_field
from fewslice.pretraining.generators.labelled_volume import LabelArray, LabelledVolume
from fewslice.pretraining.generators.synthesis import synthesise
from fewslice.typing import Float32Array

Mask = npt.NDArray[np.bool_]

_FEWEST_VOXELS = 60
"""A structure that others have covered up to fewer voxels than this is dropped."""


@dataclass(frozen=True, eq=False)
class _Space:
    """The grid structures are made in: voxels, mm per voxel, and warped positions in mm.

    where: one float32 array (i, j, k) per axis; warping them deforms whatever is drawn in them.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    where: tuple[Float32Array, Float32Array, Float32Array]

    @property
    def sides(self) -> npt.NDArray[np.float64]:
        """The lengths of the volume's sides in mm."""
        return np.multiply(self.shape, self.spacing)

    def field(self, length: float, rng: np.random.Generator) -> Float32Array:
        """Return a random field (i, j, k) of unit variance, smooth over `length` mm."""
        return smooth_field(self.shape, cells_for(self.shape, self.spacing, length), rng)


def random_shapes(rng: np.random.Generator) -> LabelledVolume:
    """Return a volume of 2 to 8 random structures with a synthetic image.

    48 to 128 voxels within slices, 12 to 64 slices, across-slice spacing 1 to 5 times the
    in-plane one; slices lie across the last axis, or any other in a third of the volumes. The
    image (1, i, j, k) is in [0, 1].
    """
    labels = np.zeros((1, 1, 1), dtype=np.uint16)
    spacing = (1.0, 1.0, 1.0)
    while len(np.unique(labels)) < 3:
        space = _random_space(rng)
        labels, spacing = _filled(space, rng), space.spacing
    if rng.random() < 1 / 3:
        axes = rng.permutation(3)
        labels = np.ascontiguousarray(labels.transpose(axes))
        spacing = (spacing[axes[0]], spacing[axes[1]], spacing[axes[2]])
    image = synthesise(labels, spacing, rng)
    return LabelledVolume(Scan.from_spacing(image[None], spacing), labels, "random shapes")


def _random_space(rng: np.random.Generator) -> _Space:
    """Return an empty space of random size and spacing."""
    rows, columns = (int(n) for n in rng.integers(48, 129, 2))
    slices = int(np.exp(rng.uniform(np.log(12), np.log(65))))
    pixel = float(np.exp(rng.uniform(np.log(0.3), np.log(1.6))))
    ratio = float(np.exp(rng.uniform(0.0, np.log(5.0))))
    shape, spacing = (rows, columns, slices), (pixel, pixel, pixel * ratio)
    sides = np.multiply(shape, spacing)
    length = float(rng.uniform(0.2, 0.5) * sides.max())
    amount = np.float32(rng.uniform(0.0, 0.2) * min(length, sides.min()))
    cells = cells_for(shape, spacing, length)
    axes = np.ix_(
        *(
            np.arange(n, dtype=np.float32) * np.float32(mm)
            for n, mm in zip(shape, spacing, strict=True)
        )
    )
    x, y, z = (axis + amount * smooth_field(shape, cells, rng) for axis in axes)
    return _Space(shape, spacing, (x, y, z))


def _filled(space: _Space, rng: np.random.Generator) -> LabelArray:
    """Return the labels of 2 to 8 structures put over or behind one another."""
    labels = np.zeros(space.shape, dtype=np.uint16)
    wanted = int(rng.integers(2, 9))
    while (first := int(labels.max()) + 1) <= wanted:
        maker = _MAKERS[rng.integers(len(_MAKERS))]
        behind = rng.random() < 0.5
        free = labels == 0
        parts = maker(space, rng)[: wanted - first + 1]
        for label, mask in enumerate(parts, start=first):
            labels[mask & free if behind else mask] = label
        if int(labels.max()) < first:
            wanted -= 1
    counts = np.bincount(labels.ravel())
    kept = (counts >= _FEWEST_VOXELS) & (np.arange(len(counts)) > 0)
    order = np.zeros(len(counts), dtype=np.uint16)
    order[kept] = np.arange(1, kept.sum() + 1)
    return order[labels]


def _ellipsoid(space: _Space, scale: float, rng: np.random.Generator) -> Float32Array:
    """Return (i, j, k) 1 at the centre of a rough ellipsoid, 0 at its surface, below 0 outside.

    scale: its mean radius over the volume's shortest and mean side, about.
    """
    from scipy.spatial.transform import Rotation

    sides = space.sides
    radii = scale * np.sqrt(sides.min() * sides.mean()) * np.exp(rng.uniform(-0.5, 0.5, 3))
    centre = rng.uniform(0.15, 0.85, 3) * sides
    turn = Rotation.from_quat(rng.normal(size=4)).as_matrix() / radii[:, None]
    square = np.zeros(space.shape, dtype=np.float32)
    for row in turn:
        along = sum(
            np.float32(row[axis]) * (space.where[axis] - np.float32(centre[axis]))
            for axis in range(3)
        )
        square += along * along
    rough = np.float32(rng.uniform(0.0, 0.25))
    field = space.field(float(rng.uniform(0.5, 1.2) * radii.mean()), rng)
    inside: Float32Array = 1 - np.sqrt(square) + rough * field
    return inside


def _one_ellipsoid(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return one deformed ellipsoid."""
    return [_ellipsoid(space, float(np.exp(rng.uniform(np.log(0.1), np.log(0.45)))), rng) > 0]


def _several(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return one structure of two to four components."""
    scale = float(rng.uniform(0.08, 0.2))
    parts = [_ellipsoid(space, scale, rng) > 0 for _ in range(rng.integers(2, 5))]
    return [np.logical_or.reduce(parts)]


def _nested(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return structures one inside the other, such as a ventricle in its wall."""
    inside = _ellipsoid(space, float(rng.uniform(0.18, 0.45)), rng)
    wall = rng.uniform(0.12, 0.5)
    shells = [inside > 0, inside > wall]
    if rng.random() < 0.3:
        shells.append(inside > wall + rng.uniform(0.1, 0.3))
    return shells


def _blobs(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return thresholded smooth noise: lobes and islands, filling 2 to 20 % of the volume."""
    field = space.field(float(rng.uniform(0.1, 0.35) * space.sides.mean()), rng)
    share = np.exp(rng.uniform(np.log(0.02), np.log(0.2)))
    return [field > np.quantile(field[::2, ::2], 1 - share)]


def _sheet(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return a thin curved sheet: the zero level of a smooth field within an ellipsoid."""
    field = space.field(float(rng.uniform(0.3, 0.8) * space.sides.mean()), rng)
    within = _ellipsoid(space, float(rng.uniform(0.3, 0.6)), rng) > 0
    slope = np.sqrt(
        sum(g * g for g in np.gradient(field, *(np.float32(mm) for mm in space.spacing)))
    )
    half = np.float32(rng.uniform(0.8, 2.5) * space.spacing[0])
    return [within & (np.abs(field) < half * np.maximum(slope, 1e-6))]


def _tubes(space: _Space, rng: np.random.Generator) -> list[Mask]:
    """Return a tube along a curved path that branches and tapers."""
    mask = np.zeros(space.shape, dtype=np.bool_)
    radius = float(np.exp(rng.uniform(np.log(1.3), np.log(9.0))) * space.spacing[0])
    trunk = _path(rng.uniform(0.1, 0.9, 3) * space.sides, radius, space, rng)
    _draw(mask, trunk, radius, space)
    for _ in range(rng.integers(0, 4)):
        branch_radius = radius * float(rng.uniform(0.5, 0.9))
        begin = trunk[rng.integers(len(trunk))]
        _draw(mask, _path(begin, branch_radius, space, rng), branch_radius, space)
    return [mask]


def _path(
    start: npt.NDArray[np.float64], radius: float, space: _Space, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return points (n, 3) in mm along a smooth path past a random place, half a radius apart."""
    heading = rng.uniform(0.1, 0.9, 3) * space.sides - start
    length = float(rng.uniform(0.6, 1.6) * np.linalg.norm(heading))
    steps = max(2, min(250, int(length / (0.5 * radius))))
    bends = smooth_field((steps, 3), (max(1.0, steps / 25), 2.0), rng)
    headings = heading / np.linalg.norm(heading) + rng.uniform(0.2, 0.9) * bends
    headings /= np.linalg.norm(headings, axis=1, keepdims=True)
    points: npt.NDArray[np.float64] = start + 0.5 * radius * np.cumsum(headings, axis=0)
    return points


def _draw(mask: Mask, path: npt.NDArray[np.float64], radius: float, space: _Space) -> None:
    """Set the voxels of `mask` that lie within a tube along `path`, thinner towards its end."""
    radii = radius * np.linspace(1.0, 0.6, len(path))
    # At least one voxel wide, so that a thin vessel does not fall between slices.
    spacing = np.array(space.spacing)
    for point, mm in zip(path, radii, strict=True):
        reach = np.maximum(mm, 0.5 * spacing)
        low = np.maximum(np.ceil((point - reach) / spacing), 0).astype(int)
        high = np.minimum(np.floor((point + reach) / spacing) + 1, space.shape).astype(int)
        if (high <= low).any():
            continue
        x, y, z = np.ix_(
            *(
                ((np.arange(a, b) * s - p) / r) ** 2
                for a, b, s, p, r in zip(low, high, spacing, point, reach, strict=True)
            )
        )
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        mask[box] |= x + y + z <= 1


_MAKERS: tuple[Callable[[_Space, np.random.Generator], list[Mask]], ...] = (
    _one_ellipsoid,
    _one_ellipsoid,
    _several,
    _nested,
    _blobs,
    _sheet,
    _tubes,
    _tubes,
)
