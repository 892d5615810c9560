"""Auto: the network's answer, averaged with what interpolation and the random walk say.

The network's features hold the outlines' and a random walk's answer already, on one working grid
(`fewslice.engines.network.features`). `auto` averages the probabilities of all three there, slice
by slice, and places boundaries at the scan's own voxels once. The network counts half, the walk
three tenths, interpolation two; beyond two drawn slices the network counts a fifth, since it goes
on too far there. These weights were best on structures held out from training
(`benchmarks/held_out.py`), where choosing them anew for every scan, by leaving drawn slices out,
brought less than .001 of Dice and took half of the time.

Where slices of several planes are drawn, this is done along each of them, and the answers are
averaged by how near each plane's drawn slices are and how well they foretell one another
(`fewslice.engines.network.planes`).

Given seconds for it, `auto` first fine-tunes the network on what was drawn
(`fewslice.engines.network.finetuned_engine`), and averages that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines import with_support
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.network.engine import Network, PreparedNetwork, drawn_positions
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.finetuned_engine import Finetuned, PreparedFinetuned
from fewslice.engines.network.planes import PlaneAnswer
from fewslice.typing import Float32Array

_LEAST = 1e-5  # probability of the background that odds are taken against


@dataclass(frozen=True)
class Mixture:
    """Weights of interpolation, random walk and network; they sum to 1."""

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


@dataclass(frozen=True)
class Auto:
    """Average interpolation, the random walk and the network.

    seconds: if given, the network is fine-tuned for so long before it is asked (see `Finetuned`).
    """

    network: Network = field(default_factory=Network)
    seconds: float | None = None

    @property
    def finetuning(self) -> Finetuned | None:
        """How the network is fine-tuned before it is asked; None if it answers as it is."""
        return None if self.seconds is None else Finetuned(self.network, self.seconds)

    @property
    def uses_support(self) -> bool:
        """The network does."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedAuto:
        """Return the scan ready for all engines. Raises WeightsError."""
        return PreparedAuto(self.network.prepare(scan, support), self.finetuning)


@dataclass(frozen=True, eq=False)
class PreparedAuto:
    """A scan ready for all engines."""

    network: PreparedNetwork
    finetuning: Finetuned | None = None

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`)."""
        if self.finetuning is None:
            return self._answer(annotation, progress)
        model = PreparedFinetuned(self.network, self.finetuning)
        network, remark = model.learned(annotation, lambda part: progress(0.7 * part))
        learned = replace(self, network=network)
        found = learned._answer(annotation, lambda part: progress(0.7 + 0.3 * part))
        return replace(found, remarks=(*found.remarks, remark))

    def predict_from(
        self, kept: Sequence[KeptAnswer], annotation: Annotation, progress: Progress = silent
    ) -> Prediction:
        """Return class probabilities, going on from earlier answers (see `GoesOn`).

        Where the network is fine-tuned first, it answers along all planes anew.
        """
        if self.finetuning is not None:
            return self.predict(annotation, progress)
        return self._answer(annotation, progress, kept)

    def unrefined(self, annotation: Annotation) -> KeptAnswer:
        """Return the answer from what is drawn on this scan, on its working grid.

        For what is only compared: placing boundaries at the scan's own voxels may take longer than
        all the rest.
        """
        answer, _ = self.network.answered_by(_mixed, annotation)
        return answer.kept(annotation)

    def _answer(
        self, annotation: Annotation, progress: Progress, kept: Sequence[KeptAnswer] = ()
    ) -> Prediction:
        network = self.network

        def drawn(asked: Annotation, told: Progress) -> Prediction:
            return network.completed_by(_mixed, asked, told, kept)

        return with_support.completed(drawn, network.scan, network.support, annotation, progress)


def _mixed(answer: PlaneAnswer) -> PlaneAnswer:
    """Return the network's answer averaged with interpolation and the walk."""
    mean = averaged(answer.features, answer.odds, along(answer.features))
    return replace(answer, odds=mean)


def along(features: SliceFeatures, inside: Mixture = USUAL) -> Callable[[int], Mixture]:
    """Return the mixture for each slice of the grid.

    inside: between the outermost annotated slices. Beyond them it is `USUAL`, with two drawn
    slices `BEYOND_TWO`.
    """
    beyond = BEYOND_TWO if len(drawn_positions(features)) == 2 else USUAL
    first, last = (features.positions[0], features.positions[-1]) if features.positions else (0, -1)
    return lambda position: inside if first <= position <= last else beyond


def averaged(
    features: SliceFeatures, odds: Float32Array, mixture_at: Callable[[int], Mixture]
) -> Float32Array:
    """Average probabilities of the three answers, slice by slice of their common grid.

    features: hold interpolation's and the walk's. odds: the network's, float32 (slice, structure,
    rows, columns), against the background, as the result.
    """
    mean = np.empty_like(odds)
    for position, network in enumerate(odds):
        mixture = mixture_at(position)
        weights = (mixture.interpolation, mixture.walker, mixture.network)
        total = np.zeros((1 + len(network), *network.shape[1:]), dtype=np.float32)
        answers = (features.shape[position], features.walk[position], network)
        for answer, weight in zip(answers, weights, strict=True):
            if weight:
                total += np.float32(weight) * _probabilities(answer)
        mean[position] = np.log(np.maximum(total[1:], _LEAST) / np.maximum(total[0], _LEAST))
    return mean


def _probabilities(odds: Float32Array) -> Float32Array:
    """Return class probabilities, background first, from log-odds against the background."""
    exponents = np.exp(np.clip(odds, -30, 30))
    total = 1 + exponents.sum(axis=0, keepdims=True)
    return np.concatenate([1 / total, exponents / total])
