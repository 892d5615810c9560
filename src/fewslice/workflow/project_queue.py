"""Which scan of a project a person opens next."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fewslice.errors import FewsliceError
from fewslice.project.blindness import handed_in
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.people import REVIEWER, Person
from fewslice.project.scans import (
    ACCEPTED,
    RETURNED,
    SUBMITTED,
    ScanRow,
    list_scans,
    read_scan,
)
from fewslice.project.settings import get_setting, set_setting
from fewslice.training import store
from fewslice.volumes.image import LabelMap
from fewslice.workflow.pool_rows import PoolScan
from fewslice.workflow.project_support import has_model, model_folder
from fewslice.workflow.rank_pool import rank_pool

_RANKING = "ranking"

FIRST, RANDOM = "first", "random"
"""Orders that need no model: as scans were added, and by chance."""


@dataclass(frozen=True)
class NextScan:
    """The scan to open next, None if there is none, and why."""

    scan: ScanRow | None
    reason: str


def next_scan(
    project: Project, person: Person, current: int | None = None, order: str | None = None
) -> NextScan:
    """Return the scan that a person opens next.

    Scans that somebody else has open are left out. A reviewer first gets what waits for review.
    Then come scans that were returned, then others by priority, then as the model ranked them, then
    as they were added. current: the scan that is open, which is not named again. order: `FIRST`,
    `RANDOM`, or a strategy by which `rank_project` ranked, in place of the project's own ranking.
    """
    free = [row for row in list_scans(project) if row.id != current and _free(row, person)]
    waiting = [row for row in free if row.status == SUBMITTED]
    if waiting and person.role == REVIEWER:
        return NextScan(waiting[0], "It waits for review.")
    todo = [row for row in free if _to_do(project, row, person)]
    if not todo:
        return NextScan(None, _nothing(project))
    if order == RANDOM:
        return NextScan(secrets.choice(todo), "It was chosen by chance.")
    ranking = {} if order == FIRST else _ranking(project, order)
    best = min(todo, key=lambda row: _order(row, ranking))
    return NextScan(best, _reason(best, ranking))


def _to_do(project: Project, row: ScanRow, person: Person) -> bool:
    """Whether a person may still annotate a scan; of independent annotation each does a part."""
    if row.independent and row.status != ACCEPTED:
        return person.id not in handed_in(project, row.id)
    return row.status not in (SUBMITTED, ACCEPTED)


def _free(row: ScanRow, person: Person) -> bool:
    return row.lease is None or row.lease.person_id == person.id


def _order(row: ScanRow, ranking: dict[int, str]) -> tuple[bool, float, int, int]:
    place = list(ranking).index(row.id) if row.id in ranking else len(ranking)
    return row.status != RETURNED, -row.priority, place, row.id


def _reason(row: ScanRow, ranking: dict[int, str]) -> str:
    if row.status == RETURNED:
        return "A reviewer returned it."
    if row.priority > 0:
        return "It was given priority."
    if row.id in ranking:
        return ranking[row.id]
    return "It is the next in the list; a trained model would say which scan helps most."


def _nothing(project: Project) -> str:
    rows = list_scans(project)
    if not rows:
        return "The project has no scans yet; add some with fewslice project add."
    if all(row.status in (SUBMITTED, ACCEPTED) for row in rows):
        return "All scans are submitted or accepted."
    return "Nothing else is left to do: the other scans are done, or open with somebody."


def rank_project(
    project: Project,
    report: Callable[[float, str], None] = lambda fraction, words: None,
    strategy: str | None = None,
) -> int:
    """Let the model rank the scans that are not done, and return how many it ranked.

    Without a model nothing is ranked. Scans that cannot be used are left out. strategy: one of
    `fewslice.active_learning.strategies.registry`, whose ranking is kept beside the project's own.
    """
    todo = [row for row in list_scans(project) if row.status not in (SUBMITTED, ACCEPTED)]
    if not has_model(project) or not todo:
        set_setting(project, _key(strategy), [])
        return 0
    ranking = rank_pool(
        _pool(project, todo),
        model_folder(project),
        count=len(todo),
        what="scans",
        strategy=strategy,
        workers=1,
        progress=lambda done, _: report(done / len(todo), f"{done} of {len(todo)} scans"),
    )
    ranked = [[int(item.case), item.reason] for item in ranking.items]
    set_setting(project, _key(strategy), ranked)
    if strategy is not None:
        set_setting(project, _version_key(strategy), _version(project))
    return len(ranking.items)


def is_ranked(project: Project, strategy: str) -> bool:
    """Return whether the model in use has ranked the scans by a strategy."""
    by: object = get_setting(project, _version_key(strategy))
    return by == _version(project)


def _pool(project: Project, rows: list[ScanRow]) -> Iterator[PoolScan]:
    for row in rows:
        try:
            image = read_scan(project, row.id)
        except FewsliceError:
            continue
        drawn = drawing(project, row.id).drawing
        labels = LabelMap(drawn.labels(), image.geometry)
        yield PoolScan(str(row.id), image, labels, drawn.sure_places)


def _ranking(project: Project, strategy: str | None) -> dict[int, str]:
    """Return why the model ranked each scan where it did, best first."""
    ranked = get_setting(project, _key(strategy)) or ()
    return {int(scan): str(reason) for scan, reason in ranked}


def _key(strategy: str | None) -> str:
    return _RANKING if strategy is None else f"{_RANKING} {strategy}"


def _version_key(strategy: str) -> str:
    return f"{_RANKING} {strategy} by"


def _version(project: Project) -> str:
    """Return which model is in use, "" if none."""
    return str(store.promoted(model_folder(project)) or "")
