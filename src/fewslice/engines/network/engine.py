"""The learned engine: a network completes a structure it has never seen, without training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines import with_support
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    empty_probability,
    part,
    silent,
)
from fewslice.engines.interpolation.plane_weights import PlaneWeights
from fewslice.engines.interpolation.signed_distance import ShapePrior
from fewslice.engines.interpolation.slice_motion import find_motions
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.engines.interpolation.surroundings import surroundings
from fewslice.engines.kept import KeptAnswer
from fewslice.engines.network.empty_slices import Answer, answered_where_told
from fewslice.engines.network.features import SUREST, FeatureSettings, SliceFeatures, find_features
from fewslice.engines.network.planes import AlongPlane, PlaneAnswer, filled, fused, with_alone
from fewslice.engines.random_walker.refinement import refined
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.memo import Memo
from fewslice.volumes.working_grid import WorkingGrid

if TYPE_CHECKING:
    from fewslice.networks.fewslice_net import FewsliceNet
    from fewslice.networks.inputs import Remembered


_LONE = 2
"""Up to so many drawn slices the network alone goes on beyond them."""


@dataclass(frozen=True)
class Network:
    """Complete slices with a network that has learned to learn from examples.

    Outlines, appearance and a coarse random walk suggest an answer; the network, which sees the
    slice, its neighbours and all annotated slices of this scan and of support scans, corrects it.
    See `fewslice.networks.fewslice_net`; of slices of several planes see
    `fewslice.engines.network.planes`.

    weights: a file of weights; None for those that come with fewslice. most_support: how many
    support scans are used, the likest ones. device: None takes a GPU if there is one.
    """

    weights: Path | None = None
    features: FeatureSettings = field(default_factory=FeatureSettings)
    most_support: int = 8
    device: str | None = None

    @property
    def uses_support(self) -> bool:
        """Annotated slices of other scans are examples like those of this one."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedNetwork:
        """Choose among support scans, and read the file of weights if there is one.

        Raises WeightsError if it is not what it should be.
        """
        from fewslice.engines.atlas.selection import most_similar
        from fewslice.engines.network.inference import load_network

        network = load_network(self.weights, self.device) if self.weights is not None else None
        chosen = most_similar(scan, support, self.most_support) if support else ()
        # Each plane is asked about what is seen in all of them.
        memo = Memo(scan.channels) if scan.memo is None else scan.memo
        return PreparedNetwork(replace(scan, memo=memo), chosen, self, network)


