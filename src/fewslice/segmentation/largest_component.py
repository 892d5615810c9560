"""Optional clean-up of a finished label map."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation, drawn_voxels
from fewslice.volumes.image import LabelArray


def keep_largest_components(labels: LabelArray, annotation: Annotation) -> LabelArray:
    """Return labels in which each structure keeps its main piece and every piece a person drew.

    labels: (i, j, k). Pieces are connected through faces. A piece that neither is the largest nor
    touches an annotated voxel of its structure becomes background. What a person drew stays.
    """
    from scipy import ndimage

    cleaned = labels.copy()
    known = annotation.known()
    if annotation.as_drawn is not None:
        known |= drawn_voxels(annotation.as_drawn)
    for value in annotation.values:
        pieces, count = ndimage.label(labels == value)
        if count < 2:
            continue
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        keep = np.zeros(count + 1, dtype=bool)
        keep[sizes.argmax()] = True
        keep[np.unique(pieces[known])] = True
        keep[0] = False
        cleaned[(pieces > 0) & ~keep[pieces]] = 0
    annotation.put_drawing(cleaned)
    return cleaned
