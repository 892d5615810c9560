"""What a person said, as class numbers on a working grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.working_grid import WorkingGrid

UNSEEDED = -1


def seeds_on_grid(
    annotation: Annotation, grid: WorkingGrid, dtype: type[np.signedinteger] = np.intp
) -> npt.NDArray[np.signedinteger]:
    """Return class numbers (0 background, then the structures in order), -1 where unknown.

    A voxel of the grid takes the label of the slice's voxel nearest to its centre.
    """
    number_of = np.full(int(np.iinfo(annotation.labels.dtype).max) + 1, UNSEEDED, dtype=dtype)
    number_of[0] = 0
    for number, value in enumerate(annotation.values, start=1):
        number_of[value] = number
    number_of[UNKNOWN] = UNSEEDED
    seeds = np.full(grid.shape, UNSEEDED, dtype=dtype)
    for axis, index in annotation.slices:
        position = grid.index_of(axis, index)
        if position is None:
            continue
        rows, columns = (grid.pick(other) for other in inplane_axes(axis))
        labels = annotation.labels[on_slice(axis, index)][np.ix_(rows, columns)]
        known = labels != UNKNOWN
        seeds[on_slice(axis, position)][known] = number_of[labels][known]
    return seeds
