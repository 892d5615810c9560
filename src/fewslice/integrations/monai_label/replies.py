"""Replies in MONAI Label's form: JSON beside a file in one multipart body, or the file alone."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

_OCTETS = "application/octet-stream"


def with_file(params: dict[str, Any], path: Path) -> Response:
    """Return a form of `params` (JSON) and `image` (the file), as 3D Slicer's client reads it."""
    limit = secrets.token_hex(16)
    head = (
        f'--{limit}\r\nContent-Disposition: form-data; name="params"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(params)}\r\n"
        f'--{limit}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
        f"Content-Type: {_OCTETS}\r\n\r\n"
    )
    body = head.encode() + path.read_bytes() + f"\r\n--{limit}--\r\n".encode()
    return Response(body, media_type=f"multipart/form-data; boundary={limit}")


def file_alone(path: Path, media_type: str = _OCTETS) -> Response:
    """Return a file, as OHIF's client reads it."""
    return Response(path.read_bytes(), media_type=media_type, headers=attached(path.name))


def attached(name: str) -> dict[str, str]:
    """Return the header that names a file; headers are ASCII, other letters are quoted."""
    named = f'filename="{name}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}"
    return {"Content-Disposition": f"attachment; {named}"}
