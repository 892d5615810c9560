"""Which slices a batch is drawn from, and what its patches are centred on.

Organs can be a few pixels of the few slices that show them. Drawn evenly from all that is known, a
patch would seldom hold them; so most patches are centred on a structure, each label equally often
(as nnU-Net oversamples foreground: Isensee et al., Nature Methods 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewslice.training.slices import TrainingSlice

ANYWHERE = 0
"""In place of a class: the patch lies anywhere on what is known of the slice."""

_AIMED = 2 / 3  # part of the patches that are centred on a structure


@dataclass(frozen=True, eq=False)
class Choices:
    """Lessons to draw from. weights: float64 (slice,), how often each is drawn for a patch that
    lies anywhere. showing: (class, numbers of the slices that show it), for each class that any
    of them shows.
    """

    training_slices: tuple[TrainingSlice, ...]
    weights: npt.NDArray[np.float64]
    showing: tuple[tuple[int, npt.NDArray[np.intp]], ...]


def choices_of(training_slices: Sequence[TrainingSlice], classes: int) -> Choices:
    """Return what to draw patches from. classes: background included."""
    known = np.array(
        [np.count_nonzero(training_slice.truth >= 0) for training_slice in training_slices],
        dtype=float,
    )
    roots = np.sqrt(known)
    held = [np.unique(training_slice.truth) for training_slice in training_slices]
    found = []
    for number in range(1, classes):
        these = np.flatnonzero([number in some for some in held])
        if len(these):
            found.append((number, these))
    return Choices(tuple(training_slices), np.asarray(roots / roots.sum()), tuple(found))


def choose(
    choices: Choices, count: int, rng: np.random.Generator
) -> list[tuple[TrainingSlice, int]]:
    """Return slices with the class their patch is centred on, or `ANYWHERE`."""
    return [_one(choices, rng) for _ in range(count)]


def _one(choices: Choices, rng: np.random.Generator) -> tuple[TrainingSlice, int]:
    if choices.showing and rng.random() < _AIMED:
        number, these = choices.showing[int(rng.integers(len(choices.showing)))]
        return choices.training_slices[int(rng.choice(these))], number
    return choices.training_slices[
        int(rng.choice(len(choices.training_slices), p=choices.weights))
    ], ANYWHERE
