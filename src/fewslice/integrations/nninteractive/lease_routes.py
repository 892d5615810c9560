"""Coming and going: what the server can do, and leases to work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request

from fewslice._version import __version__
from fewslice.integrations.nninteractive.leases import Lease, Leases

PROTOCOL = "2.6.0"
"""Of nnInteractive, whose clients compare versions."""

_CAPABILITIES: dict[str, Any] = {
    "supported_interactions": {
        "scribble": True,
        "lasso": True,
        "points": True,
        "bbox2d": True,
        "bbox3d": True,
    },
    "channel_mapping": {
        "prev_seg": 0,
        "bbox2d": [1, 2],
        "bbox3d": [1, 2],
        "lasso": [1, 2],
        "points": [3, 4],
        "scribble": [5, 6],
    },
    "num_interaction_channels": 7,
    "supports_initial_label": True,
    "supports_zero_shot_label_refinement": True,
    "supports_undo": True,
    "preferred_scribble_thickness": [2, 2, 2],
    "interaction_decay": 1.0,
    "patch_size": None,
    "do_autozoom": False,
    "inference_session_version": PROTOCOL,
    "license": "Apache-2.0",
    "server": f"fewslice {__version__}",
}

router = APIRouter()


@dataclass(frozen=True)
class Asking:
    """Who asks: owner as `Keys` says, and the lease that the request names."""

    leases: Leases
    owner: str
    token: str | None

    @contextmanager
    def work(self) -> Iterator[Lease]:
        """Hold the lease for one request."""
        with self.leases.work(self.token, self.owner) as lease:
            yield lease


def _asking(
    request: Request,
    authorization: Annotated[str | None, Header()] = None,
    token: Annotated[str | None, Header(alias="X-Lease-Token")] = None,
) -> Asking:
    scheme, _, key = (authorization or "").partition(" ")
    owner = request.app.state.keys.owner(key.strip() if scheme.lower() == "bearer" else None)
    return Asking(request.app.state.leases, owner, token)


Client = Annotated[Asking, Depends(_asking)]
"""A parameter of a route: who asks. Without it a route needs no key."""


@router.get("/healthz")
def healthz() -> dict[str, bool]:
    """Say that the server is there."""
    return {"ok": True}


@router.get("/capabilities")
def capabilities(_: Client) -> dict[str, Any]:
    """Say which interactions there are."""
    return _CAPABILITIES


@router.post("/claim")
def claim(client: Client) -> dict[str, Any]:
    """Give a lease, with which all else is asked."""
    settings = client.leases.settings
    return {
        "lease_token": client.leases.claim(client.owner),
        "idle_timeout_seconds": settings.idle,
        "liveness_timeout_seconds": settings.alive,
        "max_sessions": settings.most,
    }


@router.post("/release")
def release(client: Client) -> dict[str, bool]:
    """End a lease for good."""
    client.leases.release(client.token, client.owner)
    return {"released": True}


@router.post("/heartbeat")
def heartbeat(client: Client) -> dict[str, float]:
    """Take a sign of life."""
    return {"remaining_seconds": client.leases.seen(client.token, client.owner)}


@router.get("/lease_status")
def lease_status(client: Client) -> dict[str, float]:
    """Say how long the lease stays in memory."""
    return {
        "remaining_seconds": client.leases.remaining(client.token, client.owner),
        "idle_timeout_seconds": client.leases.settings.idle,
    }
