"""The rows of the tables: what is known of each engine call, each slice and each case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreRow:
    """One engine call: case x structure x slices x engine.

    slices: asked of the annotator; drawn: outlined, empty: marked "not on this slice". occupied:
    slices that hold the structure. support: how many other scans were given. dice, hd95 (mm),
    mean_surface_distance (mm), surface_dice: on the slices that were not annotated (see
    `score_slices`). dice_extent: Dice on those of them within the structure's extent. dice_volume:
    on the whole volume, annotated slices included.
    beyond_ends: voxels answered outside of the extent, divided by the structure's voxels. seconds
    and peak_memory_mb: of the whole call (see `memory`). remarks: of the engine.
    """

    case: str
    structure: str
    slices: int
    engine: str
    plane: str
    axis: int
    drawn: int
    empty: int
    occupied: int
    support: int
    dice: float
    dice_extent: float
    hd95: float
    mean_surface_distance: float
    surface_dice: float
    dice_volume: float
    beyond_ends: float
    seconds: float
    peak_memory_mb: float
    remarks: str


@dataclass(frozen=True)
class DistanceRow:
    """One slice that was not annotated and holds the structure, or was answered to.

    There is none for engine calls without any annotated slice.

    distance_slices, distance_mm: to the nearest annotated slice. between: 1 if there are annotated
    slices on both sides, else 0. intersection, predicted, reference: voxels of both masks, the
    answer and the truth; Dice of any group of rows is 2 Σ intersection / Σ (predicted + reference).
    """

    case: str
    structure: str
    slices: int
    engine: str
    slice: int
    distance_slices: int
    distance_mm: float
    between: int
    intersection: int
    predicted: int
    reference: int


@dataclass(frozen=True)
class CaseRow:
    """One finished case; written last, so that a case without this row is done again.

    scores, distances: how many rows it has in the other tables. mostly_annotated, nothing_drawn:
    tasks (structure x slices) that were skipped because more than half of the structure's slices
    would be annotated, or because no annotated slice holds the structure (with none annotated: no
    support scan does). absent, unknown: structures that are not there, or were not outlined in this
    case. remarks: what was assumed to read it.
    """

    case: str
    scores: int
    distances: int
    mostly_annotated: int
    nothing_drawn: int
    absent: int
    unknown: int
    seconds: float
    remarks: str = ""


@dataclass(frozen=True)
class CaseResult:
    """Everything an evaluation learns from one case."""

    case: CaseRow
    scores: tuple[ScoreRow, ...]
    distances: tuple[DistanceRow, ...]


@dataclass(frozen=True)
class CaseFailure:
    """A case that could not be evaluated, and the sentence that says why."""

    name: str
    reason: str
