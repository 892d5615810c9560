"""Asking an engine in the planes that outlines were drawn in, where they are oblique to the scan.

The scan is resampled so that these planes are its slices, and the answer is brought back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, drawn_voxels, on_slice
from fewslice.annotation.finding import plausible_slices
from fewslice.annotation.oblique import ObliquePlane
from fewslice.engines.base import (
    Engine,
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    part,
    silent,
)
from fewslice.engines.plane_frame import plane_frame
from fewslice.engines.predictions import around, within
from fewslice.errors import Remark
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region

_TURNED = Remark(
    "planes-in-turn",
    "Not every structure is drawn in every plane: one that is missing between planes that show it "
    "counts as not looked at there.",
)


@dataclass(frozen=True)
class InPlanes:
    """An engine that is shown oblique planes as slices, and its answer brought back.

    Planes that are not parallel are answered each in a grid of its own; their answers are averaged
    with weights that fall with the square of the distance to what was drawn; so are slices that are
    drawn beside oblique planes. Without oblique planes the engine sees the scan as it is.
    """

    engine: Engine

    @property
    def uses_support(self) -> bool:
        """Whether the engine does."""
        return self.engine.uses_support

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedInPlanes:
        """Return the scan, which is made ready once it is known what is drawn."""
        return PreparedInPlanes(self.engine, scan, tuple(support))


@dataclass(frozen=True, eq=False)
class PreparedInPlanes:
    """A scan that may have to be turned by what is drawn on it."""

    engine: Engine
    scan: Scan
    support: tuple[SupportScan, ...]

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities in the scan's own voxels."""
        if not annotation.planes:
            return self.engine.prepare(self.scan, self.support).predict(annotation, progress)
        families = families_of(annotation, self.scan.geometry)
        found = [
            self._answered(
                annotation, planes, part(progress, at / len(families), (at + 1) / len(families))
            )
            for at, planes in enumerate(families)
        ]
        return averaged(found, families, annotation)

    def _answered(
        self, annotation: Annotation, planes: Sequence[ObliquePlane], progress: Progress
    ) -> Prediction:
        frame = plane_frame(self.scan.geometry, annotation, planes)
        drawn = plausible_slices(frame.annotation(annotation, planes), frame.geometry, frame.axis)
        asked = drawn.with_values(annotation.extra_values)
        prepared = self.engine.prepare(frame.resampled(self.scan), self.support)
        found = prepared.predict(asked, progress)
        if drawn.doubts:
            found = replace(found, remarks=(*found.remarks, _TURNED))
        return frame.brought_back(found, annotation.axis)


def families_of(annotation: Annotation, geometry: Geometry) -> list[list[ObliquePlane]]:
    """Return the planes that were drawn in, slices among them, in groups of parallel ones."""
    planes = list(annotation.planes)
    for place in annotation.whole_slices:
        if drawn_voxels(annotation.labels[on_slice(*place)]).any():
            planes.append(ObliquePlane.of_slice(*place, geometry.affine))
    families: list[list[ObliquePlane]] = []
    for plane in planes:
        for family in families:
            if plane.parallel(family[0]):
                family.append(plane)
                break
        else:
            families.append([plane])
    return families


def averaged(
    found: Sequence[Prediction],
    families: Sequence[Sequence[ObliquePlane]],
    annotation: Annotation,
) -> Prediction:
    """Average predictions with weights that fall with the distance to the planes of each."""
    values = (0, *annotation.values)
    remarks = tuple(dict.fromkeys(remark for one in found for remark in one.remarks))
    if len(found) == 1 and found[0].values == values:
        return replace(found[0], remarks=remarks)
    region = around([one.region for one in found])
    weights = [_nearness(planes, region) for planes in families]
    total = np.sum(weights, axis=0)
    mean = np.zeros((len(values), *region.shape), dtype=np.float32)
    for one, weight in zip(found, weights, strict=True):
        share = (weight / total).astype(np.float32)
        mean[0] += share
        place = within(one.region, region)
        mean[0][place] += share[place] * (one.probability[0].astype(np.float32) - 1)
        for number, value in enumerate(one.values[1:], start=1):
            mean[values.index(value)][place] += share[place] * one.probability[number]
    probability = empty_probability(len(values), region.shape, annotation.axis)
    probability[...] = as_half(mean)
    return Prediction(region, values, probability, remarks)


def _nearness(planes: Sequence[ObliquePlane], region: Region) -> npt.NDArray[np.float64]:
    """Return 1 / (distance + a voxel)² to the nearest of parallel planes, over a region."""
    i, j, k = np.ogrid[region.slices]
    a, b, c = planes[0].normal
    along = a * i + b * j + c * k
    distance = np.min([np.abs(along - plane.offset) for plane in planes], axis=0)
    step = float(np.abs(planes[0].normal).max())
    nearness: npt.NDArray[np.float64] = (distance + step) ** -2.0
    return nearness
