"""Slices of which a person said only a part: patches, scribbles or dots.

Each function takes labels uint8 (rows, columns), 0 where nothing is, and returns them with
`UNKNOWN` wherever the made-up person said nothing; what is said is never another label. A slice
without a structure is left as it is: saying "not on this slice" is one click.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fewslice.networks.augmentation.random_fields import smooth_field
from fewslice.volumes.image import UNKNOWN

Labels = npt.NDArray[np.uint8]

_WAYS = (0.4, 0.4, 0.2)  # chances of patches, scribbles, dots
_CLEAR = 0.15  # of a scribble's structure: so far, in its radii, the background's line stays away


def partly_known(labels: list[Labels], rng: np.random.Generator) -> list[Labels]:
    """Return slices as one person would have marked them in part, all in the same way."""
    ways: tuple[Callable[[Labels, np.random.Generator], Labels], ...] = (patches, scribbles, dots)
    way = ways[int(rng.choice(len(ways), p=_WAYS))]
    return [way(one, rng) if one.any() else one.copy() for one in labels]


def patches(labels: Labels, rng: np.random.Generator) -> Labels:
    """Return the slice as if only irregular patches of it had been looked at."""
    field = smooth_field(labels.shape, (float(rng.uniform(3, 12)),) * 2, rng)
    inside = field[labels > 0] if labels.any() else field.ravel()
    seen = field > np.quantile(inside, rng.uniform(0.3, 0.8))
    return np.where(seen, labels, np.uint8(UNKNOWN))


def scribbles(labels: Labels, rng: np.random.Generator) -> Labels:
    """Return a line along the middle of each structure and one around them all, or parts of these.

    The line around runs at 0.3 to 1.5 radii of the largest structure.
    """
    from scipy.ndimage import binary_dilation, distance_transform_edt
    from skimage.morphology import skeletonize

    field = smooth_field(labels.shape, (float(rng.uniform(3, 8)),) * 2, rng)
    lines = np.zeros(labels.shape, dtype=bool)
    radius = 1.0
    for value in np.unique(labels[labels > 0]):
        inside = labels == value
        depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        radius = max(radius, float(depth.max()))
        lines |= _part(skeletonize(inside), field, rng)
    away = distance_transform_edt(labels == 0)
    at = max(float(rng.uniform(0.3, 1.5)) * radius, 1.0 + _CLEAR * radius)
    lines |= _part((away >= at) & (away < at + 1), field, rng)
    if rng.random() < 0.5:
        lines = binary_dilation(lines)
        # A thick pen does not cross the border of a structure: the person saw where it was.
        lines &= (labels > 0) | (away > 1)
    return np.where(lines, labels, np.uint8(UNKNOWN))


def _part(
    line: npt.NDArray[np.bool_], field: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Return half of a line or more, in few pieces."""
    if not line.any():
        return line
    return line & (field >= np.quantile(field[line], rng.uniform(0.0, 0.5)))


def dots(labels: Labels, rng: np.random.Generator) -> Labels:
    """Return every second to fifth row and column, and some pixel of every structure."""
    step = int(rng.integers(2, 6))
    seen = np.zeros(labels.shape, dtype=bool)
    seen[int(rng.integers(step)) :: step, int(rng.integers(step)) :: step] = True
    for value in np.unique(labels[labels > 0]):
        places = np.flatnonzero(labels == value)
        seen.flat[rng.choice(places)] = True
    return np.where(seen, labels, np.uint8(UNKNOWN))
