"""Voxels of a mask that have no value, which numpy's masked arrays allow, are not compared."""

from __future__ import annotations

import numpy as np

from fewslice.errors import InputError
from fewslice.typing import BoolArray


def require_unmasked(prediction: BoolArray, reference: BoolArray) -> None:
    """Raise InputError if an array is masked somewhere: is there a structure, or did nobody look?

    Measures would count what lies behind the mask.
    """
    for what, array in (("prediction", prediction), ("reference", reference)):
        if np.ma.is_masked(array):
            count = int(np.count_nonzero(np.ma.getmaskarray(array)))
            raise InputError(
                f"The {what} is masked in {count} of {array.size} voxels; expected True or False "
                "in each: fill it with array.filled(False) if no structure is there, or set both "
                "arrays to False where nobody looked."
            )
