"""Who answers for a model, and how that is said."""

from __future__ import annotations

import pytest

from fewslice.training.choice import Choice, best_of


@pytest.mark.parametrize(
    ("dice", "chosen"),
    [
        ({"model": 0.7, "support": 0.8, "mean": 0.75}, "support"),
        ({"model": 0.7, "support": 0.8, "mean": 0.85}, "mean"),
        ({"model": 0.8, "support": 0.8, "mean": 0.8}, "model"),
        ({"model": 0.7, "support": 0.8, "mean": 0.8}, "support"),
    ],
)
def test_the_best_answers_and_on_a_tie_what_takes_less(dice: dict[str, float], chosen: str) -> None:
    assert best_of(dice, 2).chosen == chosen  # type: ignore[arg-type]


def test_the_sentence_has_the_figures() -> None:
    choice = best_of({"model": 0.6667, "support": 0.7754, "mean": 0.77}, 1)
    assert choice.sentence == (
        "The scans it was trained on answer as support, without the network: Dice on 1 held-out "
        "scan: model 0.667, support 0.775, mean 0.770."
    )
    assert choice.remark.code == "model-support"


def test_the_sentence_says_what_the_network_knew() -> None:
    choice = best_of({"model": 0.25, "support": 0.5, "mean": 0.75}, 2, seen=True)
    assert choice.sentence == (
        "The mean of the network and of the scans it was trained on answers: Dice on held-out "
        "slices of 2 scans whose other slices only the network knew, which favours it: model "
        "0.250, support 0.500, mean 0.750."
    )


def test_without_a_comparison_nothing_is_said() -> None:
    assert Choice().sentence == ""
    assert Choice().chosen == "model"
