"""The engine people get if they ask for none: random walker, checked on their own annotation.

The rule. The random walker answers, and beyond the outermost annotated slices always does: it was
better there on every data set. Between annotated slices the mean of its probability and that of
interpolation answers instead where that did better on slices the person drew: inner drawn slices
(at most three, evenly spread) are left out in turn and predicted from the others, and the mean is
preferred if its Dice is as high on every one of them and higher by `margin` on average. That takes
two inner slices at least: one alone is no evidence. And it takes a mean Dice of 0.6: below that,
leaving a slice out has torn too wide a gap to tell anything of the gaps there are. Otherwise the
random walker answers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.engines.interpolation import Interpolation, PreparedInterpolation
from fewslice.engines.protocol import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.random_walker import PreparedRandomWalker, RandomWalker, WalkerSettings
from fewslice.slices.annotation import Annotation, on_slice
from fewslice.slices.region import Region
from fewslice.volumes.image import UNKNOWN, LabelArray

_FEWEST_LEFT_OUT = 2
_MOST_LEFT_OUT = 3
_LEAST_DICE = 0.6
_TRIAL_VOXELS = 300_000


@dataclass(frozen=True)
class Auto:
    """Choose between the random walker and its mean with interpolation, by leaving slices out.

    margin: by how much mean Dice on left-out slices must be higher for the mean to be preferred.
    """

    walker: RandomWalker = field(default_factory=RandomWalker)
    interpolation: Interpolation = field(default_factory=Interpolation)
    margin: float = 0.02

    @property
    def uses_support(self) -> bool:
        """True if one of its engines does."""
        return self.walker.uses_support or self.interpolation.uses_support

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedAuto:
        """Return the scan ready for both engines."""
        trial = replace(self.walker, settings=_coarser(self.walker.settings))
        return PreparedAuto(
            self.walker.prepare(scan, support),
            trial.prepare(scan, support),
            self.interpolation.prepare(scan, support),
            self.margin,
        )


def _coarser(settings: WalkerSettings) -> WalkerSettings:
    return replace(settings, most_voxels=min(settings.most_voxels, _TRIAL_VOXELS))


@dataclass(frozen=True, eq=False)
class PreparedAuto:
    """A scan ready for both engines; `trial` is the walker used on left-out slices."""

    walker: PreparedRandomWalker
    trial: PreparedRandomWalker
    interpolation: PreparedInterpolation
    margin: float

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`); a remark says what was chosen."""
        left_out = inner_slices(annotation)
        steps = len(left_out) + 1
        scores = []
        for number, index in enumerate(left_out):
            scores.append(self._score_without(annotation, index))
            progress((number + 1) / steps)
        walked = self.walker.predict(
            annotation, lambda part: progress((len(left_out) + part) / steps)
        )
        if not scores:
            remark = (
                "auto used the random walker: fewer than four slices are drawn in one plane, too "
                "few to leave some out and compare engines."
            )
            return replace(walked, remarks=(remark,))
        prefer_mean = mean_is_better(scores, self.margin)
        remark = _comparison(scores, prefer_mean)
        if prefer_mean:
            walked = averaged_inside(walked, self.interpolation.predict(annotation), annotation)
        return replace(walked, remarks=(remark,))

    def _score_without(self, annotation: Annotation, index: int) -> tuple[float, float]:
        """Return Dice on one left-out slice: of the walker, and of the mean of both."""
        place = (annotation.axis, index)
        rest = annotation.without(place)
        walked = self.trial.predict(rest)
        interpolated = self.interpolation.predict(rest)
        mean = averaged_inside(walked, interpolated, rest)
        truth = annotation.labels[on_slice(*place)]
        return (
            _slice_dice(_slice_labels(walked, place, truth), truth),
            _slice_dice(_slice_labels(mean, place, truth), truth),
        )


def mean_is_better(scores: list[tuple[float, float]], margin: float) -> bool:
    """Return whether the mean won: never worse, better by more than `margin`, and good enough.

    scores: Dice of the random walker and of the mean on each left-out slice.
    """
    walker, mean = np.array(scores).T
    clearly = mean.mean() > max(walker.mean() + margin, _LEAST_DICE)
    return bool(clearly and (mean >= walker).all())


