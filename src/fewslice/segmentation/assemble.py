"""Putting an engine's answer and a person's drawing together."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Prediction
from fewslice.volumes.image import LabelArray


def assemble_labels(prediction: Prediction, annotation: Annotation) -> LabelArray:
    """Return labels (i, j, k) of the annotation's dtype: the likeliest class of each voxel.

    Every voxel the person said something of keeps what was said, bit for bit; 255 is filled in.
    On a tie the background wins, then the smaller label.
    """
    labels = np.zeros_like(annotation.labels)
    region = prediction.region
    values = np.array(prediction.values, dtype=labels.dtype)
    inside = labels[region.slices]
    for at in range(region.shape[annotation.axis]):
        place = on_slice(annotation.axis, at)
        probability = prediction.probability[(slice(None), *place)]
        inside[place] = values[probability.astype(np.float32).argmax(axis=0)]
    known = annotation.known()
    labels[known] = annotation.labels[known]
    return labels
