"""The engine people get if they ask for none: the network and the classical engines, weighed.

The rule. Answers of interpolation, of the random walker and of the network are averaged with
weights; which weights is decided on what the person drew: slices that lie between others are left
out in turn and predicted from the rest (`fewslice.engines.network.leave_one_out`), and the mixture
that is best there answers between the outermost annotated slices, if it beats the usual one by
`margin`. With
fewer than two such slices the usual mixture answers: half of it is network, three tenths random
walker, a fifth interpolation.

Leaving a slice out tears a gap twice as wide as those that will be asked about, and over wide gaps
the network reaches farther than the random walker, so lessons flatter the network: no mixture to
choose from gives it more than the usual one does.

Beyond the outermost slices there is nothing to judge by: the usual mixture answers there, which was
best on scans held out from training, and beyond two slices one in which interpolation counts as
much as the walker. With slices of several planes the walker answers everywhere, and from three
slices on the network, which has learned from parallel ones, counts a quarter beside it.

Given seconds to adapt in, `auto` first fine-tunes the network on what was drawn
(`fewslice.engines.network.finetuned_engine`); the adapted network then takes the network's place in
all this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    silent,
)
from fewslice.engines.interpolation.engine import Interpolation, PreparedInterpolation
from fewslice.engines.network.engine import Network, PreparedNetwork, slice_odds
from fewslice.engines.network.features import Cues
from fewslice.engines.network.finetuned_engine import Adapted, PreparedAdapted
from fewslice.engines.network.leave_one_out import Lesson, drawn_slices, lessons, slice_dice
from fewslice.engines.predictions import around, slice_of
from fewslice.engines.random_walker.engine import PreparedRandomWalker, RandomWalker
from fewslice.engines.with_support import with_support

Float32Array = npt.NDArray[np.float32]

_SEVERAL_PLANES = (
    "auto used {}: slices of several planes are annotated, and the network only learns from those "
    "of one."
)
_FEWEST_LESSONS = 2
_MOST_LESSONS = 4
_FEWEST_CROSSING = 3


@dataclass(frozen=True)
class Mixture:
    """Weights of interpolation, random walker and network; they sum to 1."""

    interpolation: float
    walker: float
    network: float

    def __str__(self) -> str:
        parts = (
            (self.interpolation, "interpolation"),
            (self.walker, "the random walker"),
            (self.network, "the network"),
        )
        names = [f"{name} ({100 * weight:.0f} %)" for weight, name in parts if weight > 0]
        if len(names) == 1:
            return names[0].removesuffix(" (100 %)")
        return f"{', '.join(names[:-1])} and {names[-1]}"


USUAL = Mixture(0.2, 0.3, 0.5)
WALKER = Mixture(0.0, 1.0, 0.0)
BEYOND_TWO = Mixture(0.4, 0.4, 0.2)
CROSSING = Mixture(0.0, 0.75, 0.25)
MIXTURES = (USUAL, Mixture(0.25, 0.5, 0.25), WALKER, Mixture(0.5, 0.5, 0.0))


@dataclass(frozen=True)
class Auto:
    """Weigh interpolation, the random walker and the network by leaving slices out.

    margin: by how much mean Dice on left-out slices must be higher than the usual mixture's for
    another one to be chosen. seconds, save_to: as of `Adapted`; if either is given, the network is
    adapted before it is asked.
    """

    network: Network = field(default_factory=Network)
    walker: RandomWalker = field(default_factory=RandomWalker)
    interpolation: Interpolation = field(default_factory=Interpolation)
    margin: float = 0.005
    seconds: float | None = None
    save_to: Path | None = None

    def __post_init__(self) -> None:
        _ = self.adapting  # raises WriteError where the state must not be saved

    @property
    def adapting(self) -> Adapted | None:
        """How the network is adapted before it is asked; None if it answers as it is."""
        if self.seconds is None and self.save_to is None:
            return None
        usual = Adapted(self.network, save_to=self.save_to)
        return usual if self.seconds is None else replace(usual, seconds=self.seconds)

    @property
    def uses_support(self) -> bool:
        """The network does."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedAuto:
        """Return the scan ready for all engines. Raises WeightsError."""
        return PreparedAuto(
            self.network.prepare(scan, support),
            self.walker.prepare(scan),
            self.interpolation.prepare(scan),
            self.margin,
            self.adapting,
        )


