"""What there is: models, strategies, labels; and who may ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse

from fewslice._version import __version__
from fewslice.integrations.monai_label.datastore import labels_by_value, statistics
from fewslice.integrations.monai_label.models import (
    RANK,
    TRAINER,
    can_begin,
    models,
    strategies,
    train_stats,
)
from fewslice.project.login import check_password
from fewslice.project.people import has_accounts
from fewslice.project.tokens import give_token
from fewslice.server.auth import Somebody
from fewslice.server.context import Served

router = APIRouter()


@router.get("/info/")
def info(request: Request, served: Served, _: Somebody) -> dict[str, Any]:
    """Say which models, strategies, labels and images there are."""
    labels = labels_by_value(served.project)
    # OHIF takes the first label for the background and drops it; 3D Slicer would draw it.
    in_browser = "origin" in request.headers
    first = ["background"] if in_browser else []
    # 3D Slicer asks the first model with labels for an answer as soon as it shows a scan.
    promised = labels if in_browser or can_begin(served.project) else {}
    return {
        "name": "fewslice",
        "description": "A few drawn slices become a volume",
        "version": __version__,
        "labels": [*first, *labels],
        "models": models(served.project, promised),
        "trainers": {TRAINER: {"description": "Trains a model of this project", "config": {}}},
        "strategies": strategies(served.project),
        "scoring": {RANK: {"description": "Ranks all scans by the trained model", "config": {}}},
        "train_stats": {TRAINER: stats} if (stats := train_stats(served.project)) else {},
        "datastore": statistics(served.project),
    }


@router.get("/logs/", response_class=PlainTextResponse)
def logs(_: Somebody) -> str:
    """Return no log: it may tell of patients."""
    return ""


@router.get("/auth/")
def auth(served: Served) -> dict[str, Any]:
    """Say whether people have to log in."""
    return {"enabled": has_accounts(served.project)}


@router.post("/auth/token")
def token(
    request: Request,
    served: Served,
    username: Annotated[str, Form(max_length=300)],
    password: Annotated[str, Form(max_length=1000)],
) -> dict[str, str]:
    """Log in."""
    address = request.client.host if request.client else ""
    person = check_password(served.project, username, password, address)
    return {"access_token": give_token(served.project, person.id), "token_type": "bearer"}


@router.get("/auth/token/valid")
def valid(person: Somebody) -> dict[str, str]:
    """Say whose token it is."""
    return {"username": person.name, "name": person.name}
