"""Slices nobody drew, filled in from those that were drawn, to learn from as well.

Between annotated slices of a scan an engine knows a structure's outline well. What it is sure of is
learned from like a drawing, what it is not sure of counts as not looked at. So a model sees many
more cross-sections than were drawn (as in Çiçek et al., MICCAI 2016, where a network is trained on
its own completion of sparse slices; here the completion is geometric and takes no training).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fewslice.engines.interpolation import Interpolation
from fewslice.engines.protocol import Scan
from fewslice.slices.annotation import Annotation, on_slice
from fewslice.training.task_scan import TaskScan
from fewslice.volumes.image import UNKNOWN

_SURE = 0.9  # probability from which a voxel is learned from


def filled(scan: TaskScan) -> TaskScan | None:
    """Return the scan with the slices between its annotated ones filled in, and only these.

    Only across the main axis, and only between its outermost annotated slices: beyond them nobody
    knows where a structure ends. None if there is no such slice.
    """
    annotation = scan.annotation
    drawn = annotation.along(annotation.axis)
    between = [at for at in range(min(drawn) + 1, max(drawn)) if at not in drawn]
    if not between:
        return None
    whole = Scan(scan.channels, scan.geometry.spacing)
    prediction = Interpolation().prepare(whole).predict(annotation)
    labels = np.zeros_like(annotation.labels)
    inside = labels[prediction.region.slices]
    probability = prediction.probability.astype(np.float32)
    inside[:] = np.array(prediction.values)[probability.argmax(axis=0)]
    inside[probability.max(axis=0) < _SURE] = UNKNOWN
    for at in drawn:
        labels[on_slice(annotation.axis, at)] = 0
    slices = tuple((annotation.axis, at) for at in between)
    return replace(scan, annotation=Annotation(labels, slices))
