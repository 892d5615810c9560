"""Comparing what a model answers on new scans with what can be had without training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction
from fewslice.training.choice import ANSWERERS, Answerer, Choice, best_of
from fewslice.training.held_out import Judged, Judges, dice_on, held_out_dice, mean_score
from fewslice.training.model import TaskModel
from fewslice.training.scan import TaskScan
from fewslice.training.support import KeptScan, ModelSupport, completed, kept_scans

_MOST_SCANS = 8  # compared on; each takes as long as a scan from support alone


def with_best_answerer(
    model: TaskModel,
    learned: Sequence[TaskScan],
    scans: Sequence[TaskScan],
    slices: Sequence[Judged],
    judges: Judges,
) -> tuple[TaskModel, Choice]:
    """Return the model with the support it answers by, if it does better so, and the comparison.

    learned: the scans the model has learned from, which become its support. scans, slices: all, of
    which the judges judge. Where their scans taught, each is answered from the others: if support
    does better than a network that knows the scan, it does on a new one. Without judges, or without
    a drawn structure to support with, the model comes back as it is.
    """
    judging = sorted({each.scan for each in slices if each.key in judges.keys})[:_MOST_SCANS]
    keys = {each.key for each in slices if each.scan in judging and each.key in judges.keys}
    support = kept_scans(learned) if keys else ()
    if len(support) < (2 if judges.seen else 1):
        return model, Choice()
    able = {name: replace(model, support=_support(name, support)) for name in ANSWERERS}
    scores = {
        name: mean_score(held_out_dice(each, scans, slices, keys)) for name, each in able.items()
    }
    dice = {name: round(score, 4) for name, score in scores.items() if score is not None}
    if len(dice) < len(ANSWERERS):
        return model, Choice()
    choice = best_of(dice, len(judging), seen=judges.seen)
    if choice.chosen == "model":
        return model, choice
    return replace(model, support=ModelSupport(support, choice)), choice


def slices_alone(
    scans: Sequence[TaskScan], slices: Sequence[Judged], held: Collection[str]
) -> float | None:
    """Return the Dice on held-out slices of what the other slices of the same scans give alone."""

    def answer(scan: TaskScan, others: Annotation) -> Prediction:
        return completed(scan.scan, others)

    drawn = [each.scan for each in slices if each.key not in held and each.labels]
    keys = {each.key for each in slices if each.key in held and each.scan in drawn}
    return mean_score(dice_on(answer, scans, slices, keys))


def _support(name: Answerer, support: tuple[KeptScan, ...]) -> ModelSupport | None:
    return None if name == "model" else ModelSupport(support, Choice(name))