def _comparison(scores: list[tuple[float, float]], prefer_mean: bool) -> str:
    chosen = "mean of interpolation and random walker" if prefer_mean else "random walker"
    walker, mean = np.mean(scores, axis=0)
    return (
        f"auto used the {chosen} between the annotated slices: on {len(scores)} of them left out, "
        f"Dice was {walker:.3f} for the random walker and {mean:.3f} for the mean."
    )


def inner_slices(annotation: Annotation) -> tuple[int, ...]:
    """Return drawn slices that lie between two other drawn ones: none, two or three, spread out."""
    drawn = [
        index
        for index in annotation.along(annotation.axis)
        if _holds_structure(annotation.labels[on_slice(annotation.axis, index)])
    ]
    inner = drawn[1:-1]
    if len(inner) < _FEWEST_LEFT_OUT:
        return ()
    if len(inner) <= _MOST_LEFT_OUT:
        return tuple(inner)
    chosen = np.linspace(0, len(inner) - 1, _MOST_LEFT_OUT + 2).round().astype(int)[1:-1]
    return tuple(inner[number] for number in chosen)


def _holds_structure(labels: LabelArray) -> bool:
    return bool(((labels != 0) & (labels != UNKNOWN)).any())


def averaged_inside(first: Prediction, second: Prediction, annotation: Annotation) -> Prediction:
    """Average two predictions between the outermost annotated slices of the main axis.

    Beyond those slices the first one's stands. Around its own region the second is taken as sure
    of background. Both must have the same classes, and the second's region must lie in the
    first's.
    """
    axis = annotation.axis
    indices = annotation.along(axis)
    start, stop = list(second.region.start), list(second.region.stop)
    start[axis] = max(start[axis], indices[0])
    stop[axis] = min(stop[axis], indices[-1] + 1)
    probability = first.probability.copy()
    into = probability[(slice(None), *_relative(start, stop, first.region))]
    other = second.probability[(slice(None), *_relative(start, stop, second.region))]
    into += other
    into /= np.float16(2)
    # Around the second's region, between the annotated slices, it is sure of background.
    around = np.ones(probability.shape[1:], dtype=bool)
    outer = [slice(None)] * 3
    outer[axis] = slice(0, start[axis] - first.region.start[axis])
    around[tuple(outer)] = False
    outer[axis] = slice(stop[axis] - first.region.start[axis], None)
    around[tuple(outer)] = False
    around[_relative(start, stop, first.region)] = False
    probability[1:, around] /= np.float16(2)
    probability[0, around] = (1 + probability[0, around]) / np.float16(2)
    return replace(first, probability=probability)


def _relative(start: list[int], stop: list[int], region: Region) -> tuple[slice, slice, slice]:
    i, j, k = (
        slice(a - offset, b - offset)
        for a, b, offset in zip(start, stop, region.start, strict=True)
    )
    return i, j, k


def _slice_labels(
    prediction: Prediction, place: tuple[int, int], truth: LabelArray
) -> npt.NDArray[np.int64]:
    """Return the predicted labels of one slice of the volume, background outside of the region."""
    axis, index = place
    labels = np.zeros(truth.shape, dtype=np.int64)
    inside = index - prediction.region.start[axis]
    if 0 <= inside < prediction.region.shape[axis]:
        rows, columns = (prediction.region.slices[other] for other in range(3) if other != axis)
        best = np.take(prediction.probability, inside, axis=1 + axis).argmax(axis=0)
        labels[rows, columns] = np.array(prediction.values)[best]
    return labels


def _slice_dice(predicted: npt.NDArray[np.int64], truth: LabelArray) -> float:
    """Return the mean Dice over the structures on a drawn slice, on voxels that are known."""
    known = truth != UNKNOWN
    scores = []
    for value in np.unique(truth[known & (truth != 0)]):
        a, b = (predicted == value) & known, (truth == value) & known
        scores.append(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
    return float(np.mean(scores))
