"""Removing small separate pieces from a finished segmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fewslice.annotation.phrases import counted
from fewslice.errors import Remark
from fewslice.segmentation.largest_component import keep_largest_components
from fewslice.segmentation.result import Segmentation


def cleaned(segmentation: Segmentation) -> Segmentation:
    """Return a segmentation with the largest piece of each structure and all that a person drew.

    A remark says how many voxels became background. The probability stays as it was, so that the
    confidence tells what the removal is worth.
    """
    labels = segmentation.labels
    inside = segmentation.numbering.inside(labels).array
    found = keep_largest_components(inside, segmentation.annotation)
    array = segmentation.numbering.outside(found)
    removed = int(np.count_nonzero(array != labels.array))
    remark = Remark(
        "cleaned",
        f"{counted(removed, 'voxel')} apart from the largest piece of a structure and from what "
        f"was drawn {'was' if removed == 1 else 'were'} removed.",
    )
    return replace(
        segmentation,
        labels=labels.with_array(array),
        remarks=(*segmentation.remarks, remark),
    )
