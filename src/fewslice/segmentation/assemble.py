"""Putting an engine's answer and a person's drawing together."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction
from fewslice.engines.predictions import likeliest
from fewslice.volumes.image import LabelArray
from fewslice.volumes.memory_order import zeros_laid_like

_TOGETHER = 16  # slices


def assemble_labels(prediction: Prediction, annotation: Annotation) -> LabelArray:
    """Return labels (i, j, k) of the annotation's dtype: the likeliest class of each voxel.

    Every voxel the person said something of keeps what was said, bit for bit; 255 is filled in.
    On a tie the background wins, then the smaller label.
    """
    labels = zeros_laid_like(annotation.labels)
    region, axis = prediction.region, annotation.axis
    values = np.array(prediction.values, dtype=labels.dtype)
    inside = np.moveaxis(labels[region.slices], axis, 0)
    by_slice = np.moveaxis(prediction.probability, 1 + axis, 0)
    # Some at a time: where slices lie scattered in memory, neighbours lie next to each other.
    for first in range(0, len(inside), _TOGETHER):
        into = inside[first : first + _TOGETHER]
        answer = np.empty(into.shape, dtype=labels.dtype)
        for one, probability in zip(answer, by_slice[first : first + _TOGETHER], strict=True):
            # Many times faster than mode "raise".
            np.take(values, likeliest(probability), mode="clip", out=one)
        if answer.any():
            into[...] = answer
    annotation.put_drawing(labels)
    return labels
