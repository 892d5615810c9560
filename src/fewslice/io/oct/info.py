"""What a file of an OCT device says beside its voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.errors import InputError, Remark
from fewslice.typing import Float64Array, Int64Array
from fewslice.volumes.image import Image

KIND = "oct"
"""What `StoredGeometry.kind` says of a scan that came from an OCT file."""

GIVEN, STORED, COMPUTED = "given", "stored", "computed"
ESTIMATED, NOMINAL = "estimated", "nominal"
ORIGINS = {
    GIVEN: "as given",
    STORED: "stored in the file",
    COMPUTED: "computed from lengths or positions in the file",
    ESTIMATED: "estimated from an angle, for an eye of average length",
    NOMINAL: "not stored: the device's usual one",
}
"""Where a spacing came from, and how people are told; the last two are guesses."""

GUESSES = (ESTIMATED, NOMINAL)


@dataclass(frozen=True, eq=False)
class OctInfo:
    """What is known of an OCT volume beside its voxels and grid.

    Parameters
    ----------
    device
        Format it came in, such as "Heidelberg .vol".
    laterality
        "R" for the right eye, "L" for the left one, "" if unknown.
    spacing_from
        For each array axis (A-scan, depth, B-scan) a key of `ORIGINS`.
    directions_known
        Whether the file says where A-scans and B-scans run; if not, A-scans are taken to run as in
        a fundus image from left to right, and B-scans from top to bottom.
    positions
        float64 (B-scan, 2, 2): x, y where each B-scan starts and ends, in mm of the fundus image,
        x to the right and y downwards; None if unknown.
    fundus
        uint8 (row, column) or (row, column, 3): the image of the fundus; None if there is none.
    fundus_spacing
        mm from row to row and column to column of it; None if unknown.
    motion
        int64 (B-scan, 2): voxels along A-scan and depth by which to slide each B-scan into place;
        None if it was not estimated.
    remarks
        What was assumed to read it.
    """

    device: str
    laterality: str
    spacing_from: tuple[str, str, str]
    directions_known: bool = False
    positions: Float64Array | None = field(default=None, repr=False)
    fundus: npt.NDArray[np.uint8] | None = field(default=None, repr=False)
    fundus_spacing: tuple[float, float] | None = None
    motion: Int64Array | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = ()

    @property
    def spacing_guessed(self) -> bool:
        """Whether any spacing is a guess."""
        return any(origin in GUESSES for origin in self.spacing_from)


@dataclass(frozen=True)
class OctVolume:
    """One volume of a file, read when it is asked for. text: what it is, for a list."""

    text: str
    load: Callable[[], Image]


def oct_info(image: Image) -> OctInfo | None:
    """Return what an OCT file says beside its voxels.

    Parameters
    ----------
    image
        As `read_image` returned it.

    Returns
    -------
    OctInfo or None
        Its eye (`laterality`), the `positions` of its B-scans in mm, its `fundus` image, and where
        each spacing comes from (`spacing_from`); None if the image came from no OCT file.
    """
    stored = image.stored
    if stored is None or stored.kind != KIND:
        return None
    info: OctInfo = stored.fields["info"]
    return info


def parse_eye(text: str) -> str:
    """Return "R" or "L" for an eye: R, L, OD, OS, right or left. Raises InputError."""
    eyes = {"R": "R", "OD": "R", "RIGHT": "R", "L": "L", "OS": "L", "LEFT": "L"}
    if text.strip().upper() not in eyes:
        raise InputError(f"Cannot read {text!r} as an eye; write R (or OD) or L (or OS).")
    return eyes[text.strip().upper()]
