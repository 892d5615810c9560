"""What a client said of one object, slice by slice, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex
from fewslice.typing import BoolArray


@dataclass(frozen=True, eq=False)
class ObjectAnnotation:
    """What was said of each slice, as labels: 0 background, 1 structure, 255 unknown.

    guessed: slices whose outline nobody drew. started: slices of a mask to start from.
    """

    slices: Mapping[SliceIndex, npt.NDArray[np.uint8]] = field(default_factory=dict)
    guessed: frozenset[SliceIndex] = frozenset()
    started: frozenset[SliceIndex] = frozenset()

    @property
    def shows_structure(self) -> bool:
        """Whether any slice holds the structure: nothing can be answered before."""
        return any((labels == 1).any() for labels in self.slices.values())

    def with_slice(
        self, place: SliceIndex, labels: npt.NDArray[np.uint8], *, guessed: bool = False
    ) -> ObjectAnnotation:
        """Return this with another state of a slice."""
        others = self.guessed - {place}
        return replace(
            self,
            slices={**self.slices, place: labels},
            guessed=others | {place} if guessed else others,
            started=self.started - {place},
        )

    def without(self, places: frozenset[SliceIndex]) -> ObjectAnnotation:
        """Return this as if nobody had spoken of some slices."""
        slices = {place: each for place, each in self.slices.items() if place not in places}
        return ObjectAnnotation(slices, self.guessed - places, self.started - places)


@dataclass(frozen=True, eq=False)
class State:
    """Where a scene stands after an interaction: what was said, and the object as it is now."""

    annotation: ObjectAnnotation
    target: BoolArray
