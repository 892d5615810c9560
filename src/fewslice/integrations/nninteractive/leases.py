"""Who works on which scene: leases that come back after a long pause.

A client claims a lease and names it in every request. nnInteractive's own server forgets a session
that was idle; here its scene is on disk after every request, and read again when its client
returns, also to a server that was started anew.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from fewslice.errors import InputError
from fewslice.integrations.nninteractive.keeping import Kept, SceneStore
from fewslice.integrations.nninteractive.scene import Scene

_TOKEN = re.compile(r"[0-9a-f]{32}")


class LeaseGoneError(InputError):
    """The lease is unknown: it was released, or never given."""


class AtCapacityError(InputError):
    """As many people work as may."""


@dataclass(frozen=True)
class LeaseSettings:
    """most: people who work at a time. idle, alive: seconds without work, without a sign of life,
    after which a scene leaves the memory."""

    most: int = 3
    idle: float = 600.0
    alive: float = 60.0


@dataclass(eq=False)
class Lease:
    """One client. owner: who claimed it. scene: None until it sends an image."""

    owner: str
    worked: float
    seen: float
    scene: Scene | None = None
    lock: RLock = field(default_factory=RLock)


class Leases:
    """All leases. folder: where scenes lie, of those who pause as well. clock: for tests."""

    def __init__(
        self,
        folder: Path,
        settings: LeaseSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings or LeaseSettings()
        self._store, self._clock = SceneStore(folder), clock
        self._here: dict[str, Lease] = {}
        self._lock = RLock()

    def claim(self, owner: str = "") -> str:
        """Return a new lease of somebody. Raises AtCapacityError if too many people are at work."""
        with self._lock:
            self._make_room()
            now, token = self._clock(), secrets.token_hex(16)
            self._here[token] = Lease(owner, now, now)
            self._store.save(token, Kept(owner, None))
            return token

    def release(self, token: str | None, owner: str = "") -> None:
        """End a lease for good; nothing happens if there is none."""
        if token is None or not _TOKEN.fullmatch(token):
            return
        with self._lock:
            if self._store.owner(token) == owner:
                self._here.pop(token, None)
                self._store.drop(token)

    def seen(self, token: str | None, owner: str = "") -> float:
        """Take a sign of life; return the seconds until the scene leaves the memory."""
        lease = self._find(token, owner)
        lease.seen = self._clock()
        return self.remaining(token, owner)

    def remaining(self, token: str | None, owner: str = "") -> float:
        """Return the seconds until the scene leaves the memory, without prolonging them."""
        worked = self._find(token, owner).worked
        return max(0.0, self.settings.idle - (self._clock() - worked))

    @contextmanager
    def work(self, token: str | None, owner: str = "") -> Iterator[Lease]:
        """Hold a lease for one request; its own requests wait for each other.

        What the request changed is on disk before it is answered.
        """
        lease = self._find(token, owner)
        assert token is not None  # noqa: S101 - it was just found
        lease.worked = lease.seen = self._clock()
        with lease.lock:
            yield lease
            self._store.save(token, Kept(lease.owner, lease.scene))

    def sweep(self) -> None:
        """Forget here the scenes of all who pause; they are on disk."""
        with self._lock:
            for token in [token for token, lease in self._here.items() if self._pauses(lease)]:
                self._put_away(token)

    def _find(self, token: str | None, owner: str) -> Lease:
        if token is None or not _TOKEN.fullmatch(token):
            raise LeaseGoneError("The request names no lease; claim one first.")
        with self._lock:
            lease = self._here.get(token) or self._fetched(token)
            if lease.owner != owner:
                raise LeaseGoneError("The lease is somebody else's; connect again.")
            return lease

    def _fetched(self, token: str) -> Lease:
        kept = self._store.load(token)
        if kept is None:
            raise LeaseGoneError("The lease is unknown to this server; connect again.")
        self._make_room()
        now = self._clock()
        lease = self._here[token] = Lease(kept.owner, now, now, kept.scene)
        return lease

    def _make_room(self) -> None:
        self.sweep()
        if len(self._here) >= self.settings.most:
            raise AtCapacityError(
                f"{len(self._here)} people are at work, as many as may be; try again later."
            )

    def _pauses(self, lease: Lease) -> bool:
        now = self._clock()
        return now - lease.seen > self.settings.alive or now - lease.worked > self.settings.idle

    def _put_away(self, token: str) -> None:
        lease = self._here[token]
        if not lease.lock.acquire(blocking=False):
            return  # it is answering
        try:
            self._store.leave(token)
            del self._here[token]
        finally:
            lease.lock.release()
