"""Training the model of a project from everything that people drew or accepted in it."""

from __future__ import annotations

from collections.abc import Callable

from fewslice.errors import FewsliceError, NotFoundError, ReadError
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.progress import drawn_slices
from fewslice.project.scans import list_scans, read_scan
from fewslice.project.settings import get_setting, set_setting
from fewslice.training import store
from fewslice.training.inputs import Pair
from fewslice.training.resume_state import UNFINISHED
from fewslice.volumes.image import LabelMap
from fewslice.workflow.project_sessions import blank
from fewslice.workflow.project_support import model_folder
from fewslice.workflow.train import TrainOutcome, train
from fewslice.workflow.training_task import TrainSettings

_TRAINED = "slices_trained"
_FEWEST_SCANS = 2
_FEWEST_SLICES = 10
_GROWTH = 1.2  # with fewer new slices, models differ by no more than chance


def training_due(project: Project) -> bool:
    """Return whether enough was drawn since the last training: a fifth more slices than it knew.

    The first one waits for ten slices on two scans.
    """
    drawn = drawn_slices(project)
    known = get_setting(project, _TRAINED) or 0
    slices = sum(drawn.values())
    enough = len(drawn) >= _FEWEST_SCANS and slices >= _FEWEST_SLICES
    return enough and slices >= _GROWTH * known


def train_project(
    project: Project,
    settings: TrainSettings | None = None,
    *,
    report: Callable[[float, str], None] = lambda fraction, words: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainOutcome:
    """Train a model on everything drawn so far, and promote it if it does better.

    A training that was stopped goes on where it was, unless something was drawn since. Scans that
    cannot be read are left out. Raises what `fewslice.workflow.train.train` does.
    """
    folder = model_folder(project)
    slices = sum(drawn_slices(project).values())
    pairs = _pairs(project)
    try:
        resume = (folder / UNFINISHED).is_file()
        outcome = train(pairs, folder, settings=settings, resume=resume, report=report, stop=stop)
    except ReadError:
        if not resume:
            raise
        outcome = train(pairs, folder, settings=settings, report=report, stop=stop)
    if outcome.finished:
        set_setting(project, _TRAINED, slices)
    return outcome


def _pairs(project: Project) -> list[Pair]:
    pairs: list[Pair] = []
    for row in list_scans(project):
        found = drawing(project, row.id).drawing
        if blank(found):
            continue
        try:
            image = read_scan(project, row.id)
        except FewsliceError:
            continue  # the scan list says what is wrong with it
        pairs.append((image, LabelMap(found.labels(), image.geometry)))
    return pairs


def model_versions(project: Project) -> tuple[store.Version, ...]:
    """Return all trained models of a project, oldest first."""
    folder = model_folder(project)
    return store.versions(folder) if store.numbers(folder) else ()


def activate_model(project: Project, number: int) -> None:
    """Put a version in use. Raises NotFoundError if there is none of that number."""
    folder = model_folder(project)
    if number not in store.numbers(folder):
        raise NotFoundError(f"There is no model {number} in the project.")
    store.promote(folder, number)
