"""How many slices somebody who knows the truth would need: the floor for strategies of one plane.

    python -m benchmarks.lower_bound DATA/Dataset102_CardiacCineMRI --cases 4

Starts with the middle slice, as `fewslice simulate --question volume` does, and then tries every
open slice of that plane that holds the structure, and the first empty one beyond either end; the
one after which the true Dice is highest is drawn. Of a round in which some slice brings the Dice
asked for only the first such slice is tried, since that is all that counts. Greedy: a pair of
slices that is only good together may be missed. So the last column says what nobody can do without
who starts there and stays in that plane: where no second slice brings the Dice, three.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice import segment
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.planes import plane_axis
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.evaluation.simulation.settings import SimulationSettings
from fewslice.evaluation.simulation.volume import volume_tasks, widest_gap_first
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.image import Image, LabelMap


@dataclass(frozen=True, eq=False)
class Truth:
    """A structure of a scan, and the engine that completes what is drawn of it."""

    image: Image
    mask: BoolArray
    axis: int
    engine: str

    def dice(self, indices: tuple[int, ...]) -> float:
        """Return the Dice of the answer from these slices."""
        places = [(self.axis, index) for index in indices]
        labels = np.zeros(self.mask.shape, dtype=np.uint8)
        for place in places:
            labels[on_slice(*place)] = self.mask[on_slice(*place)]
        sparse = LabelMap(labels, self.image.geometry)
        answer = segment(self.image, sparse, annotated=places, engine=self.engine)
        return dice(answer.labels.array == 1, self.mask)

    def open_slices(self, drawn: tuple[int, ...]) -> list[int]:
        """Return the slices worth trying, those in the widest gaps first."""
        others = inplane_axes(self.axis)
        held = np.flatnonzero(self.mask.any(axis=others))
        ends = [end for end in (held[0] - 1, held[-1] + 1) if 0 <= end < self.mask.shape[self.axis]]
        free = [int(at) for at in (*held, *ends) if at not in drawn]
        return sorted(free, key=lambda at: -min(abs(at - one) for one in drawn))


def slices_needed(truth: Truth, first: SliceIndex, goal: float, most: int) -> int:
    """Return how many slices reach `goal` if each time the best is drawn; most + 1 if never."""
    drawn: tuple[int, ...] = (first[1],)
    if truth.dice(drawn) >= goal:
        return 1
    while len(drawn) < most:
        found: dict[int, float] = {}
        for index in truth.open_slices(drawn):
            found[index] = truth.dice((*drawn, index))
            if found[index] >= goal:
                return len(drawn) + 1
        if not found:
            break
        drawn = (*drawn, max(found, key=lambda index: found[index]))
    return most + 1


def first_slice(mask: BoolArray, axis: int) -> SliceIndex:
    """Return where simulations begin: the middle of the structure."""
    first = strided(mask, axis, 1).annotated[0]
    if mask[on_slice(*first)].any():
        return first
    others = inplane_axes(axis)
    held = np.flatnonzero(mask.any(axis=others))
    return axis, int(widest_gap_first([int(at) for at in held])[0])


def main() -> None:
    """Print a row for each structure, and the mean."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--plane", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--goal", type=float, default=0.85)
    parser.add_argument("--budget", type=int, default=6)
    given = parser.parse_args()
    settings = SimulationSettings(
        strategies=("strided",), plane=given.plane, most_cases=given.cases, engine=given.engine
    )
    cases = {case.name: case for case in find_dataset(given.dataset, settings.part).cases}
    print("| structure | slices | at least |\n|---|---|---|")
    needed = []
    for task in volume_tasks(given.dataset, settings):
        image, labels = read_case(cases[task.case])
        structures = cases[task.case].structures_in(labels.array)
        mask = next(one for one in structures if one.name == task.structure).mask(labels.array)
        axis = plane_axis(image.geometry, given.plane)
        truth = Truth(image, mask, axis, given.engine)
        needed.append(slices_needed(truth, first_slice(mask, axis), given.goal, given.budget))
        least = min(needed[-1], 3)
        print(f"| {task.case} {task.structure} | {needed[-1]} | {least} |", flush=True)
    print(f"| mean of {len(needed)} | {np.mean(needed):.2f} | {np.minimum(needed, 3).mean():.2f} |")


if __name__ == "__main__":
    main()
