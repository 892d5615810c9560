"""All strategies by name."""

from __future__ import annotations

from fewslice.acquisition.baselines import ForegroundRandom, Random
from fewslice.acquisition.batch_bald import BatchBald
from fewslice.acquisition.diverse import CoreSet, Suggestive
from fewslice.acquisition.gain_per_second import ExpectedGain
from fewslice.acquisition.planes_of_uncertainty import PlaneOfMaximumUncertainty
from fewslice.acquisition.protocol import Strategy
from fewslice.acquisition.spread import Spread
from fewslice.acquisition.strided import Strided
from fewslice.acquisition.uncertain import (
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
