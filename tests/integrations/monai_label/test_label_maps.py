"""Label maps as the plugins send them: by name, and as voxels alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.integrations.monai_label.label_maps import (
    as_in_project,
    centroids,
    named_in,
    read_sent,
    write_answer,
)
from fewslice.project.database import Project
from fewslice.project.structures import list_structures
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.new_projects import new_project
from tests.support.projects import STRUCTURES

SHAPE = (2, 3, 4)
GEOMETRY = Geometry(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0]))
SCAN = Image(np.zeros(SHAPE, np.float32), GEOMETRY)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = new_project(tmp_path / "project", name="Balls", structures=STRUCTURES)
    yield made
    made.engine.dispose()


def labels(*values: int) -> LabelMap:
    array = np.zeros(SHAPE, np.uint8)
    array[0, 0, : len(values)] = values
    return LabelMap(array, GEOMETRY)


def test_names_say_which_structure_is_meant(project: Project) -> None:
    """The project has ball (1) and cube (2); 3D Slicer counts in its own order."""
    names = named_in(
        {
            "label_info": [
                {"name": "background", "idx": 1},
                {"name": "Cube", "idx": 2},
                {"name": "ball", "idx": 3},
            ]
        }
    )
    assert names == {1: "background", 2: "Cube", 3: "ball"}
    found = as_in_project(project, labels(1, 2, 3, 4), names)
    assert found.array[0, 0].tolist() == [0, 2, 1, 0]  # 4 has no name: scribbles


def test_a_new_name_is_a_new_structure(project: Project) -> None:
    found = as_in_project(project, labels(1, 7), {1: "cyst", 7: "rod"})
    assert found.array[0, 0].tolist() == [3, 7, 0, 0]  # 1 is the ball's, 7 is free
    assert {each.value: each.name for each in list_structures(project)} == {
        1: "ball",
        2: "cube",
        3: "cyst",
        7: "rod",
    }


def test_without_names_values_are_the_projects(project: Project) -> None:
    given = labels(2, 1)
    assert as_in_project(project, given, {}) is given


@pytest.mark.parametrize("given", [3, {"a": 1}, [1], ["x"]])
def test_names_that_are_none(given: object) -> None:
    with pytest.raises(InputError, match="label_info"):
        named_in({"label_info": given})


def test_segments_that_are_counted_without_their_voxels() -> None:
    """OHIF's extension counted from 0 or 1, as names are sorted: voxels may hold another value."""
    ohif = {"id": "0+1", "name": "cube", "segmentIndex": 1, "labelmapIndex": 0}
    with pytest.raises(InputError, match="segmentIndex"):
        named_in({"label_info": [ohif]})
    assert named_in({"label_info": [ohif | {"idx": 2}]}) == {2: "cube"}
    assert named_in({"label_info": []}) == {}


@pytest.mark.parametrize("kind", ["u1", "<u2", "<i4"])
def test_voxels_alone(tmp_path: Path, kind: str) -> None:
    array = np.arange(24, dtype=kind).reshape(SHAPE)
    path = tmp_path / "sent.bin"
    path.write_bytes(array.tobytes(order="F"))
    assert np.array_equal(read_sent(path, SCAN).array, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes of voxels were sent; expected 1, 2 or 4"),
        (bytes(23), "for each of the 24 voxels"),
        (bytes(24 * 3), "expected 1, 2 or 4"),
        (b"\xff" * 96, "no labels"),
    ],
)
def test_voxels_that_do_not_fit(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "sent.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_sent(path, SCAN)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"result_extension": ".exe"}, "result_extension"),
        ({"result_dtype": "complex64"}, "result_dtype"),
        (
            {"result_extension": ".nrrd", "result_compress": False, "result_dtype": "uint8"},
            "do not fit into uint8",
        ),
    ],
)
def test_answers_in_forms_that_there_are_not(
    tmp_path: Path, asked: dict[str, object], message: str
) -> None:
    wide = LabelMap(np.full(SHAPE, 300, np.uint16), GEOMETRY)
    with pytest.raises(InputError, match=message):
        write_answer(tmp_path / "answer", wide, asked)


def test_centres_are_told_of_what_is_there() -> None:
    array = np.zeros((5, 5, 5), np.uint8)
    array[1:4, 2, 4] = 2
    assert centroids(array, {"ball": 1, "cube": 2}) == {"cube": ["2", "2", "2", "4"]}
