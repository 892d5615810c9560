"""What a simulation is asked to do, checked before any work starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.annotation.planes import plane_axis
from fewslice.engines import find_engine
from fewslice.errors import InputError
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.spacing import Spacing

QUESTIONS = ("volume", "pool")

DEFAULT_STRATEGY = "default"
STRIDED_KNOWN = "strided-extent-known"
STRIDED_PLANNED = "strided-planned"
RANDOM_KNOWN = "random-extent-known"
NO_QUESTIONS = "default-draw-only"
ONE_PLANE = "default-one-plane"

BASELINES = (STRIDED_KNOWN, STRIDED_PLANNED, RANDOM_KNOWN)
"""What only a simulated person can do, who knows where a structure begins and ends.

strided-extent-known: the middle slice, then always the middle of the widest gap. strided-planned:
for each budget anew, the midpoints of that many equal parts: it has to know beforehand how many
slices will be drawn. random-extent-known: at random among the slices that hold the structure.
"""

VARIANTS = (DEFAULT_STRATEGY, NO_QUESTIONS, ONE_PLANE)
"""The default strategy; without questions; and without slices across other axes."""


@dataclass(frozen=True)
class SimulationSettings:
    """How to simulate. Everything here changes the numbers.

    question: "volume" (finish each scan) or "pool" (train the next model). strategies: names in
    `STRATEGIES`, of `BASELINES` or of `VARIANTS`. budget: slices drawn; a question counts as a
    tenth. rounds: of retraining (pool). seeds: one run each. plane: across which the first slice
    lies, as `plane_axis` takes it. most_cases: only the first ones by name. engine: what completes
    a volume. imperfect: whether the person's outlines are off and miss small parts.
    steps: of each retraining (pool). test_cases: scans the model is tested on (pool).
    start: slices drawn before the first suggestion (pool). spacing: mm per array axis of all scans,
    in place of what their files say.
    """

    question: str = "volume"
    strategies: tuple[str, ...] = (DEFAULT_STRATEGY, STRIDED_KNOWN, "random")
    budget: float = 8.0
    rounds: int = 4
    seeds: tuple[int, ...] = (0,)
    part: str = "Ts"
    plane: str = "auto"
    most_cases: int | None = None
    engine: str = "random-walker"
    imperfect: bool = False
    steps: int = 150
    test_cases: int = 8
    start: int = 4
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        if self.question not in QUESTIONS:
            raise InputError(
                f"There is no question {self.question!r}; choose one of {', '.join(QUESTIONS)}."
            )
        if not self.strategies or not self.seeds:
            raise InputError("There is nothing to simulate; name at least one strategy and seed.")
        known = self.known_strategies()
        for name in self.strategies:
            if name not in known:
                raise InputError(
                    f"There is no strategy {name!r} for the question {self.question}; choose some "
                    f"of {', '.join(known)}."
                )
        for name in ("budget", "rounds", "start", "steps", "test_cases", "most_cases"):
            value = getattr(self, name)
            if value is not None and not 1 <= value < math.inf:
                raise InputError(f"{name} is {value}; it must be at least 1.")
        if min(self.seeds) < 0:
            raise InputError(f"There is a seed of {min(self.seeds)}; seeds must be 0 or more.")
        if self.question == "pool" and self.budget < self.start:
            raise InputError(
                f"The budget of {self.budget:g} slices is below the {self.start} to start with; "
                "give more, or a smaller start."
            )
        find_engine(self.engine)
        plane_axis(Geometry.from_spacing((1, 1, 1)), self.plane)

    def known_strategies(self) -> tuple[str, ...]:
        """Return the names that go with the question."""
        if self.question == "pool":
            return (DEFAULT_STRATEGY, *STRATEGIES)
        return (*VARIANTS, *STRATEGIES, *BASELINES)
