"""The nine sectors, at places worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.reporting.oct.etdrs import SECTORS, EnFace, en_face, etdrs_sectors
from fewslice.volumes import Geometry

SHAPE = (81, 41)  # A-scans .1 mm apart, B-scans .2 mm apart
FOVEA = (40, 20)
MM = (0.1, 0.2)


def name(directions: tuple[str, str], eye: str, along: float, across: float) -> str:
    """Return the sector at so many mm along the A-scans and the B-scans from the fovea."""
    sectors = etdrs_sectors(SHAPE, EnFace(MM, directions), FOVEA, eye)
    at = round(FOVEA[0] + along / MM[0]), round(FOVEA[1] + across / MM[1])
    return SECTORS.get(int(sectors[at]), "outside")


@pytest.mark.parametrize(
    ("along", "across", "expected"),
    [
        (0, 0, "center"),
        (0.4, 0, "center"),
        (0.5, 0, "inner nasal"),  # the circle belongs to the ring
        (1.0, 0.4, "inner nasal"),
        (-1.0, 0, "inner temporal"),
        (0, 1.0, "inner inferior"),
        (0, -1.0, "inner superior"),
        (0.6, -0.6, "inner superior"),  # the diagonal belongs to superior
        (1.5, 0, "outer nasal"),
        (-2.9, 0, "outer temporal"),
        (0.4, 2.6, "outer inferior"),
        (0.4, -2.6, "outer superior"),
        (3.0, 0, "outside"),
        (-3.5, 0, "outside"),
    ],
)
def test_right_eye_as_a_fundus_image_shows_it(along: float, across: float, expected: str) -> None:
    assert name(("L", "I"), "R", along, across) == expected


def test_left_eye_has_nasal_on_the_other_side() -> None:
    assert name(("L", "I"), "L", 1.0, 0) == "inner temporal"
    assert name(("L", "I"), "L", -2.0, 0) == "outer nasal"
    assert name(("L", "I"), "L", 0, -1.0) == "inner superior"


def test_b_scans_that_go_up_turn_superior_and_inferior_round() -> None:
    assert name(("L", "S"), "R", 0, 1.0) == "inner superior"
    assert name(("L", "S"), "R", 1.0, 0) == "inner nasal"


def test_a_scans_that_run_to_the_right_turn_nasal_and_temporal_round() -> None:
    assert name(("R", "I"), "R", 1.0, 0) == "inner temporal"


def test_vertical_b_scans() -> None:
    assert name(("I", "L"), "R", 1.0, 0) == "inner inferior"
    assert name(("I", "L"), "R", 0, 1.0) == "inner nasal"


def test_sectors_have_the_areas_of_the_grid() -> None:
    view = EnFace((0.02, 0.02), ("L", "I"))
    sectors = etdrs_sectors((401, 401), view, (200, 200), "R")
    areas = [float((sectors == number).sum()) * 0.02**2 for number in SECTORS]
    inner, outer = np.pi * (1.5**2 - 0.5**2) / 4, np.pi * (3**2 - 1.5**2) / 4
    assert areas == pytest.approx([np.pi * 0.25, *[inner] * 4, *[outer] * 4], rel=0.03)


def test_directions_come_from_the_header_or_from_the_person() -> None:
    affine = np.array([[-0.01, 0, 0, 0], [0, -0.004, 0, 0], [0, 0, 0.1, 0], [0, 0, 0, 1]])
    geometry = Geometry((4, 5, 6), affine)
    assert en_face(geometry) == EnFace((0.01, 0.1), ("L", "S"))
    assert en_face(geometry, "r, i") == EnFace((0.01, 0.1), ("R", "I"))


@pytest.mark.parametrize("directions", ["L", "L,R", "S,I", "A,S", "L,S,P", ""])
def test_directions_that_span_no_fundus_are_refused(directions: str) -> None:
    with pytest.raises(InputError, match="--directions"):
        en_face(Geometry.from_spacing((4, 5, 6)), directions)


@pytest.mark.parametrize("fovea", [(-1.0, 3.0), (81.0, 3.0), (3.0, 41.0), (np.nan, 3.0)])
def test_a_fovea_outside_of_the_scan_is_refused(fovea: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="0 to 40 and 0 to 80"):
        etdrs_sectors(SHAPE, EnFace(MM, ("L", "I")), fovea, "R")


def test_an_unknown_eye_is_refused() -> None:
    with pytest.raises(InputError, match="--eye"):
        etdrs_sectors(SHAPE, EnFace(MM, ("L", "I")), FOVEA, "")
