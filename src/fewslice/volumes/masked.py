"""Arrays of numpy in which voxels are masked: what is masked has no value.

`Image`, `LabelMap` and `labels_of` are where arrays enter, and hold plain ones ever after.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError

Given = npt.NDArray[Any]


def unmasked_image(array: object) -> Given:
    """Return intensities as a plain array, with NaN where they are masked.

    NaN is what `fewslice.volumes.finite.filled` knows as a voxel without a value. Whole numbers
    become floats that hold them where something is masked; without a mask, nothing is copied.
    """
    if not isinstance(array, np.ma.MaskedArray):
        return np.asarray(array)
    if not np.ma.is_masked(array) or array.dtype.kind not in "buif":
        return np.asarray(array.data)
    kind = np.result_type(array.dtype, np.float16)
    return np.where(np.ma.getmaskarray(array), np.nan, array.data).astype(kind)


def unmasked_labels(array: object, what: str = "the label map") -> Given:
    """Return labels as a plain array. Raises InputError if some are masked.

    What a mask means among labels nobody but the person can say: background, or not looked at.
    """
    if not isinstance(array, np.ma.MaskedArray):
        return np.asarray(array)
    masked = int(np.count_nonzero(np.ma.getmaskarray(array)))
    if masked:
        raise InputError(
            f"{what[0].upper()}{what[1:]} is masked in {masked} of {array.size} voxels; expected "
            "a label in each: fill them with labels.filled(255) if nobody looked there, or "
            "labels.filled(0) if no structure is there."
        )
    return np.asarray(array.data)
