"""Volumes in nanolitres, of a scan and of every sector of the ETDRS grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fewslice.reporting.oct.etdrs import RADII_MM, SECTORS
from fewslice.typing import Float64Array, Int64Array

NANOLITRES = 1000.0  # in a mm³
_FULL_MM2 = tuple(
    float(np.pi) * (outer**2 - inner**2) / parts
    for inner, outer, parts in zip((0.0, *RADII_MM), RADII_MM, (1, 4, 4), strict=False)
)


@dataclass(frozen=True)
class SectorMeasure:
    """What one structure measures in one sector.

    sector: its name. volume_nl: nanolitres. thickness_um: mean micrometres over all A-scans of the
    sector, 0 where they do not hold the structure; None if the scan has none there. covered: part
    of the sector's area that the scan covers, to about the width of an A-scan.
    """

    sector: str
    volume_nl: float
    thickness_um: float | None
    covered: float


def volume_nl(thickness_um: Float64Array, spacing: tuple[float, float]) -> float:
    """Return the volume of a structure in nanolitres.

    thickness_um: (A-scan, B-scan), micrometres along each A-scan. spacing: mm from A-scan to A-scan
    and from B-scan to B-scan.
    """
    return float(thickness_um.sum()) / 1000 * spacing[0] * spacing[1] * NANOLITRES


def measure_sectors(
    thickness_um: Float64Array, sectors: Int64Array, spacing: tuple[float, float]
) -> tuple[SectorMeasure, ...]:
    """Return what a structure measures in each of the nine sectors.

    Parameters
    ----------
    thickness_um
        (A-scan, B-scan), micrometres along each A-scan, 0 where there is nothing.
    sectors
        (A-scan, B-scan), as `etdrs_sectors` returns them.
    spacing
        mm from A-scan to A-scan and from B-scan to B-scan.
    """
    found = []
    for number, name in SECTORS.items():
        here = sectors == number
        count = int(here.sum())
        ring = 0 if number == 1 else 1 if number <= 5 else 2
        found.append(
            SectorMeasure(
                sector=name,
                volume_nl=volume_nl(thickness_um[here], spacing),
                thickness_um=float(thickness_um[here].mean()) if count else None,
                covered=min(1.0, count * spacing[0] * spacing[1] / _FULL_MM2[ring]),
            )
        )
    return tuple(found)
