"""What suggestions are made from: samples of a scan, and what its answer says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fewslice.active_learning.next_slice.answer_features import answer_features
from fewslice.annotation.annotation import Annotation
from fewslice.engines import Prediction, Scan, SupportScan, find_engine
from fewslice.segmentation.posterior import Sampler, Samples
from fewslice.segmentation.posterior.aligned import AlignedSampler
from fewslice.segmentation.posterior.answered import WithAnswer, answer_on_samples
from fewslice.segmentation.posterior.samples import as_samples
from fewslice.segmentation.posterior.understood import ByStructureSampler, InPlanesSampler
from fewslice.segmentation.result import Segmentation
from fewslice.segmentation.update import changed_part
from fewslice.typing import Float32Array, Float64Array
from fewslice.volumes.checksum import image_checksum
from fewslice.volumes.image import Image


def told_of(answer: Float32Array, samples: Samples) -> Float64Array:
    """Return what an answer says of itself beside the samples on whose grid it lies.

    The first two samples are the walk's and the outlines'; of a single one, itself.
    """
    walk, outlines = (
        samples.by_axes[at, 1:].astype(np.float32) for at in (0, min(1, len(samples.by_axes) - 1))
    )
    return answer_features(answer, walk, outlines)


def still_true(
    answer: Segmentation | None, annotation: Annotation, scan: Image
) -> Prediction | None:
    """Return what was answered, if it was by `auto` of these voxels from just what is drawn now."""
    if answer is None or answer.engine != "auto":
        return None
    if image_checksum(scan) not in answer.identity:
        return None
    part = changed_part(annotation, answer.annotation)
    return answer.prediction if part is not None and part[1] > part[2] else None


def sampled(
    scan: Scan, annotation: Annotation, sampler: Sampler, seed: int, known: Prediction | None
) -> tuple[Samples, Float64Array]:
    """Return samples, and what the answer says of itself, float64 (structure, feature).

    known: the answer, if there is one; else a coarse one is made.
    """
    aligned = AlignedSampler(WithAnswer(sampler) if known is None else sampler)
    found = InPlanesSampler(ByStructureSampler(aligned)).samples(scan, annotation, seed)
    if known is not None:
        return found, told_of(answer_on_samples(known, found, annotation, scan.spacing), found)
    sketches = replace(found, probability=found.probability[:-1])
    return sketches, told_of(found.by_axes[-1, 1:].astype(np.float32), sketches)


def sampled_from_support(
    scan: Scan, annotation: Annotation, others: Sequence[SupportScan]
) -> tuple[Samples, Float64Array]:
    """Return the same where structures are known from support scans alone: answers from parts."""
    engine = find_engine("auto")
    parts = [others] if len(others) < 3 else [others, others[::2], others[1::2]]
    answers = [engine.prepare(scan, part).predict(annotation) for part in parts]
    found = as_samples([each for each in answers if each.values == answers[0].values], annotation)
    return found, told_of(found.by_axes[0, 1:].astype(np.float32), found)
