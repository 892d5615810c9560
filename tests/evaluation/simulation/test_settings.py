"""What a simulation may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.errors import InputError
from fewslice.evaluation.simulation.settings import BASELINES, VARIANTS, SimulationSettings


def test_every_name_of_each_question_will_do() -> None:
    volume = SimulationSettings(strategies=(*VARIANTS, *STRATEGIES, *BASELINES))
    assert volume.strategies == volume.known_strategies()
    pool = SimulationSettings("pool", ("default", *STRATEGIES))
    assert pool.strategies == pool.known_strategies()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"question": "scan"}, "no question 'scan'; choose one of volume, pool"),
        ({"strategies": ()}, "name at least one strategy and seed"),
        ({"seeds": ()}, "name at least one strategy and seed"),
        ({"seeds": (0, -3)}, "There is a seed of -3; seeds must be 0 or more"),
        ({"strategies": ("random", "magic")}, "no strategy 'magic' for the question volume"),
        (
            {"question": "pool", "strategies": ("strided-planned",)},
            "'strided-planned' for the question pool; choose some of default, random",
        ),
        ({"budget": 0.5}, r"budget is 0\.5; it must be at least 1"),
        ({"budget": float("nan")}, "budget is nan"),
        ({"budget": float("inf")}, "budget is inf"),
        ({"rounds": 0}, "rounds is 0"),
        ({"start": 0}, "start is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"test_cases": 0}, "test_cases is 0"),
        ({"most_cases": 0}, "most_cases is 0"),
        ({"question": "pool", "strategies": ("random",), "budget": 3}, "below the 4 to start with"),
        ({"engine": "magic"}, "magic"),
        ({"plane": "top"}, "no plane 'top'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        SimulationSettings(**settings)
    assert str(caught.value).count("\n") == 0
