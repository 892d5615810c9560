"""Putting an engine's answer and a person's drawing together."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction
from fewslice.engines.predictions import likeliest
from fewslice.volumes.image import LabelArray


def assemble_labels(prediction: Prediction, annotation: Annotation) -> LabelArray:
    """Return labels (i, j, k) of the annotation's dtype: the likeliest class of each voxel.

    Every voxel the person said something of keeps what was said, bit for bit; 255 is filled in.
    On a tie the background wins, then the smaller label.
    """
    drawn = annotation.labels
    # Not zeros_like, which writes each zero: memory comes as zeros, and most of it stays untouched.
    labels = np.zeros(drawn.shape, drawn.dtype, order="F" if drawn.flags.f_contiguous else "C")
    region, axis = prediction.region, annotation.axis
    values = np.array(prediction.values, dtype=labels.dtype)
    inside = np.moveaxis(labels[region.slices], axis, 0)
    for into, probability in zip(
        inside, np.moveaxis(prediction.probability, 1 + axis, 0), strict=True
    ):
        numbers = likeliest(probability)
        if numbers.any():
            into[...] = np.take(values, numbers, mode="clip")  # many times faster than "raise"
    annotation.put_drawing(labels)
    return labels
