"""Questions that every engine is asked, and what holds of every answer."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import (
    ENGINES,
    Engine,
    Finetuned,
    Progress,
    Scan,
    SupportScan,
    silent,
)
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelArray
from tests.support.phantoms import Phantom
from tests.support.stand_in_engine import Voting

AXIS = 2
DRAWN = (6, 10, 14)
# Fine-tuning ends after a step, not after so many seconds: it repeats itself, and is quick.
TESTED: dict[str, Engine] = ENGINES | {"finetuned": Finetuned(seconds=600, steps=1, most_folds=2)}
"""Our own engines, but for those that nothing drawn on the scan tells anything."""
SUPPORT_ONLY = {"atlas": TESTED.pop("atlas")}
"""Engines that are asked with support only."""
LEARNERS: dict[str, Engine] = {
    **{name: engine for name, engine in TESTED.items() if engine.uses_support},
    **SUPPORT_ONLY,
    "voting": Voting(),
}
"""Engines that learn from support, and one that is so simple that these tests must be right."""
QUICK = {"interpolation", "random-walker", "voting"}
_ANSWERS: dict[tuple[Engine, bytes], LabelArray] = {}
"""What was answered in this process, by engine and by what tells all that it was given."""


def annotate(
    phantom: Phantom, labels: LabelArray, named: tuple[tuple[int, int], ...] = ()
) -> Annotation:
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing), named)


def complete(
    engine: Engine,
    phantom: Phantom,
    labels: LabelArray,
    named: tuple[tuple[int, int], ...] = (),
    progress: Progress = silent,
) -> LabelArray:
    """Return an engine's answer with the drawing in it; all that must hold of it is checked.

    The same question is asked once: `test_contract` asks twice that the same is answered.
    """
    key = engine, _told(phantom, labels, named)
    if key not in _ANSWERS or progress is not silent:
        _ANSWERS[key] = _completed(engine, phantom, labels, named, progress)
        _ANSWERS[key].flags.writeable = False
    return _ANSWERS[key]


def _told(phantom: Phantom, labels: LabelArray, named: tuple[tuple[int, int], ...]) -> bytes:
    """Return a digest of what an engine is given with a question."""
    given = sha256(repr((phantom.spacing, named)).encode())
    for array in (phantom.image, labels):
        given.update(repr((array.shape, array.dtype)).encode() + array.tobytes())
    return given.digest()


def _completed(
    engine: Engine,
    phantom: Phantom,
    labels: LabelArray,
    named: tuple[tuple[int, int], ...],
    progress: Progress,
) -> LabelArray:
    annotation = annotate(phantom, labels, named)
    prediction = engine.prepare(Scan.from_spacing(phantom.image[None], phantom.spacing)).predict(
        annotation, progress
    )
    probability = prediction.probability.astype(np.float32)
    assert np.isfinite(probability).all()
    assert probability.min() >= 0
    assert probability.max() <= 1
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=0.01 * len(probability))
    assert prediction.values == (0, *annotation.values)
    assert all(
        0 <= a < b <= n
        for a, b, n in zip(
            prediction.region.start, prediction.region.stop, labels.shape, strict=True
        )
    )
    assert probability.shape[1:] == prediction.region.shape
    answer = assemble_labels(prediction, annotation)
    assert 255 not in answer
    known = annotation.known()
    np.testing.assert_array_equal(answer[known], annotation.labels[known])
    return answer


def turned(
    phantom: Phantom, permutation: tuple[int, int, int], flipped: tuple[int, ...]
) -> Phantom:
    """Return a phantom with its axes in another order and then reversed."""
    i, j, k = (phantom.spacing[axis] for axis in permutation)
    return replace(
        phantom,
        image=np.flip(phantom.image.transpose(permutation), flipped).copy(),
        truth=np.flip(phantom.truth.transpose(permutation), flipped).copy(),
        spacing=(i, j, k),
    )


def crossed(phantom: Phantom) -> tuple[LabelArray, tuple[tuple[int, int], ...]]:
    """Return the plainest drawing and two slices that cross it, one through each organ."""
    labels, places = phantom.sparse(AXIS, *DRAWN), ((0, 14), (0, 31))
    for place in places:
        extra = phantom.sparse(*place)
        labels[extra > 0] = extra[extra > 0]
    return labels, (*places, *((AXIS, index) for index in DRAWN))


def clicked_across(phantom: Phantom) -> tuple[LabelArray, tuple[int, int, int]]:
    """Return a slice drawn across `AXIS` and one voxel marked on a slice across axis 1, and it."""
    labels, clicked = phantom.sparse(AXIS, 10), (14, 20, 13)
    crossed = np.full_like(labels[:, 20], 255)
    crossed[:, 10] = labels[:, 20, 10]
    labels[:, 20] = crossed
    labels[clicked] = phantom.truth[clicked]
    return labels, clicked


def in_three_planes(phantom: Phantom) -> tuple[LabelArray, tuple[tuple[int, int], ...]]:
    """Return a drawing on slices of all three planes."""
    labels, places = phantom.sparse(2, 10), ((0, 14), (0, 31), (1, 20))
    for place in places:
        extra = phantom.sparse(*place)
        labels[extra > 0] = extra[extra > 0]
    return labels, (*places, (2, 10))


def scribbled(phantom: Phantom) -> LabelArray:
    """Return every fourth voxel of three slices; nobody looked at the others."""
    labels = np.full(phantom.truth.shape, 255, dtype=np.uint8)
    for index in DRAWN:
        labels[::4, ::4, index] = phantom.truth[::4, ::4, index]
    return labels


def partly_hidden(phantom: Phantom) -> tuple[LabelArray, np.ndarray]:
    """Return the plainest drawing with a part of the middle slice not looked at, and that part."""
    labels = phantom.sparse(AXIS, *DRAWN)
    hidden = np.zeros(labels.shape, dtype=bool)
    hidden[:, 17:, 10] = True  # the upper half of both organs on the middle slice
    labels[hidden] = 255
    return labels, hidden


def supported(phantom: Phantom) -> SupportScan:
    """Return a phantom as a support scan on which every slice is annotated."""
    every = tuple((AXIS, index) for index in range(phantom.truth.shape[AXIS]))
    return SupportScan(
        Scan.from_spacing(phantom.image[None], phantom.spacing),
        annotate(phantom, phantom.truth, every),
    )
