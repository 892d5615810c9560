"""Volumes of bodies that are known, in nanolitres and by sector."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.reporting.oct.etdrs import EnFace, etdrs_sectors
from fewslice.reporting.oct.fluid import measure_sectors, volume_nl
from fewslice.reporting.oct.layers import measure_layer

SPACING = (0.02, 0.01, 0.04)  # mm from A-scan to A-scan, in depth, from B-scan to B-scan
SHAPE = (301, 60, 151)  # 6 x 6 mm
CENTRE = (150, 75)


def ball(
    along: float, across: float, radius: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a ball, its middle so many mm from the middle of the scan."""
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    x = (i - CENTRE[0]) * SPACING[0] - along
    y = (j - 29.5) * SPACING[1]
    z = (k - CENTRE[1]) * SPACING[2] - across
    inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = x**2 + y**2 + z**2 < radius**2
    return inside.astype(np.uint8)


def test_a_box_in_nanolitres() -> None:
    """10 x 5 A-scans of 100 micrometres: .2 mm x .2 mm x .1 mm = .004 mm³ = 4 nL."""
    thickness = np.zeros((20, 20))
    thickness[3:13, 4:9] = 100.0
    assert volume_nl(thickness, (0.02, 0.04)) == pytest.approx(4.0)


def test_a_ball_of_known_volume_in_a_known_sector() -> None:
    """Radius .25 mm, 2 mm to the left of the fovea: 4/3 pi .25³ mm³ = 65.45 nL, outer nasal."""
    labels = ball(2.0, 0.0, 0.25)
    layer = measure_layer(labels, 1, SPACING[1])
    view = EnFace((SPACING[0], SPACING[2]), ("L", "I"))
    sectors = etdrs_sectors((SHAPE[0], SHAPE[2]), view, CENTRE, "R")
    measured = {
        each.sector: each for each in measure_sectors(layer.thickness, sectors, view.spacing)
    }
    assert measured["outer nasal"].volume_nl == pytest.approx(65.45, rel=0.01)
    assert sum(each.volume_nl for each in measured.values()) == pytest.approx(65.45, rel=0.01)
    assert measured["outer temporal"].volume_nl == 0
    other = etdrs_sectors((SHAPE[0], SHAPE[2]), view, CENTRE, "L")
    measured = {each.sector: each for each in measure_sectors(layer.thickness, other, view.spacing)}
    assert measured["outer temporal"].volume_nl == pytest.approx(65.45, rel=0.01)


def test_a_slab_has_its_thickness_in_every_sector() -> None:
    view = EnFace((0.02, 0.04), ("L", "I"))
    sectors = etdrs_sectors((301, 151), view, CENTRE, "R")
    measured = measure_sectors(np.full((301, 151), 250.0), sectors, view.spacing)
    assert [each.thickness_um for each in measured] == pytest.approx([250.0] * 9)
    assert all(each.covered > 0.97 for each in measured)
    # the centre: .25 pi mm² of .25 mm are 196.3 nL
    assert measured[0].volume_nl == pytest.approx(196.3, rel=0.03)


def test_a_sector_outside_of_the_scan_has_no_thickness() -> None:
    view = EnFace((0.02, 0.04), ("L", "I"))
    sectors = etdrs_sectors((301, 151), view, (0, 75), "R")  # the fovea at the scan's edge
    found = measure_sectors(np.full((301, 151), 250.0), sectors, view.spacing)
    measured = {each.sector: each for each in found}
    assert measured["outer temporal"].thickness_um is None
    assert measured["outer temporal"].covered == 0
    assert measured["center"].covered == pytest.approx(0.5, abs=0.05)
