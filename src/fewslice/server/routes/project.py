"""The project as a whole: its name, its structures, how far it is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from fewslice._version import __version__
from fewslice.project.people import has_accounts
from fewslice.project.progress import DRAWN, project_progress
from fewslice.project.settings import project_name
from fewslice.project.structures import (
    Structure as StructureValue,
)
from fewslice.project.structures import (
    add_structure,
    change_structure,
    free_value,
    list_structures,
)
from fewslice.server.auth import Admin, Somebody
from fewslice.server.context import Context, Served
from fewslice.server.models.base import Value
from fewslice.server.models.project import NewStructure, ProjectInfo, Structure, StructureChange
from fewslice.workflow.project_train import model_versions

router = APIRouter(tags=["project"])


@router.get("/project", response_model=ProjectInfo)
def project(served: Served, _: Somebody) -> Any:
    """Return name, structures and progress."""
    return {
        "name": project_name(served.project),
        "structures": [vars(each) for each in list_structures(served.project)],
        "version": __version__,
        "accounts": has_accounts(served.project),
        "progress": _progress(served),
    }


@router.post("/structures", response_model=Structure, status_code=201)
def new_structure(body: NewStructure, served: Served, _: Admin) -> Any:
    """Add a structure."""
    value = body.value or free_value(served.project)
    structure = StructureValue(value, body.name, body.colour or "", body.locked)
    found = add_structure(served.project, structure)
    served.hub.publish("structures")
    return vars(found)


@router.put("/structures/{value}", response_model=Structure)
def structure(value: Value, body: StructureChange, served: Served, _: Admin) -> Any:
    """Give a structure another name, colour or lock."""
    changed = StructureValue(value, body.name, body.colour, body.locked)
    found = change_structure(served.project, changed)
    served.hub.publish("structures")
    return vars(found)


def _progress(served: Context) -> dict[str, Any]:
    found = project_progress(served.project)
    curve = [
        {
            "version": each.number,
            "slices": each.slices,
            "scans": each.scans,
            "dice": each.score,
        }
        for each in model_versions(served.project)
    ]
    return {
        "scans": dict(found.statuses),
        "annotated_slices": sum(count for kind, count in found.kinds.items() if kind in DRAWN),
        "accepted_slices": found.kinds.get("accepted", 0),
        "seconds": found.seconds,
        "curve": curve,
        "predicted_dice": found.predicted_dice,
    }
