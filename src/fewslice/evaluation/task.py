"""One case: reveal slices of every structure, let every engine complete them, score."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter

import numpy as np
import numpy.typing as npt

from fewslice.annotation.planes import plane_axis, plane_name
from fewslice.engines import Progress, find_engine, silent
from fewslice.evaluation.annotator import RevealedSlices, annotator, nothing
from fewslice.evaluation.dataset import CaseFiles, Structure, read_case
from fewslice.evaluation.memory import peak_memory
from fewslice.evaluation.rows import CaseResult, CaseRow, DistanceRow, ScoreRow
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.support import support_pairs
from fewslice.metrics.overlap import dice
from fewslice.metrics.scores import score_slices
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow.segment import segment

IntArray = npt.NDArray[np.int64]

MOSTLY_ANNOTATED = "mostly_annotated"
NOTHING_DRAWN = "nothing_drawn"


@dataclass(frozen=True, eq=False)
class Task:
    """One structure of one case with its revealed slices.

    mask: the truth, bool (i, j, k). count: the number of slices asked for. support: other scans
    with the structure as label 1.
    """

    case: str
    image: Image
    structure: Structure
    mask: BoolArray
    count: int
    revealed: RevealedSlices
    support: tuple[tuple[Image, LabelMap], ...] = ()

    @property
    def annotated(self) -> tuple[int, ...]:
        """Indices of the annotated slices along the axis, drawn or empty, ascending."""
        return tuple(index for _, index in self.revealed.annotated)


def evaluate_case(
    case: CaseFiles,
    settings: Settings,
    progress: Progress = silent,
    candidates: Sequence[CaseFiles] = (),
) -> CaseResult:
    """Evaluate every structure, number of slices and engine on one case.

    With no slice annotated only engines that use support are asked. progress: called with the
    fraction done, from 0 to 1. candidates: cases that support scans are taken from. Raises
    FewsliceError if a case cannot be read or an engine refuses it.
    """
    start = perf_counter()
    image, labels = read_case(case)
    structures = case.structures_in(labels.array)
    known = tuple(structure for structure in structures if case.knows(structure))
    notes = Counter(unknown=len(structures) - len(known))
    scores: list[ScoreRow] = []
    distances: list[DistanceRow] = []
    pairs = partial(_support, case, settings, candidates)
    for task in _tasks(case.name, image, labels, known, settings, notes, pairs):
        for number, engine in enumerate(settings.engines):
            if task.count or find_engine(engine).uses_support:
                row, prediction = run_engine(task, engine)
                scores.append(row)
                distances.extend(distance_rows(task, engine, prediction))
            part = (number + 1) / len(settings.engines)
            progress((notes["looked_at"] + part) / (len(known) * len(settings.slices)))
    finished = CaseRow(
        case=case.name,
        scores=len(scores),
        distances=len(distances),
        mostly_annotated=notes[MOSTLY_ANNOTATED],
        nothing_drawn=notes[NOTHING_DRAWN],
        absent=notes["absent"],
        unknown=notes["unknown"],
        seconds=round(perf_counter() - start, 3),
        remarks=" ".join(" ".join(image.remarks).split()),
    )
    return CaseResult(finished, tuple(scores), tuple(distances))


def task_seed(seed: int, case: str, structure: str) -> int:
    """Return the seed of one case and structure: the same in every process and on every machine."""
    digest = hashlib.sha256(f"{seed}\n{case}\n{structure}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def reason_to_skip(task: Task) -> str | None:
    """Return why a task is not scored, or None if it is."""
    if not task.revealed.scorable:
        return MOSTLY_ANNOTATED
    enough = task.revealed.drawn if task.count else task.support
    return None if enough else NOTHING_DRAWN


def _support(
    case: CaseFiles, settings: Settings, candidates: Sequence[CaseFiles], structure: Structure
) -> tuple[tuple[Image, LabelMap], ...]:
    count = settings.support.count if settings.support else 0
    return support_pairs(case, structure, candidates, count)


def _tasks(  # noqa: PLR0913, PLR0917 - all that makes up a task
    case: str,
    image: Image,
    labels: LabelMap,
    structures: Sequence[Structure],
    settings: Settings,
    notes: Counter[str],
    pairs: Callable[[Structure], tuple[tuple[Image, LabelMap], ...]],
) -> Iterator[Task]:
    """Yield the tasks of a case; `notes` counts those skipped, and those looked at so far."""
    reveal = annotator(settings.annotator)
    axis = plane_axis(image.geometry, settings.plane)
    for number, structure in enumerate(structures):
        mask = structure.mask(labels.array)
        if not mask.any():
            notes["absent"] += 1
            continue
        seed = task_seed(settings.seed, case, structure.name)
        support = pairs(structure)
        for at, count in enumerate(settings.slices):
            notes["looked_at"] = number * len(settings.slices) + at
            revealed = reveal(mask, axis, count, seed) if count else nothing(mask, axis)
            task = Task(case, image, structure, mask, count, revealed, support)
            reason = reason_to_skip(task)
            if reason is None:
                yield task
            else:
                notes[reason] += 1


def run_engine(task: Task, engine: str) -> tuple[ScoreRow, BoolArray]:
    """Let one engine complete a task; return its scores and its answer, bool (i, j, k)."""
    _warm_up(engine)
    revealed, geometry = task.revealed, task.image.geometry
    sparse = LabelMap(revealed.sparse_labels(task.mask), geometry)
    with peak_memory() as peak:
        start = perf_counter()
        answer = segment(
            task.image,
            sparse,
            annotated=revealed.annotated,
            support=task.support,
            engine=engine,
        )
        seconds = perf_counter() - start
    prediction: BoolArray = answer.labels.array == 1
    scores = score_slices(prediction, task.mask, geometry.spacing, revealed.axis, task.annotated)
    row = ScoreRow(
        case=task.case,
        structure=task.structure.name,
        slices=task.count,
        engine=engine,
        plane=plane_name(geometry, revealed.axis),
        axis=revealed.axis,
        drawn=len(revealed.drawn),
        empty=len(revealed.empty),
        occupied=revealed.occupied,
        support=len(task.support),
        dice=scores.dice,
        dice_extent=dice_within_extent(task, prediction),
        hd95=scores.hd95,
        mean_surface_distance=scores.mean_surface_distance,
        surface_dice=scores.surface_dice,
        dice_volume=dice(prediction, task.mask),
        beyond_ends=beyond_ends(task, prediction),
        seconds=round(seconds, 4),
        peak_memory_mb=round(peak.megabytes, 1),
        remarks=" ".join(" ".join(answer.remarks).split()),
    )
    return row, prediction


def dice_within_extent(task: Task, prediction: BoolArray) -> float:
    """Return Dice on the not annotated slices from the structure's first slice to its last."""
    first, last = task.revealed.extent
    kept = sorted(set(range(first, last + 1)) - set(task.annotated))
    axis = task.revealed.axis
    return dice(prediction.take(kept, axis=axis), task.mask.take(kept, axis=axis))


