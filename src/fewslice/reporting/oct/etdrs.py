"""The grid of the Early Treatment Diabetic Retinopathy Study, laid on the fovea.

Nine sectors: a centre of 1 mm, and rings to 3 and 6 mm of four quadrants each, which meet on the
diagonals (ETDRS report 10, 1991).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.errors import InputError
from fewslice.typing import Float64Array, Int64Array
from fewslice.volumes.geometry import Geometry

RADII_MM = (0.5, 1.5, 3.0)
OUTSIDE = 0
SECTORS = {
    1: "center",
    2: "inner superior",
    3: "inner nasal",
    4: "inner inferior",
    5: "inner temporal",
    6: "outer superior",
    7: "outer nasal",
    8: "outer inferior",
    9: "outer temporal",
}
"""Number of each sector to its name."""

_SUPERIOR, _NASAL, _INFERIOR, _TEMPORAL = range(4)


@dataclass(frozen=True)
class EnFace:
    """How a scan lies as it is seen from above.

    Parameters
    ----------
    spacing
        mm from A-scan to A-scan and from B-scan to B-scan.
    directions
        The patient's direction in which A-scans and in which B-scans follow each other: "R", "L",
        "S" or "I" each, one of them horizontal, the other one vertical.
    """

    spacing: tuple[float, float]
    directions: tuple[str, str]


def en_face(geometry: Geometry, directions: str | None = None) -> EnFace:
    """Return how a scan (A-scan, depth, B-scan) lies.

    directions: such as "L,I", in place of what the header says. Raises InputError unless one is R
    or L and the other one S or I.
    """
    codes = geometry.axis_codes
    told = f"{codes[0]},{codes[2]}" if directions is None else directions.upper().replace(" ", "")
    along, _, across = told.partition(",")
    if (along in ("R", "L"), across in ("S", "I")) != (True, True) and (
        along in ("S", "I"),
        across in ("R", "L"),
    ) != (True, True):
        raise InputError(
            f"A-scans and B-scans of the scan run to {told}; expected one of R or L and one of S "
            "or I, such as L,I: say where they run with --directions."
        )
    i, _, k = geometry.spacing
    return EnFace((i, k), (along, across))


def etdrs_sectors(
    shape: tuple[int, int], view: EnFace, fovea: tuple[float, float], eye: str
) -> Int64Array:
    """Return the sector of every A-scan.

    Parameters
    ----------
    shape
        A-scans of a B-scan, B-scans.
    view
        How the scan lies.
    fovea
        Its A-scan and its B-scan, counted from 0; may lie between two.
    eye
        "R" or "L": nasal is to the patient's left in the right eye, and to the right in the left.

    Returns
    -------
    int64 (A-scan, B-scan)
        A key of `SECTORS`, or 0 outside of 6 mm. An A-scan belongs to the sector of its middle;
        what lies on a circle belongs to the ring outside of it, on a diagonal to superior or
        inferior.

    Raises
    ------
    InputError
        If the fovea lies outside of the scan, or the eye is neither.
    """
    if eye not in ("R", "L"):
        raise InputError(
            "The file does not say which eye it is, so nasal and temporal are unknown; expected R "
            "or L: say it with --eye."
        )
    if not all(0 <= at <= count - 1 for at, count in zip(fovea, shape, strict=True)):
        raise InputError(
            f"The fovea lies at B-scan {fovea[1]:g} and A-scan {fovea[0]:g}; expected 0 to "
            f"{shape[1] - 1} and 0 to {shape[0] - 1}: --fovea ROW,COLUMN names the B-scan first."
        )
    left, up = _offsets(shape, view, fovea)
    nasal = left if eye == "R" else -left
    sides = np.where(nasal >= 0, _NASAL, _TEMPORAL)
    ends = np.where(up >= 0, _SUPERIOR, _INFERIOR)
    quadrant = np.where(np.abs(up) >= np.abs(nasal), ends, sides)
    ring = np.searchsorted(RADII_MM, np.hypot(left, up), side="right")
    sectors = np.select([ring == 0, ring == 1, ring == 2], [1, 2 + quadrant, 6 + quadrant], OUTSIDE)
    return sectors.astype(np.int64)


def _offsets(
    shape: tuple[int, int], view: EnFace, fovea: tuple[float, float]
) -> tuple[Float64Array, Float64Array]:
    """Return how many mm each A-scan lies to the patient's left of the fovea, and above it."""
    ways = {"L": (1.0, 0.0), "R": (-1.0, 0.0), "S": (0.0, 1.0), "I": (0.0, -1.0)}
    left, up = np.zeros(shape), np.zeros(shape)
    for axis, (step, direction) in enumerate(zip(view.spacing, view.directions, strict=True)):
        mm = (np.arange(shape[axis]) - fovea[axis]) * step
        mm = mm[:, np.newaxis] if axis == 0 else mm[np.newaxis, :]
        left, up = left + mm * ways[direction][0], up + mm * ways[direction][1]
    return left, up
