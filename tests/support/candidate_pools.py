"""Pools of candidates for tests, made from posterior samples as the real ones are."""

from copy import deepcopy
from functools import cache

import numpy as np

from fewslice.active_learning.candidates import Candidates, Place, slice_facts, stack


def ball_pool(
    scans: int = 2, slices: int = 12, annotated: tuple[int, ...] = (5,), seed: int = 0
) -> Candidates:
    """Slices of scans in which noisy samples see a ball of structure 1 and a dot of structure 2.

    Each call returns a copy of its own.
    """
    return deepcopy(_ball_pool(scans, slices, annotated, seed))


# Kept: to measure the slices takes longer than what most tests do with them.
@cache
def _ball_pool(scans: int, slices: int, annotated: tuple[int, ...], seed: int) -> Candidates:
    rng = np.random.default_rng(seed)
    rows = []
    for scan in range(scans):
        for index in range(slices):
            radius = 5 - 1.2 * abs(index - slices / 2 + 0.5)
            samples = [_sample(radius + 0.8 * rng.normal(), rng) for _ in range(5)]
            probability = np.stack(samples).astype(np.float16)
            place = Place(scan, 2, index, index * 2.0, annotated=index in annotated)
            rows.append(slice_facts(probability, place, features=rng.normal(size=6)))
    return stack(rows)


def constant_pool(count: int = 6, classes: int = 2) -> Candidates:
    """Slices that are all alike: every class equally likely in every sample, same features."""
    probability = np.full((3, classes, 4, 4), 1 / classes)
    return stack(
        slice_facts(probability, Place(0, 2, index, float(index)), features=(1.0, 2.0))
        for index in range(count)
    )


def certain_pool(count: int = 6) -> Candidates:
    """Slices on which every sample is certain of background; features are 0."""
    probability = np.zeros((3, 3, 4, 4))
    probability[:, 0] = 1
    return stack(
        slice_facts(probability, Place(0, 2, index, float(index)), features=(0.0, 0.0))
        for index in range(count)
    )


def _sample(radius: float, rng: np.random.Generator) -> np.ndarray:
    row, column = np.mgrid[:16, :16]
    distance = np.hypot(row - 7.5, column - 7.5)
    ball = 1 / (1 + np.exp(2 * (distance - radius)))
    dot = 0.4 * rng.random() * (np.hypot(row - 12, column - 3) < 2)
    first = ball * (1 - dot)
    return np.stack([1 - first - dot, first, dot])


def line(
    held: range, count: int = 20, annotated: tuple[int, ...] = (), scan: int = 0, axis: int = 2
) -> Candidates:
    """Slices 3 mm apart, of which some surely hold a structure."""
    rows = []
    for index in range(count):
        probability = np.zeros((2, 2, 2, 2))
        probability[:, int(index in held)] = 1
        place = Place(scan, axis, index, 3.0 * index, annotated=index in annotated)
        rows.append(slice_facts(probability, place))
    return stack(rows)
