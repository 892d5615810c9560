"""A committee of contexts: one engine, asked with different parts of what was drawn.

An engine that learns from its examples is a different model for each set of examples, so leaving
some out gives a committee without training anything (query by committee, Seung et al., COLT 1992;
the jackknife, Quenouille 1949). Members disagree where an answer hangs on a single slice.

With one drawn slice there is nothing to leave out: the committee is then made of engines that
read the same slice differently, one by its outline and one by intensities as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fewslice.annotation.annotation import Annotation, SliceIndex
from fewslice.engines.base import Engine, Scan
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.segmentation.posterior.samples import Samples, as_samples


@dataclass(frozen=True)
class Committee:
    """Ask engines with all slices, then one engine with slices left out.

    engines: each is asked with everything; the first one's answer is the one people get. member:
    the engine asked with parts of the annotation: interpolation takes a few hundredths of a
    second. contexts: how many parts at most. share: how many of the slices each part leaves out
    where there are more slices than contexts.
    """

    engines: tuple[Engine, ...] = field(default_factory=lambda: (RandomWalker(), Interpolation()))
    member: Engine = field(default_factory=Interpolation)
    contexts: int = 4
    share: float = 0.25

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return the answers from everything, then those of the contexts."""
        answers = [engine.prepare(scan).predict(annotation) for engine in self.engines]
        member = self.member.prepare(scan)
        rng = np.random.default_rng(seed)
        for context in _contexts(annotation, self.contexts, self.share, rng):
            answers.append(member.predict(context))
        return as_samples(answers, annotation)


def _contexts(
    annotation: Annotation, most: int, share: float, rng: np.random.Generator
) -> Iterator[Annotation]:
    """Yield the annotation with drawn slices left out; every structure stays drawn."""
    for places in left_out(annotation.drawn_slices, most, share, rng):
        context = _without(annotation, places)
        if context.drawn_values == annotation.drawn_values:
            yield context


def left_out(
    drawn: Sequence[SliceIndex], most: int, share: float, rng: np.random.Generator
) -> Iterator[list[SliceIndex]]:
    """Yield at most so many groups of drawn slices to leave out, no slice in two of them.

    One slice a group, or a share of all where there are more than `most`; none of a single slice.
    """
    if len(drawn) < 2:
        return
    size = max(1, min(int(share * len(drawn)), len(drawn) - 1)) if len(drawn) > most else 1
    order = [drawn[at] for at in rng.permutation(len(drawn))]
    for start in range(0, min(most * size, len(order)), size):
        yield order[start : start + size]


def _without(annotation: Annotation, places: list[SliceIndex]) -> Annotation:
    for place in places:
        annotation = annotation.without(place)
    return annotation