@dataclass(frozen=True, eq=False)
class PreparedAuto:
    """A scan ready for all engines."""

    network: PreparedNetwork
    walker: PreparedRandomWalker
    interpolation: PreparedInterpolation
    margin: float
    adapting: Adapted | None = None

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`); a remark says what was chosen."""
        if self.adapting is None:
            return self._answer(annotation, progress)
        pupil = PreparedAdapted(self.network, self.adapting)
        network, remark = pupil.learned(annotation, lambda part: progress(0.7 * part))
        learned = replace(self, network=network)
        found = learned._answer(annotation, lambda part: progress(0.7 + 0.3 * part))
        return replace(found, remarks=(*found.remarks, remark))

    def _answer(self, annotation: Annotation, progress: Progress) -> Prediction:
        if annotation.blank or annotation.values != annotation.drawn_values:
            # Structures that only support scans hold are the network's alone.
            return self.network.predict(annotation, progress)
        if len(annotation.axes) > 1:
            found = self._crossing(annotation, progress)
            return with_support(found, self.network, annotation, silent)
        mixture, remark = self._choose(annotation, lambda part: progress(0.4 * part))
        answers = (
            self.interpolation.predict(annotation),
            self.walker.predict(annotation, lambda part: progress(0.4 + 0.3 * part)),
            self.network.completed(annotation, lambda part: progress(0.7 + 0.2 * part)),
        )
        remarks = (*answers[2].remarks, remark)
        found = mixed(answers, annotation.axis, along(annotation, mixture))
        found = replace(found, remarks=remarks)
        found = with_support(
            found, self.network, annotation, lambda part: progress(0.9 + 0.1 * part)
        )
        progress(1.0)
        return found

    def _crossing(self, annotation: Annotation, progress: Progress) -> Prediction:
        """Answer from slices of several planes."""
        drawn = sum(
            bool(drawn_voxels(annotation.labels[on_slice(*place)]).any())
            for place in annotation.slices
        )
        if drawn < _FEWEST_CROSSING:
            found, mixture = self.walker.predict(annotation, progress), WALKER
        else:
            walked = self.walker.predict(annotation, lambda part: progress(0.5 * part))
            network = self.network.completed(annotation, lambda part: progress(0.5 + 0.5 * part))
            mixture = CROSSING
            found = mixed((walked, walked, network), annotation.axis, lambda _: CROSSING)
        return replace(found, remarks=(*found.remarks, _SEVERAL_PLANES.format(mixture)))

    def _choose(self, annotation: Annotation, progress: Progress) -> tuple[Mixture, str]:
        """Return the mixture for between the annotated slices, and a sentence on why."""
        drawn = len(drawn_slices(annotation))
        if drawn < _FEWEST_LESSONS + 2:
            return USUAL, (
                f"auto used {USUAL}: fewer than four slices are drawn in one plane, too few to "
                "leave some out and compare engines."
            )
        scores = []
        scan, settings = self.network.scan, self.network.engine.cues
        for lesson in lessons(scan, annotation, settings, _MOST_LESSONS, inner_only=True):
            scores.append(self._scores(lesson))
            progress(len(scores) / _MOST_LESSONS)
        if len(scores) < _FEWEST_LESSONS:
            return USUAL, f"auto used {USUAL}: too few slices could be left out to compare engines."
        mixture = best_mixture(np.array(scores), self.margin)
        return mixture, _comparison(np.array(scores), mixture)

    def _scores(self, lesson: Lesson) -> list[float]:
        """Return Dice of every mixture on the slice that was left out."""
        truth = lesson.truth[lesson.target]
        answers = self._answers(lesson.cues, lesson.target)
        return [slice_dice(_blend(answers, mixture).argmax(axis=0), truth) for mixture in MIXTURES]

    def _answers(self, cues: Cues, target: int) -> tuple[Float32Array, ...]:
        """Return probabilities (class, rows, columns) of the three engines on one slice."""
        odds = (
            cues.shape[target],
            cues.walk[target],
            slice_odds(self.network.network, cues, target),
        )
        return tuple(_probabilities(each) for each in odds)


def best_mixture(scores: npt.NDArray[np.float64], margin: float) -> Mixture:
    """Return the mixture with the best mean, or the usual one if none beats it by `margin`.

    scores: Dice (slice, mixture), mixtures in the order of `MIXTURES`, the usual one first.
    """
    means = scores.mean(axis=0)
    best = int(means.argmax())
    return MIXTURES[best] if means[best] >= means[0] + margin else USUAL


def _comparison(scores: npt.NDArray[np.float64], mixture: Mixture) -> str:
    means = scores.mean(axis=0)
    others = ", ".join(f"{mean:.3f} for {each}" for each, mean in zip(MIXTURES, means, strict=True))
    return (
        f"auto used {mixture} between the annotated slices: on {len(scores)} of them left out, "
        f"Dice was {others}."
    )


def _probabilities(odds: Float32Array) -> Float32Array:
    """Return class probabilities, background first, from log-odds against the background."""
    exponents = np.exp(np.clip(odds, -30, 30))
    total = 1 + exponents.sum(axis=0, keepdims=True)
    return np.concatenate([1 / total, exponents / total])


def _blend(answers: Sequence[Float32Array], mixture: Mixture) -> Float32Array:
    weights = (mixture.interpolation, mixture.walker, mixture.network)
    total = np.zeros_like(answers[0])
    for answer, weight in zip(answers, weights, strict=True):
        if weight:
            total += np.float32(weight) * answer
    return total


def along(annotation: Annotation, inside: Mixture) -> Callable[[int], Mixture]:
    """Return the mixture for each slice across the main axis.

    inside: between the outermost annotated slices. Beyond them it is `USUAL`, with two slices
    `BEYOND_TWO`.
    """
    indices = annotation.along(annotation.axis)
    beyond = BEYOND_TWO if len(drawn_slices(annotation)) == 2 else USUAL
    return lambda index: inside if indices[0] <= index <= indices[-1] else beyond


def mixed(
    answers: tuple[Prediction, Prediction, Prediction],
    axis: int,
    mixture_at: Callable[[int], Mixture],
) -> Prediction:
    """Average predictions of the same classes, slice by slice across an axis.

    answers: of interpolation, random walker and network. mixture_at: the mixture for a slice of
    the scan. The result covers all their regions; outside of its own region each is sure of
    background.
    """
    region = around([answer.region for answer in answers])
    classes = len(answers[0].values)
    probability = empty_probability(classes, region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    for at in range(len(by_slice)):
        index = region.start[axis] + at
        mixture = mixture_at(index)
        weights = (mixture.interpolation, mixture.walker, mixture.network)
        total = np.zeros(by_slice.shape[1:], dtype=np.float32)
        for answer, weight in zip(answers, weights, strict=True):
            if weight:
                total += np.float32(weight) * slice_of(answer, axis, index, region)
        by_slice[at] = as_half(np.clip(total, 0, 1))
    return Prediction(region, answers[0].values, probability)
