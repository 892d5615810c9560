"""The phantom of `tests.support.phantoms` at half its resolution, for what is asked many times."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation, SliceIndex
from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.volumes.geometry import Geometry
from tests.support.phantoms import Phantom, two_organs


def small_organs(noise: float = 0.1) -> Phantom:
    """Two ellipsoids in 22 x 20 x 11 voxels of 2 x 2 x 4 mm; both on slices 3 to 7 of axis 2."""
    full = two_organs(noise)
    return Phantom(full.image[::2, ::2, ::2].copy(), full.truth[::2, ::2, ::2].copy(), (2, 2, 4))


def turned(
    phantom: Phantom, permutation: tuple[int, int, int], flipped: tuple[int, ...]
) -> Phantom:
    """The same with its axes in another order, and some of the new ones mirrored."""
    spacing = tuple(phantom.spacing[axis] for axis in permutation)
    return Phantom(
        np.flip(phantom.image.transpose(permutation), flipped).copy(),
        np.flip(phantom.truth.transpose(permutation), flipped).copy(),
        spacing,  # type: ignore[arg-type]
    )


def scan_of(phantom: Phantom) -> Scan:
    return Scan.from_spacing(phantom.image[None], phantom.spacing)


def annotation_of(
    phantom: Phantom, axis: int, *indices: int, named: tuple[SliceIndex, ...] = ()
) -> Annotation:
    geometry = Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    return find_annotation(phantom.sparse(axis, *indices), geometry, named)