def beyond_ends(task: Task, prediction: BoolArray) -> float:
    """Return the voxels answered outside of the structure's extent, per voxel of the structure."""
    first, last = task.revealed.extent
    answered = voxels_per_slice(prediction, task.revealed.axis)
    outside = int(answered.sum() - answered[first : last + 1].sum())
    return outside / int(np.count_nonzero(task.mask))


def distance_rows(task: Task, engine: str, prediction: BoolArray) -> list[DistanceRow]:
    """Return what was answered on each slice that was not annotated and is not empty in both.

    Nothing if no slice is annotated: there is no distance then.
    """
    if not task.annotated:
        return []
    axis = task.revealed.axis
    annotated = np.array(task.annotated)
    spacing = task.image.geometry.spacing[axis]
    both = voxels_per_slice(prediction & task.mask, axis)
    answered = voxels_per_slice(prediction, axis)
    truth = voxels_per_slice(task.mask, axis)
    rows = []
    for index in sorted(set(np.flatnonzero(answered + truth).tolist()) - set(task.annotated)):
        distance = int(np.abs(annotated - index).min())
        rows.append(
            DistanceRow(
                case=task.case,
                structure=task.structure.name,
                slices=task.count,
                engine=engine,
                slice=index,
                distance_slices=distance,
                distance_mm=round(distance * spacing, 6),
                between=int(annotated.min() < index < annotated.max()),
                intersection=int(both[index]),
                predicted=int(answered[index]),
                reference=int(truth[index]),
            )
        )
    return rows


def voxels_per_slice(mask: BoolArray, axis: int) -> IntArray:
    """Return how many voxels of a mask lie on each slice along an axis."""
    others = inplane_axes(axis)
    return np.asarray(np.count_nonzero(mask, axis=others), dtype=np.int64)


@cache
def _warm_up(engine: str) -> None:
    """Let an engine load its libraries, so that the first call is not timed with them."""
    grid = np.indices((16, 16, 9)) - np.array([8, 8, 4]).reshape(3, 1, 1, 1)
    ball = (grid**2).sum(axis=0) < 16
    scan = ball + np.random.default_rng(0).normal(scale=0.1, size=ball.shape)
    labels = np.zeros(ball.shape, dtype=np.uint8)
    labels[:, :, 2:7:2] = ball[:, :, 2:7:2]
    segment(scan.astype(np.float32), labels, annotated=[(2, 2), (2, 4), (2, 6)], engine=engine)
