"""All measures of one scan, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fewslice.errors import InputError, codes_of
from fewslice.io.oct.info import KIND, OctInfo
from fewslice.reporting.oct.measures import measure_oct
from fewslice.volumes import Geometry, Image, LabelMap, StoredGeometry
from fewslice.volumes.respacing import respaced

AFFINE = np.array([[-0.1, 0, 0, 0], [0, -0.004, 0, 0], [0, 0, -0.1, 0], [0, 0, 0, 1.0]])
GEOMETRY = Geometry((61, 20, 61), AFFINE)
STORED = OctInfo("device", "R", ("stored", "stored", "stored"), directions_known=True)


def scan(info: OctInfo) -> Image:
    stored = StoredGeometry(KIND, {"info": info}, spacing_guessed=info.spacing_guessed)
    return Image(np.zeros(GEOMETRY.shape, np.uint8), GEOMETRY, stored)


def labels() -> LabelMap:
    array = np.zeros(GEOMETRY.shape, np.uint8)
    array[:, 5:15] = 1
    array[45:50, 15:20, 30:35] = 2  # nasal of the fovea, in the outer ring
    array[0, 0, 0] = 255
    return LabelMap(array, GEOMETRY)


def test_every_structure_is_measured_and_255_is_none() -> None:
    measures = measure_oct(scan(STORED), labels(), info=STORED)
    assert [each.value for each in measures.layers] == [1, 2]
    # 61 x 61 A-scans of .01 mm² with 40 micrometres; 5 x 5 with 20
    assert measures.volumes_nl == pytest.approx({1: 3721 * 0.01 * 40, 2: 25 * 0.01 * 20})
    assert measures.sectors is None
    assert measures.remarks == ()


def test_sectors_where_the_fovea_is_given_as_row_and_column() -> None:
    measures = measure_oct(scan(STORED), labels(), info=STORED, fovea=(30, 30))
    fluid = {each.sector: each.volume_nl for each in measures.by_sector[2]}
    assert fluid["outer nasal"] == pytest.approx(5.0)
    moved = measure_oct(scan(STORED), labels(), info=STORED, fovea=(32, 47))
    assert moved.by_sector[2][0].volume_nl == pytest.approx(5.0)


def test_what_a_person_says_comes_first() -> None:
    measures = measure_oct(
        scan(STORED), labels(), info=STORED, fovea=(30, 30), eye="L", directions="L,S"
    )
    assert measures.eye == "L"
    assert measures.view.directions == ("L", "S")
    fluid = {each.sector: each.volume_nl for each in measures.by_sector[2]}
    assert fluid["outer temporal"] == pytest.approx(5.0)


def test_guesses_are_said() -> None:
    info = OctInfo("device", "R", ("nominal", "nominal", "nominal"))
    measures = measure_oct(scan(info), labels(), info=info, fovea=(30, 30))
    assert codes_of(measures.remarks) == {"oct-measures-by-guess", "oct-directions-assumed"}
    given = respaced(scan(info), (0.1, 0.004, 0.2))
    grid = replace(labels(), geometry=given.geometry)
    measures = measure_oct(given, grid, info=info, fovea=(30, 30), directions="L,I")
    assert measures.remarks == ()
    assert measures.volumes_nl[2] == pytest.approx(25 * 0.02 * 20)


def test_a_scan_of_no_device_with_other_axes_is_said() -> None:
    turned = Geometry(GEOMETRY.shape, AFFINE[:, [0, 2, 1, 3]])
    image = Image(np.zeros(turned.shape, np.uint8), turned)
    measures = measure_oct(image, replace(labels(), geometry=turned))
    assert codes_of(measures.remarks) == {"oct-axes-assumed"}


def test_labels_without_a_structure_are_refused() -> None:
    nothing = LabelMap(np.zeros(GEOMETRY.shape, np.uint8), GEOMETRY)
    with pytest.raises(InputError, match="no structure"):
        measure_oct(scan(STORED), nothing, info=STORED)


def test_labels_on_another_grid_are_refused() -> None:
    other = replace(labels(), geometry=Geometry.from_spacing(GEOMETRY.shape))
    with pytest.raises(InputError, match="same grid"):
        measure_oct(scan(STORED), other)
