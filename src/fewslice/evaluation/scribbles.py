"""Partial annotation as people really make it: scribbles on a few slices, from a data set.

A folder ``scribblesTs`` beside ``labelsTs`` holds, under the same names, what people scribbled: 0
and up where they did, 255 where they did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.annotation.annotation import SliceIndex, drawn_voxels, on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.errors import ReadError
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.dataset import CaseFiles, read_case
from fewslice.io.read import read_labels
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import require_same_grid
from fewslice.volumes.image import Image, LabelArray, LabelMap


@dataclass(frozen=True, eq=False)
class ScribbledCase:
    """One case annotated in two ways on the same slices, all structures together.

    truth: on every slice. drawn, scribbled: the same slices of it, in full and as scribbles with
    255 around them; 0 on the others. slices: which ones, (array axis, index).
    """

    image: Image
    truth: LabelMap
    drawn: LabelMap
    scribbled: LabelMap
    slices: tuple[SliceIndex, ...]

    @property
    def others(self) -> BoolArray:
        """Where neither way said anything: the voxels of all other slices."""
        left = np.ones(self.truth.array.shape, dtype=bool)
        for place in self.slices:
            left[on_slice(*place)] = False
        return left


def scribbled_case(case: CaseFiles, plane: str, count: int) -> ScribbledCase:
    """Read a case and its scribbles, and annotate `count` strided slices in both ways.

    plane: as `plane_axis` takes it. The slices are strided over the extent of all structures (see
    `strided`). Raises ReadError if the case has no scribbles, GeometryError if they lie elsewhere.
    """
    image, truth = read_case(case)
    scribbles = read_labels(scribbles_path(case.labels))
    require_same_grid(truth.geometry, scribbles.geometry, f"{case.labels}", "its scribbles")
    revealed = strided(drawn_voxels(truth.array), plane_axis(image.geometry, plane), count)
    slices = revealed.annotated
    drawn = truth.with_array(only_slices(truth.array, slices))
    scribbled = truth.with_array(only_slices(scribbles.array, slices))
    return ScribbledCase(image, truth, drawn, scribbled, slices)


def scribbles_path(labels: Path) -> Path:
    """Return where the scribbles of a label map are: 'labelsTs/a' becomes 'scribblesTs/a'."""
    part = labels.parent.name.removeprefix("labels")
    path = labels.parent.with_name(f"scribbles{part}") / labels.name
    if not path.exists():
        raise ReadError(f"{path} does not exist; expected the scribbles that go with {labels}.")
    return path


def only_slices(labels: LabelArray, slices: Sequence[SliceIndex]) -> LabelArray:
    """Return labels that are 0 on all slices but these."""
    sparse = np.zeros_like(labels)
    for place in slices:
        sparse[on_slice(*place)] = labels[on_slice(*place)]
    return sparse