@dataclass(frozen=True, eq=False)
class PreparedNetwork:
    """A scan, the support scans chosen for it, and the network that is asked.

    loaded: the network; None for that of the engine, which is loaded when it is first asked: where
    nothing is drawn on a scan it never is.
    """

    scan: Scan
    support: tuple[SupportScan, ...]
    engine: Network
    loaded: FewsliceNet | None = None

    @cached_property
    def network(self) -> FewsliceNet:
        """The network, ready to be asked. Raises WeightsError."""
        from fewslice.engines.network.inference import load_network, shipped_network

        if self.loaded is not None:
            return self.loaded
        if self.engine.weights is None:
            return shipped_network(self.engine.device)
        return load_network(self.engine.weights, self.engine.device)

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`)."""
        return with_support.completed(self.completed, self.scan, self.support, annotation, progress)

    def predict_from(
        self, kept: Sequence[KeptAnswer], annotation: Annotation, progress: Progress = silent
    ) -> Prediction:
        """Return class probabilities, going on from earlier answers (see `GoesOn`)."""

        def drawn(asked: Annotation, told: Progress) -> Prediction:
            return self.completed_by(lambda answer: answer, asked, told, kept)

        return with_support.completed(drawn, self.scan, self.support, annotation, progress)

    def completed(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Complete the structures that are drawn on this scan, and no others, from its slices."""
        return self.completed_by(lambda answer: answer, annotation, progress)

    def completed_by(
        self,
        change: Callable[[PlaneAnswer], PlaneAnswer],
        annotation: Annotation,
        progress: Progress = silent,
        earlier: Sequence[KeptAnswer] = (),
    ) -> Prediction:
        """Complete the structures that are drawn on this scan from the changed answers.

        change: takes what the network answers along a plane, and returns what counts. earlier: what
        counted along planes that need not be asked again.
        """
        answer, kept = self.answered_by(change, annotation, progress, earlier)
        main = annotation.seen_along(answer.axis)
        return replace(self.refined(answer.odds, answer.grid, main, progress), kept=kept)

    def answered_by(
        self,
        change: Callable[[PlaneAnswer], PlaneAnswer],
        annotation: Annotation,
        progress: Progress = silent,
        earlier: Sequence[KeptAnswer] = (),
    ) -> Answer:
        """Return the answer on its working grid, before boundaries are placed, and what to keep.

        Takes what `completed_by` does. What is kept are answers along each plane, if slices of
        several are drawn; progress goes to 0.9.
        """

        def ask(asked: Annotation, told: Progress) -> Answer:
            return self._answered(change, asked, told, earlier)

        return answered_where_told(ask, annotation, progress)

    def _answered(
        self,
        change: Callable[[PlaneAnswer], PlaneAnswer],
        annotation: Annotation,
        progress: Progress,
        earlier: Sequence[KeptAnswer],
    ) -> Answer:
        """Return the answer from all slices of an annotation, and what to keep."""
        planes = self._planes(annotation)
        asked = part(progress, 0, 2 / 3) if len(planes) > 1 else progress
        answers = [change(one) for one in self.along_planes(annotation, asked, earlier)]
        first = answers[0]
        if len(planes) == 1:
            return first, ()
        weights = self._weights(first.grid, annotation.seen_along(first.axis))
        others = set(planes) - {one.axis for one in answers}
        known = [one for one in earlier if not one.alone and one.axis in others]
        odds = fused(answers, weights, known)
        kept = [one.kept(annotation) for one in answers]
        plane, shares = weights.surest()
        if shares.any():
            own = annotation.only(plane)
            alone: AlongPlane | None = _known_alone(own, earlier)
            if alone is None:
                alone = change(self.along(own, part(progress, 0.6, 0.9)))
                kept.append(alone.kept(own, alone=True))
            numbers = [annotation.values.index(value) for value in own.values]
            odds = with_alone(replace(first, odds=odds), alone, shares, numbers)
        odds = filled(replace(first, odds=odds), [*answers, *known])
        return replace(first, odds=odds), tuple(kept)

    def _planes(self, annotation: Annotation) -> list[int]:
        """Return the axes across which slices outline a structure, the main one first.

        A few marks on slices of another plane are known voxels, and outline nothing.
        """
        planes = {axis for axis, _ in annotation.drawn_slices}
        if len(planes) > 1 and _partly_known(annotation):
            features = self.engine.features
            around = surroundings(self.scan, annotation, features.margin, features.reach)
            planes &= {shape.axis for shape in around.shapes}
        return sorted(planes, key=lambda axis: (axis != annotation.axis, axis))

    def _weights(self, grid: WorkingGrid, annotation: Annotation) -> PlaneWeights:
        """Return how much the slices of several planes count."""
        shapes = slice_shapes(annotation, grid.region, self.scan.spacing)
        motions = find_motions(self.scan, grid.region, shapes)
        caps = self.engine.features.sketch.end_caps
        return ShapePrior.on_grid(shapes, grid, annotation.axis, caps, motions).weights

    def along_planes(
        self,
        annotation: Annotation,
        progress: Progress = silent,
        earlier: Sequence[KeptAnswer] = (),
    ) -> tuple[PlaneAnswer, ...]:
        """Return the answer along each plane that shows a structure, the main one first.

        earlier: answers along planes that are left out here, unless that leaves none. progress goes
        to 0.9.
        """
        planes = self._planes(annotation)
        known = {one.axis for one in earlier if not one.alone}
        axes = [axis for axis in planes if axis not in known] or planes
        each = 0.9 / len(axes)
        return tuple(
            self.along(annotation.seen_along(axis), part(progress, at * each, (at + 1) * each))
            for at, axis in enumerate(axes)
        )

    def along(self, annotation: Annotation, progress: Progress = silent) -> PlaneAnswer:
        """Return the answer along the annotation's main axis, on a working grid."""
        grid, features = find_features(self.scan, annotation, self.engine.features)
        progress(0.45)
        odds = completed_odds(
            self.network,
            features,
            self._remembered(features, annotation),
            part(progress, 0.45, 1),
        )
        axis = annotation.axis
        return PlaneAnswer(axis, annotation.drawn_along(axis), grid, features, odds)

    def refined(
        self,
        odds: Float32Array,
        grid: WorkingGrid,
        annotation: Annotation,
        progress: Progress = silent,
    ) -> Prediction:
        """Return log-odds of a grid as probabilities at the scan's own voxels.

        progress goes from 0.9 to 1.
        """
        coarse = as_prediction(odds, grid, annotation.axis, annotation.drawn_values)
        fine = refined(
            coarse, self.scan, annotation, grid, progress=lambda part: progress(0.9 + 0.1 * part)
        )
        progress(1.0)
        return fine

    def _remembered(
        self, features: SliceFeatures, annotation: Annotation
    ) -> tuple[Remembered, ...]:
        """Return the annotated slices of support scans that hold what is drawn here."""
        from fewslice.engines.network.support_memory import remembered_support

        return remembered_support(self.support, annotation.drawn_values, annotation.axis, features)


def _partly_known(annotation: Annotation) -> bool:
    """Whether slices that show a structure hold voxels that nobody looked at."""
    drawn = (annotation.labels[on_slice(*place)] for place in annotation.drawn_slices)
    return any((labels == UNKNOWN).any() for labels in drawn)


def _known_alone(own: Annotation, earlier: Sequence[KeptAnswer]) -> KeptAnswer | None:
    """Return what was answered before from these slices of one plane alone, if anything was."""
    (plane,) = own.axes
    fits = (one for one in earlier if one.alone and one.axis == plane)
    return next((one for one in fits if one.values == own.drawn_values), None)


def completed_odds(
    network: FewsliceNet,
    features: SliceFeatures,
    others: tuple[Remembered, ...] = (),
    progress: Progress = silent,
) -> Float32Array:
    """Return log-odds (slice, structure, rows, columns) on the features' grid.

    others: annotated slices of other scans, remembered beside those of this one. The network is
    asked for `open_slices`; what is known of the others is taken from the features. Beyond the
    outermost annotated slices, if three or more are drawn, its odds and those of the walk are
    averaged, which was best on scans held out from training.
    """
    from fewslice.engines.network.inference import doubtful_odds
    from fewslice.engines.network.inputs import own_memory

    odds = known_odds(features)
    asked = open_slices(features)
    if not len(asked):
        return odds
    memory = (*own_memory(features), *others)
    odds[asked] = doubtful_odds(network, memory, features, asked, progress)
    beyond = asked[(asked < features.positions[0]) | (asked > features.positions[-1])]
    if len(drawn_positions(features)) > _LONE:
        odds[beyond] = (odds[beyond] + features.walk[beyond]) / 2
    return odds


def drawn_positions(features: SliceFeatures) -> list[int]:
    """Return the annotated slices that show a structure."""
    return [at for at in features.positions if (features.seeds[at] > 0).any()]


def open_slices(features: SliceFeatures) -> npt.NDArray[np.intp]:
    """Return the slices that the network has to answer, ascending.

    Those drawn in full are known. None is to be answered where no slice across this axis shows a
    structure: there is nothing to learn from.
    """
    if not drawn_positions(features):
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(np.any(features.seeds < 0, axis=(1, 2)))


def known_odds(features: SliceFeatures) -> Float32Array:
    """Return the walk's log-odds, and on slices that are known in full what was drawn there."""
    odds = features.walk.copy()
    for at in np.flatnonzero((features.seeds >= 0).all(axis=(1, 2))):
        for number, one in enumerate(odds[at], start=1):
            one[...] = np.where(features.seeds[at] == number, SUREST, -SUREST)
    return odds


def as_prediction(
    odds: Float32Array, grid: WorkingGrid, axis: int, values: tuple[int, ...]
) -> Prediction:
    """Bring log-odds (slice, structure, rows, columns) to the region's own voxels.

    Log-odds are interpolated, not probabilities: a boundary stays as sharp as it is.
    """
    from fewslice.engines.network.inference import put_halves

    inplane = list(inplane_axes(axis))
    probability = empty_probability(len(values) + 1, grid.region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    for into, coarse in zip(by_slice, odds, strict=True):
        fine = np.clip(grid.up(coarse, inplane), -30, 30)
        exponents = np.exp(fine, out=fine)
        total = 1 + exponents.sum(axis=0)
        put_halves(into[0], 1 / total)
        for number, one in enumerate(exponents, start=1):
            put_halves(into[number], one / total)
    return Prediction(grid.region, (0, *values), probability)
