"""How well people agree who annotated the same scan independently.

Noisy annotators are a fact of this field; this shows who disagrees, on what and where. Compared are
the slices that both drew, in their planes: the third axis has no say, since neighbours are not
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.drawing import Drawing
from fewslice.metrics.overlap import dice
from fewslice.metrics.scores import default_tolerance
from fewslice.metrics.surface import (
    Directed,
    Spacing,
    SurfaceDistances,
    surface_dice,
    surface_distances,
)
from fewslice.project.consensus import annotators
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.scans import get_scan
from fewslice.project.structures import Structure, list_structures
from fewslice.typing import BoolArray
from fewslice.volumes.image import UNKNOWN, LabelArray


@dataclass(frozen=True)
class StructureAgreement:
    """Agreement on one structure over all slices that both drew.

    dice, surface_dice: 0 to 1; None if neither drew it. tolerance: of the surface Dice in mm.
    """

    value: int
    name: str
    dice: float | None
    surface_dice: float | None
    tolerance: float


@dataclass(frozen=True)
class SliceAgreement:
    """Agreement on one slice. dice: of all structures together; 1 if both left it empty."""

    axis: int
    index: int
    dice: float


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two people on the slices that both drew. slices: worst first."""

    first: int
    second: int
    names: tuple[str, str]
    structures: tuple[StructureAgreement, ...]
    slices: tuple[SliceAgreement, ...]


def agreement(
    project: Project, scan_id: int, tolerance: float | None = None
) -> list[PairAgreement]:
    """Return how well each two annotators of a scan agree; nothing if people share the scan.

    tolerance: of the surface Dice in mm; by default the middle one of the scan's spacings.
    """
    spacing = get_scan(project, scan_id).spacing
    tolerance = default_tolerance(spacing) if tolerance is None else tolerance
    people = annotators(project, scan_id)
    structures = list_structures(project)
    drawings = {person: drawing(project, scan_id, person).drawing for person in people}
    return [
        PairAgreement(
            first,
            second,
            (people[first], people[second]),
            *compared((drawings[first], drawings[second]), structures, spacing, tolerance),
        )
        for first, second in combinations(people, 2)
    ]


def compared(
    pair: tuple[Drawing, Drawing],
    structures: Sequence[Structure],
    spacing: Spacing,
    tolerance: float,
) -> tuple[tuple[StructureAgreement, ...], tuple[SliceAgreement, ...]]:
    """Compare two drawings of one scan: structure by structure, and slice by slice."""
    mine, theirs = ({each.place: each.labels for each in one.slices} for one in pair)
    both = {
        place: _seen(mine[place], theirs[place]) for place in sorted(mine.keys() & theirs.keys())
    }
    by_structure = tuple(_of_structure(both, each, spacing, tolerance) for each in structures)
    by_slice = [SliceAgreement(*place, _all_dice(*labels)) for place, labels in both.items()]
    return by_structure, tuple(sorted(by_slice, key=lambda each: each.dice))


def _seen(first: LabelArray, second: LabelArray) -> tuple[LabelArray, LabelArray]:
    """Return both with 0 where either did not look."""
    seen = (first != UNKNOWN) & (second != UNKNOWN)
    return first * seen, second * seen


def _all_dice(first: LabelArray, second: LabelArray) -> float:
    """Return the Dice of all structures together: agreement is the same label on a pixel."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero((first == second) & (first > 0))) / total if total else 1.0


def _of_structure(
    both: dict[SliceIndex, tuple[LabelArray, LabelArray]],
    structure: Structure,
    spacing: Spacing,
    tolerance: float,
) -> StructureAgreement:
    masks = [
        (place[0], (first == structure.value, second == structure.value))
        for place, (first, second) in both.items()
        if structure.value in first or structure.value in second
    ]
    if not masks:
        return StructureAgreement(structure.value, structure.name, None, None, tolerance)
    ways = [_in_plane(axis, *pair, spacing) for axis, pair in masks]
    pooled = SurfaceDistances(
        _pooled([way.prediction for way in ways]), _pooled([way.reference for way in ways]), np.inf
    )
    first, second = (np.concatenate([pair[n].ravel() for _, pair in masks]) for n in (0, 1))
    return StructureAgreement(
        structure.value,
        structure.name,
        dice(first, second),
        surface_dice(pooled, tolerance),
        tolerance,
    )


def _in_plane(axis: int, first: BoolArray, second: BoolArray, spacing: Spacing) -> SurfaceDistances:
    """Return the distances between the outlines on one slice.

    The slice stands for a tall column: three copies, so far apart that the column's two ends, which
    are no outlines, are never the nearest; elements at the ends are left out.
    """
    plane = [step for other, step in enumerate(spacing) if other != axis]
    tall = 10 * float(np.hypot(*(np.array(first.shape) * plane)))
    return surface_distances(
        np.stack([first] * 3),
        np.stack([second] * 3),
        (tall, plane[0], plane[1]),
        (0, np.array([0.0, 1.0, 1.0, 0.0])),
    )


def _pooled(ways: Sequence[Directed]) -> Directed:
    return Directed(
        np.concatenate([way.distances for way in ways]), np.concatenate([way.areas for way in ways])
    )
