"""Train the next model: slices of a pool are drawn round by round, models retrained on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.cost import CostModel
from fewslice.annotation.annotation import Annotation, SliceIndex, on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.engines import Scan
from fewslice.errors import InputError
from fewslice.evaluation.dataset import CaseFiles, Structure, find_dataset, read_case
from fewslice.evaluation.simulation.annotator import SimulatedAnnotator
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.metrics.overlap import dice
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import UNKNOWN, Image, LabelMap
from fewslice.workflow.pool_rows import PoolScan
from fewslice.workflow.rank_pool import rank_pool
from fewslice.workflow.segment import segment

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel

POOL_PART = "Tr"
"""The part of the data set that slices are drawn from; models are tested on another."""

DROPOUT_SAMPLES = 6

Point = dict[str, Any]


@dataclass(frozen=True)
class PoolTask:
    """One run: a strategy and a seed. Small, so that it can be sent."""

    folder: Path
    strategy: str
    seed: int
    settings: SimulationSettings

    @property
    def key(self) -> str:
        """Names the run among all of a simulation."""
        return f"{self.folder.name}/{self.strategy}/{self.seed}"


@dataclass(frozen=True, eq=False)
class _Case:
    """A scan with its truth. masks: of the structures known in it, by label value."""

    name: str
    image: Image
    truth: npt.NDArray[Any]
    masks: dict[int, npt.NDArray[np.bool_]]


def pool_tasks(folder: Path, settings: SimulationSettings) -> list[PoolTask]:
    """Return all runs.

    Raises ReadError if the pool or the test part is missing, and InputError if structures overlap.
    """
    for part, most in ((POOL_PART, settings.most_cases), (settings.part, settings.test_cases)):
        for case in find_dataset(folder, part, most).cases:
            _require_apart(case.structures or (), folder)
    return [
        PoolTask(folder, strategy, seed, settings)
        for strategy in settings.strategies
        for seed in settings.seeds
    ]


def _require_apart(structures: Sequence[Structure], folder: Path) -> None:
    """Raise InputError if a label belongs to two structures: a model knows one label a voxel."""
    first: dict[int, str] = {}
    for structure in structures:
        for value in structure.values:
            other = first.setdefault(value, structure.name)
            if other != structure.name:
                raise InputError(
                    f"Label {value} belongs to both {other} and {structure.name} in "
                    f"{folder / 'dataset.json'}, but the models of a pool simulation give each "
                    "voxel to one structure; name each label once."
                )


def run_pool(task: PoolTask) -> list[Point]:
    """Simulate one run and return a point for every round."""
    return [
        {
            "task": task.folder.name,
            "strategy": task.strategy,
            "seed": task.seed,
            "step": step,
            **point,
        }
        for step, point in enumerate(_run_of(task).rounds())
    ]


def dice_of_trainings(task: PoolTask, repeats: int) -> list[float]:
    """Return the Dice of models that learned from the same slices, those to start with.

    They differ in the seed of their training alone, so their spread is what remains of a
    difference between strategies if these chose the same.
    """
    return list(_run_of(task).repeated(repeats))


def _run_of(task: PoolTask) -> _Run:
    settings = task.settings
    spacing = settings.spacing
    pool = find_dataset(task.folder, POOL_PART, settings.most_cases, spacing).cases
    tests = find_dataset(task.folder, settings.part, settings.test_cases, spacing).cases
    return _Run(task, [_read(case) for case in pool], [_read(case) for case in tests])


def _read(case: CaseFiles) -> _Case:
    image, labels = read_case(case)
    known = [each for each in case.structures_in(labels.array) if case.knows(each)]
    return _Case(case.name, image, labels.array, dict(_mask(each, labels) for each in known))


def _mask(structure: Structure, labels: LabelMap) -> tuple[int, npt.NDArray[np.bool_]]:
    return structure.values[0], structure.mask(labels.array)


class _Drawn:
    """What was drawn of one scan so far."""

    def __init__(self, case: _Case) -> None:
        kind = np.uint8 if max(case.masks, default=0) <= UNKNOWN else np.uint16
        self.labels = np.zeros(case.truth.shape, dtype=kind)
        self.slices: list[SliceIndex] = []


class _Run:
    """One run's scans, and what was drawn of them."""

    def __init__(self, task: PoolTask, pool: Sequence[_Case], tests: Sequence[_Case]) -> None:
        self.task = task
        self.pool = {case.name: case for case in pool}
        self.tests = tests
        self.drawn: dict[str, _Drawn] = {}
        self.seconds = 0.0
        self.voxels = 0
        self.total = sum(int(mask.sum()) for case in pool for mask in case.masks.values())

    def rounds(self) -> Iterator[Point]:
        """Yield a point for the start and for every round."""
        from fewslice.training.dropout import Dropout

        settings, seed = self.task.settings, self.task.seed
        for name, place in self._start():
            self._draw(name, place)
        model = self._train(0)
        yield self._point(model)
        for number in range(1, settings.rounds + 1):
            count = self._wanted(number) - self._slices
            if count < 1:
                continue
            asked = rank_pool(
                [self._scan(case) for case in self.pool.values()],
                sampler=Dropout(model, DROPOUT_SAMPLES),
                count=count,
                strategy=self.task.strategy,
                seed=seed * 1000 + number - 1,
                workers=1,
            )
            if not asked.items:
                return
            for item in asked.items:
                if item.axis is not None and item.index is not None:
                    self._draw(item.case, (item.axis, item.index))
            model = self._train(number)
            yield self._point(model)

    def repeated(self, repeats: int) -> Iterator[float]:
        """Yield the Dice of each of several trainings on the slices to start with."""
        for name, place in self._start():
            self._draw(name, place)
        for number in range(repeats):
            yield float(self._point(self._train(number))["dice"])

    @property
    def _slices(self) -> int:
        return sum(len(drawn.slices) for drawn in self.drawn.values())

    def _wanted(self, number: int) -> int:
        """Return how many slices are to be drawn after a round: the budget after the last."""
        settings = self.task.settings
        more = (settings.budget - settings.start) * number / settings.rounds
        return settings.start + int(more + 1e-9)

    def _start(self) -> list[tuple[str, SliceIndex]]:
        """Return a slice of what is in some scans, at random, the same for every strategy."""
        rng = np.random.default_rng([self.task.seed, 7])
        names = rng.permutation(sorted(self.pool))
        found: list[tuple[str, SliceIndex]] = []
        for name in names:
            case = self.pool[str(name)]
            axis = plane_axis(case.image.geometry, self.task.settings.plane)
            any_of = np.zeros(case.truth.shape, dtype=bool)
            for mask in case.masks.values():
                any_of |= mask
            held = np.flatnonzero(any_of.any(axis=inplane_axes(axis)))
            if len(held):
                found.append((str(name), (axis, int(rng.choice(held)))))
            if len(found) == self.task.settings.start:
                return found
        raise InputError(
            f"The pool has {len(found)} scans with structures; the simulation starts with a slice "
            f"of each of {self.task.settings.start}: give more cases or a smaller start."
        )

    def _draw(self, name: str, place: SliceIndex) -> None:
        """Let the person draw all structures known in the scan on one slice."""
        case = self.pool[name]
        drawn = self.drawn.setdefault(name, _Drawn(case))
        blank = np.zeros(case.truth[on_slice(*place)].shape, dtype=bool)
        seconds = 0.0
        for value, mask in case.masks.items():
            person = SimulatedAnnotator(
                mask, case.image.geometry.spacing, self.task.settings.imperfect, self.task.seed
            )
            outline = person.draws(*place)
            drawn.labels[on_slice(*place)][outline] = value
            if outline.any():
                seconds += person.seconds(place[0], outline, blank) - person.cost.slice
            self.voxels += int(outline.sum())
        drawn.slices.append(place)
        self.seconds += seconds + CostModel().slice

    def _scan(self, case: _Case) -> PoolScan:
        drawn = self.drawn.get(case.name)
        if drawn is None:
            return PoolScan(case.name, case.image)
        labels = LabelMap(drawn.labels, case.image.geometry)
        return PoolScan(case.name, case.image, labels, tuple(drawn.slices))

    def _train(self, number: int) -> TaskModel:
        from fewslice.training.scan import TaskScan, TaskSettings
        from fewslice.training.trainer import train_task_model

        scans = [
            TaskScan(
                name,
                Scan.of(self.pool[name].image),
                Annotation(drawn.labels, tuple(sorted(set(drawn.slices)))),
                tuple(self.pool[name].masks),
            )
            for name, drawn in self.drawn.items()
        ]
        settings = TaskSettings(steps=self.task.settings.steps, seed=self.task.seed * 1000 + number)
        return train_task_model(scans, settings).model

    def _point(self, model: TaskModel) -> Point:
        scores = [
            dice(answer == value, mask)
            for case in self.tests
            for answer in [segment(case.image, engine=model).labels.array]
            for value, mask in case.masks.items()
            if mask.any()
        ]
        if not scores:
            raise InputError(
                f"None of the {len(self.tests)} test scans holds a structure that was outlined in "
                "it, so there is nothing to measure; test on more scans."
            )
        return {
            "slices": float(self._slices),
            "drawn": self._slices,
            "questions": 0,
            "seconds": round(self.seconds, 3),
            "foreground": self.voxels / max(self.total, 1),
            "dice": round(float(np.mean(scores)), 6),
            "dice_open": round(float(np.mean(scores)), 6),
            "predicted": None,
            "predicted_low": None,
            "promised": None,
            "kind": "draw",
            "axis": -1,
            "index": -1,
        }
