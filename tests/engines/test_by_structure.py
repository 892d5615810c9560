"""Structures drawn in turns, each answered from the slices that tell of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Interpolation, Scan
from fewslice.engines.base import Prediction, Progress, SupportScan, silent
from fewslice.engines.by_structure import ByStructure
from fewslice.volumes.region import Region
from tests.support.drawings import GRID, on_slices, scan_of, two_bodies
from tests.support.phantoms import dice

BODIES = two_bodies()
SCAN = Scan(scan_of(BODIES)[None], GRID)


def labels_of(found: Prediction) -> npt.NDArray[np.uint8]:
    labels = np.zeros(BODIES.shape, dtype=np.uint8)
    labels[found.region.slices] = np.array(found.values)[found.probability.argmax(axis=0)]
    return labels


class Noting:
    """An engine that notes which labels it is asked for, and answers background."""

    uses_support = True

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> Noting:
        return self

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        self.asked.append(annotation.values)
        chances = np.zeros((1 + len(annotation.values), *BODIES.shape), dtype=np.float16)
        chances[0] = 1
        whole = Region((0, 0, 0), GRID.shape)
        return Prediction(whole, (0, *annotation.values), chances)


def test_structures_drawn_in_turns_are_answered_as_if_each_was_alone() -> None:
    turns = on_slices(BODIES, (8, 16, 24), 1) + on_slices(BODIES, (12, 20, 28), 2)
    annotation = find_annotation(turns, GRID)
    engine = ByStructure(Interpolation())
    progress: list[float] = []
    found = engine.prepare(SCAN).predict(annotation, progress.append)
    assert found.values == (0, 1, 2)
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    np.testing.assert_allclose(found.probability.sum(axis=0), 1, atol=2e-3)
    answer = labels_of(found)
    for value, slices in ((1, (8, 16, 24)), (2, (12, 20, 28))):
        alone = find_annotation(on_slices(BODIES, slices, value), GRID)
        expected = labels_of(Interpolation().prepare(SCAN).predict(alone))
        assert dice(answer, expected, value) > 0.97
        assert dice(answer, BODIES, value) > 0.8
    strict = find_annotation(turns, GRID, strict=True)
    cut = labels_of(engine.prepare(SCAN).predict(strict))
    assert dice(cut, BODIES, 1) < dice(answer, BODIES, 1) - 0.05


def test_without_doubts_the_engine_is_asked_once_with_everything() -> None:
    annotation = find_annotation(on_slices(BODIES, (12, 18, 24)), GRID)
    found = ByStructure(Interpolation()).prepare(SCAN).predict(annotation)
    expected = Interpolation().prepare(SCAN).predict(annotation)
    np.testing.assert_array_equal(found.probability, expected.probability)
    assert found.region == expected.region


def test_labels_of_support_alone_are_asked_for_once() -> None:
    turns = on_slices(BODIES, (8, 16, 24), 1) + on_slices(BODIES, (12, 20, 28), 2)
    annotation = find_annotation(turns, GRID, extra_values=(1, 2, 7))
    noting = Noting()
    found = ByStructure(noting).prepare(SCAN).predict(annotation)
    assert noting.asked == [(1, 7), (2,)]
    assert found.values == (0, 1, 2, 7)
