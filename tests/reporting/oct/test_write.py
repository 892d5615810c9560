"""The files of measures: tables, maps and pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import WriteError
from fewslice.io import read_image
from fewslice.io.oct.info import OctInfo
from fewslice.reporting.oct.measures import OctMeasures, measure_oct
from fewslice.reporting.oct.write import as_seen, files_of, write_measures
from fewslice.volumes import Geometry, Image, LabelMap

AFFINE = np.array([[-0.1, 0, 0, 0], [0, -0.004, 0, 0], [0, 0, 0.2, 0], [0, 0, 0, 1.0]])
GEOMETRY = Geometry((4, 10, 3), AFFINE)
INFO = OctInfo("device", "L", ("stored", "stored", "stored"), directions_known=True)


def measures(fovea: tuple[float, float] | None = None) -> OctMeasures:
    array = np.zeros(GEOMETRY.shape, np.uint8)
    array[2, 4:9, 1] = 7
    image = Image(np.zeros(GEOMETRY.shape, np.uint8), GEOMETRY)
    return measure_oct(image, LabelMap(array, GEOMETRY), info=INFO, fovea=fovea)


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_surfaces_have_a_row_for_every_a_scan_that_holds_a_layer(tmp_path: Path) -> None:
    write_measures(tmp_path / "new" / "folder", measures(), GEOMETRY)
    rows = table(tmp_path / "new" / "folder" / "surfaces.csv")
    assert rows[0] == ["label", "b_scan", "a_scan", "top_um", "bottom_um", "thickness_um"]
    assert rows[1:] == [["7", "1", "2", "16.000", "36.000", "20.000"]]


def test_a_map_lies_on_the_scan(tmp_path: Path) -> None:
    write_measures(tmp_path, measures(), GEOMETRY)
    image = read_image(tmp_path / "thickness-7.nii.gz")
    assert image.array.shape == (4, 1, 3)
    assert image.array[2, 0, 1] == 20
    assert image.array.sum() == 20
    assert np.allclose(image.geometry.affine, AFFINE)


def test_without_a_fovea_there_is_no_table_of_sectors(tmp_path: Path) -> None:
    found = measures()
    written = write_measures(tmp_path, found, GEOMETRY)
    names = ["measures.json", "surfaces.csv", "thickness-7.nii.gz", "thickness-7.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert sorted(path.name for path in written) == names
    assert written == files_of(tmp_path, found)


def test_with_a_fovea_all_nine_sectors_are_written(tmp_path: Path) -> None:
    write_measures(tmp_path, measures((1, 2)), GEOMETRY)
    rows = table(tmp_path / "sectors.csv")
    assert len(rows) == 10
    assert rows[1][:3] == ["7", "center", "0.4"]  # .1 x .2 x .02 mm are .4 nL
    told = json.loads((tmp_path / "measures.json").read_text(encoding="utf-8"))
    assert (told["eye"], told["a_scans_run_to"], told["b_scans_run_to"]) == ("L", "L", "S")
    (structure,) = told["structures"]
    assert structure["volume_nl"] == pytest.approx(0.4)
    assert structure["sectors"][0]["sector"] == "center"


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("L", "I"), [[1, 3, 5], [2, 4, 6]]),
        (("L", "S"), [[2, 4, 6], [1, 3, 5]]),
        (("R", "I"), [[5, 3, 1], [6, 4, 2]]),
        (("I", "L"), [[1, 2], [3, 4], [5, 6]]),
        (("S", "R"), [[6, 5], [4, 3], [2, 1]]),
    ],
)
def test_maps_are_seen_with_the_head_on_top_and_the_left_on_the_right(
    codes: tuple[str, str], expected: list[list[int]]
) -> None:
    array = np.array([[1, 2], [3, 4], [5, 6]])  # three A-scans, two B-scans
    assert as_seen(array, codes).tolist() == expected


def test_a_picture_is_a_png(tmp_path: Path) -> None:
    write_measures(tmp_path, measures((1, 2)), GEOMETRY)
    assert (tmp_path / "thickness-7.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    with pytest.raises(WriteError, match="cannot be made"):
        write_measures(tmp_path / "a", measures(), GEOMETRY)
