"""Comparing what a model answers on new scans with what can be had without training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from fewslice.training.choice import ANSWERERS, Answerer, Choice, best_of
from fewslice.training.held_out import Judged, held_out_dice, mean_score
from fewslice.training.model import TaskModel
from fewslice.training.scan import TaskScan
from fewslice.training.support import KeptScan, ModelSupport, kept_scans

_MOST_SCANS = 8  # compared on; each takes as long as a scan from support alone


def with_best_answerer(
    model: TaskModel,
    learned: Sequence[TaskScan],
    scans: Sequence[TaskScan],
    slices: Sequence[Judged],
    unseen: Collection[str],
) -> tuple[TaskModel, Choice]:
    """Return the model with the support it answers by, if it does better so, and the comparison.

    learned: the scans the model has learned from, which become its support. scans, slices: all, of
    which those with the keys `unseen` judge; nobody has learned anything from their scans. Without
    such slices, or without a drawn structure to support with, the model comes back as it is.
    """
    judges = sorted({each.scan for each in slices if each.key in unseen})[:_MOST_SCANS]
    keys = {each.key for each in slices if each.scan in judges}
    support = kept_scans(learned) if keys else ()
    if not support:
        return model, Choice()
    able = {name: replace(model, support=_support(name, support)) for name in ANSWERERS}
    scores = {
        name: mean_score(held_out_dice(each, scans, slices, keys)) for name, each in able.items()
    }
    dice = {name: round(score, 4) for name, score in scores.items() if score is not None}
    if len(dice) < len(ANSWERERS):
        return model, Choice()
    choice = best_of(dice, len(judges))
    if choice.chosen == "model":
        return model, choice
    return replace(model, support=ModelSupport(support, choice)), choice


def _support(name: Answerer, support: tuple[KeptScan, ...]) -> ModelSupport | None:
    return None if name == "model" else ModelSupport(support, Choice(name))
