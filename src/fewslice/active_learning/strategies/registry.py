"""All strategies by name."""

from __future__ import annotations

from fewslice.active_learning.base import Strategy
from fewslice.active_learning.strategies.batch_bald import BatchBald
from fewslice.active_learning.strategies.diversity import CoreSet, Suggestive
from fewslice.active_learning.strategies.gain_rate import ExpectedGain
from fewslice.active_learning.strategies.random import ForegroundRandom, Random
from fewslice.active_learning.strategies.spread import Spread
from fewslice.active_learning.strategies.strided import Strided
from fewslice.active_learning.strategies.uncertain_plane import PlaneOfMaximumUncertainty
from fewslice.active_learning.strategies.uncertainty import (
    ClassStratified,
    MostUncertain,
    PowerNoised,
    StochasticBatches,
)
from fewslice.errors import InputError

ALL_PLANES = "plane-of-maximum-uncertainty"
"""The strategy that compares slices across all three axes."""

STRATEGIES: dict[str, Strategy] = {
    "random": Random(),
    "strided": Strided(),
    "foreground-random-33": ForegroundRandom(1 / 3),
    "foreground-random-66": ForegroundRandom(2 / 3),
    "entropy": MostUncertain("entropy"),
    "margin": MostUncertain("margin"),
    "variance": MostUncertain("variance"),
    "bald": MostUncertain("mutual_information"),
    "batch-bald": BatchBald(),
    "power-bald": PowerNoised("mutual_information"),
    "clasp-pe": ClassStratified(),
    "spread": Spread(ClassStratified()),
    "core-set": CoreSet(),
    "suggestive": Suggestive(),
    "stochastic-batch": StochasticBatches(),
    ALL_PLANES: PlaneOfMaximumUncertainty(),
    "expected-gain": ExpectedGain(),
}


def find_strategy(name: str) -> Strategy:
    """Return the strategy of that name; raises InputError, which lists all, for any other."""
    if name not in STRATEGIES:
        raise InputError(f"There is no strategy {name!r}; choose one of {', '.join(STRATEGIES)}.")
    return STRATEGIES[name]
