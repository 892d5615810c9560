"""The DICOMweb server of the scans through this one: for viewers that cannot reach it themselves.

Read only, that server only, and only where `fewslice serve --proxy` allows it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from fewslice.errors import InputError, NotFoundError
from fewslice.integrations.monai_label.parameters import Stored
from fewslice.io.dicomweb.relay import relay
from fewslice.server.auth import Somebody

_LONGEST = 1000  # characters of what a viewer accepts

router = APIRouter()


@router.get("/proxy/dicom/{resource:path}")
def proxied(resource: str, request: Request, archive: Stored, _: Somebody) -> Response:
    """Search or read on the DICOMweb server of the scans, which has one address for both."""
    if archive.server is None or not archive.proxied:
        raise NotFoundError(
            "The DICOMweb server is not offered here; serve the project with --dicomweb URL "
            "--proxy, or let the viewer ask that server itself."
        )
    accept = request.headers.get("accept", "*/*")[:_LONGEST]
    resource = resource.removeprefix("qido/").removeprefix("wado/")
    found = relay(archive.server, resource, request.query_params.multi_items(), accept)
    # Without a type of ours, which would be wrong: it is the server's, boundary and all.
    headers = {"Content-Type": found.media_type} if found.media_type else {}
    return StreamingResponse(found.body, found.status, headers)


@router.post("/proxy/dicom/{resource:path}")
def never_stored(resource: str, _: Somebody) -> Response:
    """Refuse: labels are stored by the project, nothing else is."""
    del resource
    raise InputError(
        "Nothing is stored through this server; labels that are saved in the project are stored as "
        "DICOM SEG by itself."
    )
