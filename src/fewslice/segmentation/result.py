"""A finished segmentation: labels on the scan's grid, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.annotation.phrases import counted
from fewslice.engines.base import Prediction
from fewslice.errors import without
from fewslice.segmentation.uncertainty import carried, expected_dice, normalised_entropy
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.ignore_label import Numbering
from fewslice.volumes.image import LabelArray, LabelMap
from fewslice.volumes.segments import Segment, merged

HUMAN = "human"
ENGINE = "engine"


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What `segment` returns. All arrays are on the input's grid, with the input's axes.

    Attributes
    ----------
    labels : LabelMap
        The answer; `labels.array` is the array. What was drawn is in it bit for bit.
    annotation : Annotation
        What was drawn, and what of it is known.
    prediction : Prediction
        What the engine answered for the region around it.
    engine : str
        Name of the engine.
    remarks : tuple of str
        Sentences a person should read; `fewslice.errors.Remark` gives each a code.
    support : int
        How many other scans the engine learned from.
    numbering : Numbering
        How annotation and prediction number the structures, where 255 is one of them.
    identity : str
        What the answer rests on beside the annotation: the engine's settings, with the SHA-256 of
        the weights it was given, and checksums of the scan and of its support scans.
    """

    labels: LabelMap
    annotation: Annotation
    prediction: Prediction
    engine: str
    remarks: tuple[str, ...] = ()
    support: int = 0
    numbering: Numbering = field(default_factory=Numbering)
    identity: str = ""

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Return the answer as an array: `np.asarray(result)` is `result.labels.array`."""
        return np.array(self.labels.array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        drawn = len(self.annotation.slices)
        remarks = f", {counted(len(self.remarks), 'remark')}" if self.remarks else ""
        return (
            f"Segmentation({self.labels!r}, structures {list(self.label_values[1:])} from "
            f"{counted(drawn, 'annotated slice')}, {self.engine}{remarks})"
        )

    def named(self, segments: Iterable[Segment]) -> Segmentation:
        """Return the same answer with names and colours for its structures.

        segments: in place of those it has; labels that are not in the answer are left out.
        """
        known = {*self.label_values[1:]}
        given = [each for each in segments if each.value in known]
        labels = replace(self.labels, segments=merged(given, self.labels.segments))
        remarks = without(self.remarks, "names-unclear") if given else self.remarks
        return replace(self, labels=labels, remarks=remarks)

    @property
    def label_values(self) -> tuple[int, ...]:
        """The label of each class in `probability`: background (0) first, then ascending."""
        return tuple(self.numbering.value(value) for value in self.prediction.values)

    @cached_property
    def drawing(self) -> LabelArray:
        """The labels as they were drawn, (i, j, k)."""
        annotation = self.annotation
        drawn = annotation.labels if annotation.as_drawn is None else annotation.as_drawn
        return self.numbering.outside(drawn)

    @property
    def axis(self) -> int:
        """The array axis across which most slices were annotated; `provenance` goes along it.

        Of a scan on which none was, the axis across which those of the support scans were.
        """
        return self.annotation.axis

    @property
    def probability(self) -> Float32Array:
        """Probability of each class, float32 (class, i, j, k), in [0, 1], background first.

        1 and 0 where a person said what a voxel is. Made anew at each access: it is large.
        """
        place = self.prediction.region.slices
        full = np.zeros((len(self.label_values), *self.labels.array.shape), dtype=np.float32)
        full[0] = 1.0
        full[(slice(None), *place)] = self.prediction.probability
        known = self.annotation.known()
        for number, value in enumerate(self.label_values):
            full[number][known] = self.labels.array[known] == value
        return full

    @property
    def uncertainty(self) -> Float32Array:
        """Normalised entropy of each voxel, float32 (i, j, k), in [0, 1].

        0 where a person said what a voxel is, and far from anything drawn. Where an answer reaches
        the last slice that was looked at, what lies beyond is uncertain, too (see
        `fewslice.segmentation.uncertainty`). Made anew at each access.
        """
        region = self.prediction.region
        full = np.zeros(self.labels.array.shape, dtype=np.float32)
        inside = full[region.slices]
        for at in range(region.shape[self.axis]):
            place = on_slice(self.axis, at)
            inside[place] = normalised_entropy(self.prediction.probability[(slice(None), *place)])
        rows, columns = (region.slices[other] for other in inplane_axes(self.axis))
        for index, probability in self._beyond():
            full[on_slice(self.axis, index)][rows, columns] = normalised_entropy(probability)
        full[self.annotation.known()] = 0.0
        return full

    def _beyond(self) -> Iterator[tuple[int, Float32Array]]:
        """Yield the slices just beyond those that were answered, and what may hold there.

        (class, rows, columns) over the region (see `carried`), as far again as the region reaches
        beyond the outermost slices drawn along `axis`.
        """
        axis, region = self.axis, self.prediction.region
        drawn = self.annotation.drawn_along(axis)
        if not drawn:
            return
        first, last = region.start[axis], region.stop[axis] - 1
        length = self.labels.array.shape[axis]
        by_slice = np.moveaxis(self.prediction.probability, 1 + axis, 0)
        above = carried(by_slice[-1], last - drawn[-1])
        yield from zip(range(last + 1, length), above, strict=False)
        below = carried(by_slice[0], drawn[0] - first)
        yield from zip(range(first - 1, -1, -1), below, strict=False)

    @cached_property
    def provenance(self) -> tuple[str, ...]:
        """Who made each slice along `axis`: "human" (annotated) or "engine"."""
        annotated = {index for axis, index in self.annotation.whole_slices if axis == self.axis}
        length = self.labels.array.shape[self.axis]
        return tuple(HUMAN if index in annotated else ENGINE for index in range(length))

    @cached_property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Expected Dice of each slice along `axis`, float64 in [0, 1].

        See `fewslice.segmentation.uncertainty`.

        1 on slices that a person annotated completely, and where nothing was drawn near; low
        beyond the last slice that was looked at, if the answer reaches it.
        """
        region, axis = self.prediction.region, self.axis
        result = np.ones(self.labels.array.shape[axis])
        known = self.annotation.known(region)
        labels = self.labels.array[region.slices]
        for at in range(region.shape[axis]):
            place = on_slice(axis, at)
            if known[place].all():
                continue
            result[region.start[axis] + at] = self._slice_confidence(
                self.prediction.probability[(slice(None), *place)], labels[place], known[place]
            )
        for index, probability in self._beyond():
            if (axis, index) not in self.annotation.whole_slices:
                nothing = np.zeros(probability.shape[1:], dtype=np.intp)
                result[index] = expected_dice(probability, nothing)
        return result

    def _slice_confidence(
        self,
        probability: npt.NDArray[np.float16],
        labels: LabelArray,
        known: npt.NDArray[np.bool_],
    ) -> float:
        answer = np.searchsorted(self.label_values, labels)
        certain = probability.astype(np.float32)
        if known.any():
            for number in range(len(self.label_values)):
                certain[number][known] = answer[known] == number
        return expected_dice(certain, answer)
