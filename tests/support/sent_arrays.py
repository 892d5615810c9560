"""Arrays as the server sends them."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt


def array_of(response: Any) -> npt.NDArray[np.uint8]:
    """Return the array in a response, which must have succeeded."""
    assert response.status_code == 200, response.text
    shape = tuple(int(each) for each in response.headers["x-shape"].split(","))
    raw = zlib.decompress(response.content)
    return np.frombuffer(raw, dtype=response.headers["x-dtype"]).reshape(shape)
