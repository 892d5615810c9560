"""Our engines, the project's trained model and our strategies in MONAI Label's words."""

from __future__ import annotations

from typing import Any

from fewslice.errors import NotFoundError
from fewslice.project import jobs
from fewslice.project.database import Project
from fewslice.project.scans import NEW, list_scans
from fewslice.server.work_kinds import TRAIN
from fewslice.training.store import versions
from fewslice.workflow.project_queue import FIRST, RANDOM
from fewslice.workflow.project_segment import TRAINED
from fewslice.workflow.project_support import has_model, model_folder

AUTO, QUEUE, RANK = "fewslice", "queue", "ranking"
TRAINER = "fewslice"

_ENGINES = {
    "random-walker": "Completes a scan from its drawn slices by their intensities alone.",
    "interpolation": "Completes a scan from its drawn slices by their outlines alone.",
}
_AUTO = "Completes a scan from the slices that were saved, or from other scans."
_TRAINED = "The model that was trained on this project, whatever is drawn on a scan."
_PLAIN = {
    QUEUE: "What was returned, then what the model is least sure of, then the rest.",
    FIRST: "As scans were added.",
    RANDOM: "By chance.",
}
_BY_MODEL = {
    "entropy": "Where the trained model is least certain.",
    "bald": "Where answers of the trained model differ most.",
    "spread": "Uncertain in any structure, and unlike the scans before.",
    "core-set": "Least like what is annotated.",
}
"""Names in `fewslice.active_learning.strategies.registry`; each ranks all scans by the model."""


def can_begin(project: Project) -> bool:
    """Whether a scan on which nothing is drawn can be answered: by the model, or other scans."""
    return has_model(project) or any(row.status != NEW for row in list_scans(project))


def train_stats(project: Project) -> dict[str, Any]:
    """Return how far a training is, in percent for epochs, and the Dice of the model in use.

    Viewers show both as bars. {} where there is neither.
    """
    found: dict[str, Any] = {}
    score = _score(project)
    if score is not None:
        found["best_metric"] = score
    open_jobs = jobs.list_jobs(project, states=jobs.OPEN)
    job = next((each for each in open_jobs if each.kind == TRAIN), None)
    if job is not None:
        found |= {"epoch": int(100 * job.fraction), "total_epochs": 100}
    elif found:
        found["total_time"] = "-"  # where it is, no training is under way
    return found


def _score(project: Project) -> float | None:
    if not has_model(project):
        return None
    scores = (each.score for each in versions(model_folder(project)) if each.promoted)
    return next(scores, None)


def models(project: Project, labels: dict[str, int]) -> dict[str, Any]:
    """Return the models a client may ask, by name; the first is what plugins offer first."""
    described = {AUTO: _AUTO}
    if has_model(project):
        described[TRAINED] = _TRAINED
    return {
        name: {
            "type": "segmentation",
            "labels": labels,
            "dimension": 3,
            "description": description,
            "config": {},
        }
        for name, description in (described | _ENGINES).items()
    }


def engine_of(model: str) -> str | None:
    """Return which engine a model's name asks for, None for the usual; raises NotFoundError."""
    if model == AUTO:
        return None
    if model == TRAINED or model in _ENGINES:
        return model
    raise NotFoundError(
        f"There is no model {model!r}; ask one of {', '.join((AUTO, TRAINED, *_ENGINES))}."
    )


def strategies(project: Project) -> dict[str, Any]:
    """Return how the next scan may be chosen, by name."""
    offered = _PLAIN | (_BY_MODEL if has_model(project) else {})
    return {name: {"description": words} for name, words in offered.items()}


def needs_ranking(project: Project, strategy: str) -> bool:
    """Return whether scans have to be ranked for a strategy. Raises NotFoundError for others."""
    offered = strategies(project)
    if strategy not in offered:
        raise NotFoundError(f"There is no strategy {strategy!r}; ask one of {', '.join(offered)}.")
    return strategy not in _PLAIN
