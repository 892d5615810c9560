"""Segmenting a scan with a model of the task, with or without annotation of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import (
    Annotation,
    SliceIndex,
    blank_annotation,
    drawn_voxels,
    find_annotation,
)
from fewslice.engines.base import Prediction, Progress, silent
from fewslice.segmentation.assemble import assemble_labels
from fewslice.segmentation.result import Segmentation
from fewslice.training.store import load_model
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.image import Image, LabelMap

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel

ENGINE = "model"


def segment_with_model(  # noqa: PLR0913 - as `segment` takes them
    image: Image | AnyArray,
    model: TaskModel | str | os.PathLike[str],
    labels: LabelMap | AnyArray | None = None,
    *,
    spacing: Sequence[float] | None = None,
    annotated: Sequence[SliceIndex] = (),
    progress: Progress = silent,
) -> Segmentation:
    """Segment a scan with a model that `retrain` has made; nothing needs to be drawn on it.

    image, spacing, annotated: as `fewslice.segment` takes them. model: from `load_model` or
    `retrain`, or the path of a model folder. labels: what is drawn on the scan, if anything is;
    it stays as it is, bit for bit, and the model answers the rest.

    Returns a `Segmentation` on the scan's own grid and axes, however the file stores them. Raises
    InputError, GeometryError or WeightsError, each with one sentence.
    """
    from fewslice.training.model import predict

    if isinstance(model, str | os.PathLike):
        model = load_model(model)
    scan, label_map = on_one_grid(image, labels, spacing)
    annotation = _annotation(model, label_map, tuple(annotated))
    prediction = predict(model, scan.channels, scan.geometry, progress=progress)
    strange = tuple(v for v in annotation.values if v not in model.values)
    prediction = _with_labels(prediction, strange)
    answer = label_map.with_array(assemble_labels(prediction, annotation))
    return Segmentation(answer, annotation, prediction, ENGINE, _remarks(annotation, strange))


def _annotation(model: TaskModel, label_map: LabelMap, named: tuple[SliceIndex, ...]) -> Annotation:
    values = model.values[1:]
    if not named and not drawn_voxels(label_map.array).any():
        return blank_annotation(label_map.array, model.axis(label_map.geometry), values)
    return find_annotation(label_map.array, label_map.geometry, named, values)


def _with_labels(prediction: Prediction, strange: Sequence[int]) -> Prediction:
    """Return a prediction that has classes for labels the model does not know, nowhere likely."""
    if not strange:
        return prediction
    values = tuple(sorted({*prediction.values, *strange}))
    known = {value: number for number, value in enumerate(prediction.values)}
    probability = np.zeros((len(values), *prediction.region.shape), dtype=np.float16)
    for number, value in enumerate(values):
        if value in known:
            probability[number] = prediction.probability[known[value]]
    return replace(prediction, values=values, probability=probability)


def _remarks(annotation: Annotation, strange: Sequence[int]) -> tuple[str, ...]:
    remarks = []
    if annotation.blank and not annotation.slices:
        remarks.append(
            "Nothing is drawn on this scan: the answer rests on the model alone; look at it well."
        )
    if strange:
        listed = ", ".join(map(str, strange))
        remarks.append(
            f"The model has never seen label {listed}: it is only where it was drawn; retrain the "
            "model on this scan as well."
        )
    return tuple(remarks)
