"""From the project's own list of events to those who listen: what other processes did as well."""

from __future__ import annotations

import logging
from threading import Event, Thread

from fewslice.errors import FewsliceError
from fewslice.project.database import Project
from fewslice.project.events import forget_events, latest_event, watch
from fewslice.server.relay import Relay

_LOG = logging.getLogger("fewslice.server")
_EVERY = 0.25  # seconds; what this server does itself wakes the watcher at once
_TIDY_AFTER = 14_400  # rounds: an hour


class Watcher:
    """A thread that reads what happened in the project and passes it on."""

    def __init__(self, project: Project, relay: Relay) -> None:
        self._project, self._relay = project, relay
        self._wake, self._stopped = Event(), Event()
        self._seen = latest_event(project)
        self._thread = Thread(target=self._run, name="fewslice-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def wake(self) -> None:
        """Look now: something was written."""
        self._wake.set()

    def stop(self) -> None:
        """End, and wait for the end."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Pass on what happened since the last look."""
        for event in watch(self._project, self._seen):
            self._seen = event.id
            try:
                self._relay.tell(event)
            except Exception:  # noqa: BLE001 - one event that cannot be told must not silence all others
                _LOG.exception("event %d cannot be told", event.id)

    def _run(self) -> None:
        rounds = 0
        while not self._stopped.is_set():
            self._wake.wait(_EVERY)
            self._wake.clear()
            rounds += 1
            try:
                self.look()
                if rounds % _TIDY_AFTER == 0:
                    forget_events(self._project)
            except FewsliceError as error:  # such as a database that is restarted
                _LOG.warning("%s", error)
                self._stopped.wait(_EVERY)
