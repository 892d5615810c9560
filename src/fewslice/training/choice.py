"""Who answers best where nothing is drawn: a model, the scans it learned from, or their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from fewslice.errors import Remark

Answerer = Literal["model", "support", "mean"]
ANSWERERS: tuple[Answerer, ...] = get_args(Answerer)

CODE = "model-support"

_ANSWERS: dict[Answerer, str] = {
    "model": "the trained network answers",
    "support": "the scans it was trained on answer as support, without the network",
    "mean": "the mean of the network and of the scans it was trained on answers",
}


@dataclass(frozen=True)
class Choice:
    """Which of them answers, and why.

    chosen: who answers. dice: of each of them on held-out slices; empty where there was nothing to
    compare on. scans: how many scans these are of. seen: whether the network learned from other
    slices of these scans, which flatters it; else nobody learned anything from them.
    """

    chosen: Answerer = "model"
    dice: Mapping[str, float] = field(default_factory=dict)
    scans: int = 0
    seen: bool = False

    @property
    def sentence(self) -> str:
        """What a person should know of the comparison; empty if there was none."""
        if not self.dice:
            return ""
        figures = ", ".join(
            f"{name} {self.dice[name]:.3f}" for name in ANSWERERS if name in self.dice
        )
        where = "scan" if self.scans == 1 else "scans"
        said = _ANSWERS[self.chosen]
        held = f"{self.scans} held-out {where}"
        if self.seen:
            held = (
                f"held-out slices of {self.scans} {where} whose other slices only the network "
                "knew, which favours it"
            )
        return f"{said[0].upper()}{said[1:]}: Dice on {held}: {figures}."

    @property
    def remark(self) -> Remark:
        """The sentence as a remark."""
        return Remark(CODE, self.sentence)


def best_of(dice: Mapping[Answerer, float], scans: int, *, seen: bool = False) -> Choice:
    """Return the choice with the highest Dice; on a tie the one that takes least: the model."""
    chosen = max(ANSWERERS, key=lambda name: dice[name])
    return Choice(chosen, {str(name): each for name, each in dice.items()}, scans, seen)
