"""Lessons that an annotation gives of itself: each drawn slice, as if it had not been drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Scan
from fewslice.engines.network.features import FeatureSettings, SliceFeatures, find_features
from fewslice.engines.seeds import seeds_on_grid


@dataclass(frozen=True, eq=False)
class Fold:
    """What follows from all annotated slices but one, and what that one holds.

    features: without the slice. truth: int8 (slice, rows, columns) on the features' grid, class
    numbers of everything annotated, -1 where unknown. target: the slice on the grid. index: the
    slice of the scan. inner: whether it lies between other drawn slices.
    """

    features: SliceFeatures
    truth: npt.NDArray[np.int8]
    target: int
    index: int
    inner: bool


def folds(
    scan: Scan, annotation: Annotation, settings: FeatureSettings, most: int
) -> Iterator[Fold]:
    """Yield at most `most` folds of each plane, of slices spread over those drawn.

    A slice that alone holds a structure gives none: without it nobody would look for that. What
    slices of other planes show of a left-out slice stays known.
    """
    annotation = replace(annotation, extra_values=())
    for axis in annotation.axes:
        yield from _folds_along(scan, annotation.seen_along(axis), settings, most)


def _folds_along(
    scan: Scan, annotation: Annotation, settings: FeatureSettings, most: int
) -> Iterator[Fold]:
    axis = annotation.axis
    drawn = annotation.drawn_along(axis)
    if len(drawn) < 2:
        return
    for number in _spread(len(drawn), most):
        index = drawn[number]
        rest = annotation.without((axis, index))
        if rest.drawn_values != annotation.drawn_values:
            continue
        grid, features = find_features(scan, rest, settings)
        target = grid.index_of(axis, index)
        if target is None:
            continue
        truth = np.moveaxis(seeds_on_grid(annotation, grid), axis, 0).astype(np.int8)
        yield Fold(features, truth, target, index, 0 < number < len(drawn) - 1)


def _spread(length: int, most: int) -> list[int]:
    """Return numbers below `length`: all of them, or `most` that are spread evenly, inner first.

    Inner ones come first: they are the likest to the slices that will be asked for.
    """
    inner = list(range(1, length - 1))
    chosen = (
        inner
        if len(inner) <= most
        else [inner[at] for at in np.linspace(0, len(inner) - 1, most).round().astype(int)]
    )
    outer = [0, length - 1]
    return chosen + outer[: max(most - len(chosen), 0)]


def slice_dice(answer: npt.NDArray[np.intp], truth: npt.NDArray[np.int8]) -> float:
    """Return the mean Dice of the structures on a slice; class numbers, -1 where unknown."""
    known = truth >= 0
    scores = []
    for number in np.unique(truth[known & (truth > 0)]):
        a, b = (answer == number) & known, truth == number
        scores.append(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
    return float(np.mean(scores)) if scores else 1.0
