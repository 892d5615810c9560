"""Housekeeping: once a day, when nobody does anything, what nobody can ask for any more goes.

People may work meanwhile, it only takes their time; so where somebody always does, it waits no
longer than two days.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fewslice.annotation.phrases import counted
from fewslice.errors import FewsliceError
from fewslice.project import jobs
from fewslice.project.database import Project
from fewslice.project.events import latest_event, watch
from fewslice.project.tidying import tidy

_LOG = logging.getLogger("fewslice.worker")
_FIRST = timedelta(hours=1)  # after the start: people have come to work then, not to wait
_EVERY = timedelta(days=1)
_LATEST = timedelta(days=2)  # after the last time, whoever works
_QUIET = timedelta(minutes=5)  # without an event, after which nobody is taken to be at work


@dataclass(eq=False)
class Housekeeping:
    """When a project was tidied, and is to be next. What people drew is never removed."""

    project: Project
    _due: datetime = field(init=False)
    _latest: datetime = field(init=False)

    def __post_init__(self) -> None:
        now = self.project.now()
        self._due, self._latest = now + _FIRST, now + _LATEST

    def tidy_if_due(self) -> None:
        """Tidy the project if a day has passed and nobody works; else look again in a while.

        After two days it is tidied whoever works.
        """
        now = self.project.now()
        if now < self._due:
            return
        self._due = now + _QUIET
        try:
            if now >= self._latest or _is_quiet(self.project):
                self._due, self._latest = now + _EVERY, now + _LATEST
                _tidy(self.project)
        except FewsliceError as error:  # such as a database that is restarted
            _LOG.warning("%s", error)
        except Exception:  # noqa: BLE001 - what is left over must not end the worker
            _LOG.exception("the project cannot be tidied")


def _is_quiet(project: Project) -> bool:
    """Whether no job waits or runs, and nothing has happened for a while."""
    if jobs.list_jobs(project, states=jobs.OPEN, most=1):
        return False
    newest = watch(project, latest_event(project) - 1)
    return all(event.time <= project.now() - _QUIET for event in newest)


def _tidy(project: Project) -> None:
    done = tidy(project)
    if done.answers or done.files:
        _LOG.info(
            "Tidied the project: removed %s and %s (%.1f MB).",
            counted(done.answers, "replaced answer"),
            counted(done.files, "file"),
            done.size / 1e6,
        )
