"""How well people agree who annotated the same scan."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from fewslice.project.agreement import PairAgreement, agreement
from fewslice.server.auth import Reviewer
from fewslice.server.context import Served
from fewslice.server.models.agreement import Agreement
from fewslice.server.models.base import Identifier
from fewslice.server.ras import RasView
from fewslice.server.routes.slice_access import view_of

router = APIRouter(tags=["agreement"])


@router.get("/agreement/{scan}", response_model=Agreement)
def scan_agreement(scan: Identifier, served: Served, _: Reviewer) -> Any:
    """Compare the people who annotated a scan independently: structure by structure, and on which
    slices they disagree most.
    """
    view = view_of(served, scan)
    return {
        "scan": scan,
        "pairs": [_shown(view, pair) for pair in agreement(served.project, scan)],
    }


def _shown(view: RasView, pair: PairAgreement) -> dict[str, Any]:
    slices = []
    for each in pair.slices:
        axis, index = view.to_page((each.axis, each.index))
        slices.append({"axis": axis, "index": index, "dice": each.dice})
    return {
        "first": pair.names[0],
        "second": pair.names[1],
        "structures": [vars(each) for each in pair.structures],
        "slices": slices,
    }
