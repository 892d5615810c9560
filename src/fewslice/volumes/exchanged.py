"""A scan and its label map in each other's place, or one file given as both."""

from __future__ import annotations

import numpy as np

from fewslice.errors import InputError
from fewslice.volumes.image import Array, Image, LabelMap

_MANY = 50  # structures, which hardly anybody draws; whole atlases hold hundreds
_FEW = 24  # values, as many as a label map that is mostly drawn by hand has
_SAMPLED = 200_000  # voxels


def require_in_place(image: Image, labels: LabelMap) -> None:
    """Raise InputError if the label map looks like intensities, and the scan like its labels.

    An engine would take each grey value for a structure, and work on it for hours. Label maps of
    up to fifty structures always pass, and so do atlases beside a scan of their own.
    """
    drawn = _sample(labels.array)
    if len(np.unique(drawn)) <= _MANY:
        return
    seen = _sample(image.channels[0])
    if np.array_equal(seen, drawn):
        raise InputError(
            "The label map holds the same numbers as the scan; give one in which the structures "
            "are drawn, each with a number of its own."
        )
    if len(np.unique(seen)) <= _FEW and (seen == np.rint(seen)).all():
        raise InputError(
            "The scan holds few different whole numbers, as a label map does, and the label map "
            "as many as a scan; give them the other way round: the scan first."
        )


def _sample(array: Array) -> Array:
    """Return evenly spaced voxels (n,) of an array (i, j, k)."""
    step = max(1, round((array.size / _SAMPLED) ** (1 / 3)))
    return array[::step, ::step, ::step].ravel()
