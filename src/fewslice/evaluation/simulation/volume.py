"""Finish this volume: one structure of one scan, completed slice by slice with advice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.next_slice.expected_gain import (
    PRESENT,
    QUESTION_SLICES,
    ExpectedGainSettings,
)
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.errors import FewsliceError, InputError
from fewslice.evaluation.annotator import random_slices, strided
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.evaluation.simulation.annotator import SimulatedAnnotator
from fewslice.evaluation.simulation.settings import (
    BASELINES,
    NO_QUESTIONS,
    ONE_PLANE,
    RANDOM_KNOWN,
    STRIDED_PLANNED,
    VARIANTS,
    SimulationSettings,
)
from fewslice.evaluation.task import task_seed
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import Image, LabelMap
from fewslice.workflow.segment import segment
from fewslice.workflow.suggest import Suggestion, suggest

Point = dict[str, Any]


@dataclass(frozen=True)
class VolumeTask:
    """One run: a structure of a case, a strategy and a seed. Small, so that it can be sent."""

    folder: Path
    case: str
    structure: str
    strategy: str
    seed: int
    settings: SimulationSettings

    @property
    def key(self) -> str:
        """Names the run among all of a simulation."""
        return f"{self.case}/{self.structure}/{self.strategy}/{self.seed}"


@dataclass(frozen=True, eq=False)
class _State:
    """What the person has said so far."""

    labels: npt.NDArray[np.uint8]
    annotated: tuple[SliceIndex, ...] = ()
    present: tuple[SliceIndex, ...] = ()
    questions: int = 0
    seconds: float = 0.0
    queries: tuple[tuple[str, int, int], ...] = ()

    @property
    def slices(self) -> float:
        """What was spent, in drawn slices."""
        return round(self.drawn + QUESTION_SLICES * self.questions, 6)

    @property
    def drawn(self) -> int:
        """How many slices were looked at to be drawn on, those found empty as well."""
        return sum(kind != PRESENT for kind, _, _ in self.queries)


def volume_tasks(
    folder: Path, settings: SimulationSettings, unread: dict[str, str] | None = None
) -> list[VolumeTask]:
    """Return all runs; structures that are too short to save anything on are left out.

    That are those on fewer than four slices of the plane. unread: gets why a case cannot be read,
    by its name; without it such a case raises.
    """
    dataset = find_dataset(folder, settings.part, settings.most_cases, settings.spacing)
    tasks = []
    for case in dataset.cases:
        try:
            image, labels = read_case(case)
        except FewsliceError as error:
            if unread is None:
                raise
            unread[case.name] = str(error)
            continue
        axis = plane_axis(image.geometry, settings.plane)
        others = inplane_axes(axis)
        for structure in case.structures_in(labels.array):
            occupied = structure.mask(labels.array).any(axis=others).sum()
            if case.knows(structure) and occupied >= 4:
                tasks += [
                    VolumeTask(folder, case.name, structure.name, strategy, seed, settings)
                    for strategy in settings.strategies
                    for seed in settings.seeds
                ]
    return tasks


def run_volume(task: VolumeTask) -> list[Point]:
    """Simulate one run and return a point for every answer of the person."""
    dataset = find_dataset(task.folder, task.settings.part, spacing=task.settings.spacing)
    case = next((each for each in dataset.cases if each.name == task.case), None)
    if case is None:
        raise InputError(f"The data set has no case {task.case} any more; simulate it anew.")
    image, labels = read_case(case)
    structures = case.structures_in(labels.array)
    structure = next(each for each in structures if each.name == task.structure)
    truth = structure.mask(labels.array)
    person = SimulatedAnnotator(
        truth,
        image.geometry.spacing,
        task.settings.imperfect,
        task_seed(task.seed, task.case, task.structure),
    )
    axis = plane_axis(image.geometry, task.settings.plane)
    loop = _Loop(task, image, person, axis)
    points = loop.planned() if task.strategy == STRIDED_PLANNED else loop.asked()
    return [
        {
            "task": f"{task.case}/{task.structure}",
            "strategy": task.strategy,
            "seed": task.seed,
            "step": step,
            **point,
        }
        for step, point in enumerate(points)
    ]


@dataclass(frozen=True, eq=False)
class _Loop:
    """One run's scan and person."""

    task: VolumeTask
    image: Image
    person: SimulatedAnnotator
    axis: int

    def planned(self) -> Iterator[Point]:
        """Yield a point for every number of slices, each drawn from scratch at the midpoints."""
        for count in range(1, int(self.task.settings.budget) + 1):
            revealed = strided(self.person.truth, self.axis, count)
            state = self._blank()
            for place in revealed.annotated:
                state = self._drawn(state, place, np.zeros_like(self.person.truth))
            yield self._point(state, self._answer(state))

    def asked(self) -> Iterator[Point]:
        """Yield a point for every answer, from the first slice on."""
        first = strided(self.person.truth, self.axis, 1).annotated[0]
        if not self.person.holds(*first):
            first = (self.axis, self._occupied()[len(self._occupied()) // 2])
        state = self._drawn(self._blank(), first, np.zeros_like(self.person.truth))
        answer = self._answer(state)
        known = self._known_sequence()
        while True:
            suggestion = self._suggestion(state) if self._needs_gain_model(state) else None
            yield self._point(state, answer, suggestion)
            if state.slices >= self.task.settings.budget:
                return
            query = self._next(state, suggestion, known)
            if query is None:
                return
            kind, axis, index = query
            before = state
            if kind == PRESENT:
                state = self._answered(state, (axis, index))
            else:
                state = self._drawn(state, (axis, index), answer)
            if state.annotated != before.annotated:
                answer = self._answer(state)

    def _needs_gain_model(self, state: _State) -> bool:
        over = state.slices >= self.task.settings.budget
        return not (over or self.task.strategy in (*BASELINES, "random")) or (
            over and self.task.strategy in VARIANTS
        )

    def _suggestion(self, state: _State) -> Suggestion:
        strategy = self.task.strategy
        return suggest(
            self.image,
            LabelMap(state.labels, self.image.geometry),
            annotated=state.annotated,
            present=state.present,
            strategy="default" if strategy in VARIANTS else strategy,
            seed=self.task.seed * 1000 + len(state.queries),
            settings=ExpectedGainSettings(
                questions=strategy != NO_QUESTIONS, planes=strategy != ONE_PLANE
            ),
        )

    def _next(
        self, state: _State, suggestion: Suggestion | None, known: list[int]
    ) -> tuple[str, int, int] | None:
        if suggestion is not None:
            best = suggestion.slices[:1]
            return (best[0].kind, best[0].axis, best[0].index) if best else None
        done = {(axis, index) for _, axis, index in state.queries}
        left = [index for index in known if (self.axis, index) not in done]
        return ("draw", self.axis, left[0]) if left else None

    def _known_sequence(self) -> list[int]:
        """Return the order in which slices are drawn where advice is not asked for."""
        seed = task_seed(self.task.seed, self.task.case, self.task.structure)
        if self.task.strategy == "random":
            length = self.person.truth.shape[self.axis]
            return [int(at) for at in np.random.default_rng(seed).permutation(length)]
        occupied = self._occupied()
        if self.task.strategy == RANDOM_KNOWN:
            shuffled = np.random.default_rng(seed).permutation(len(occupied))
            return [occupied[at] for at in shuffled]
        return widest_gap_first(occupied)

    def _occupied(self) -> list[int]:
        count = int(self.person.truth.shape[self.axis])
        return list(random_slices(self.person.truth, self.axis, count).drawn)

    def _blank(self) -> _State:
        return _State(np.zeros(self.person.truth.shape, dtype=np.uint8))

    def _drawn(self, state: _State, place: SliceIndex, answer: BoolArray) -> _State:
        drawn = self.person.draws(*place)
        labels = state.labels.copy()
        labels[on_slice(*place)][drawn] = 1
        for other in state.annotated:  # what was drawn before is never changed
            labels[on_slice(*other)] = state.labels[on_slice(*other)]
        return replace(
            state,
            labels=labels,
            annotated=(*state.annotated, place),
            seconds=state.seconds + self.person.seconds(place[0], drawn, answer[on_slice(*place)]),
            queries=(*state.queries, ("draw", *place)),
        )

    def _answered(self, state: _State, place: SliceIndex) -> _State:
        yes = self.person.holds(*place)
        return replace(
            state,
            annotated=state.annotated if yes else (*state.annotated, place),
            present=(*state.present, place) if yes else state.present,
            questions=state.questions + 1,
            seconds=state.seconds + self.person.cost.question,
            queries=(*state.queries, (PRESENT, *place)),
        )

    def _answer(self, state: _State) -> BoolArray:
        if not state.labels.any():  # planned slices may all lie in a gap of the structure
            return np.zeros(self.person.truth.shape, dtype=bool)
        result = segment(
            self.image,
            LabelMap(state.labels, self.image.geometry),
            annotated=state.annotated,
            engine=self.task.settings.engine,
        )
        return np.asarray(result.labels.array == 1)

    def _point(
        self, state: _State, answer: BoolArray, suggestion: Suggestion | None = None
    ) -> Point:
        truth = self.person.truth
        told = np.zeros(truth.shape, dtype=bool)
        for place in state.annotated:
            told[on_slice(*place)] = True
        kind, axis, index = state.queries[-1]
        return {
            "slices": state.slices,
            "drawn": state.drawn,
            "questions": state.questions,
            "seconds": round(state.seconds, 3),
            "foreground": int(np.count_nonzero(state.labels)) / int(np.count_nonzero(truth)),
            "dice": round(dice(answer, truth), 6),
            "dice_open": round(dice(answer & ~told, truth & ~told), 6),
            **_predictions(suggestion),
            "kind": kind,
            "axis": axis,
            "index": index,
        }


def _predictions(suggestion: Suggestion | None) -> dict[str, float | None]:
    """Return what was expected of the answer; None where nobody asked."""
    if suggestion is None:
        return dict.fromkeys(("predicted", "predicted_low", "promised"))
    found = (suggestion.predicted_dice, suggestion.predicted_dice_low, suggestion.promised_dice)
    predicted, low, promised = (round(each, 6) for each in found)
    return {"predicted": predicted, "predicted_low": low, "promised": promised}


def widest_gap_first(occupied: list[int]) -> list[int]:
    """Return slices in the order of a person who knows the extent: the middle one first.

    The next is always the one that makes the sum of distances to the nearest drawn slice least,
    which is about the middle of the widest gap. occupied: ascending.
    """
    if not occupied:
        return []
    first, last = occupied[0], occupied[-1]
    order = [min(occupied, key=lambda index: abs(index - (first + last) / 2))]
    left = [index for index in occupied if index not in order]
    while left:
        drawn = np.array(order)
        span = np.array(occupied)
        nearest = np.abs(span[:, None] - drawn).min(axis=1)
        # Of several as good, the one nearest to a drawn slice: towards the middle, not the tip.
        sums = [
            (int(np.minimum(nearest, np.abs(span - index)).sum()), int(np.abs(drawn - index).min()))
            for index in left
        ]
        best = left[min(range(len(left)), key=lambda at: sums[at])]
        order.append(best)
        left.remove(best)
    return order
