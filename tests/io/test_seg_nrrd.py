"""3D Slicer's segmentations: layers, values, names, colours and extents, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK

from fewslice.errors import InputError, WriteError, codes_of
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.segments import Segment
from tests.support.volume_samples import AFFINES, oblique

# What pynrrd writes the time with, from Python 3.12 on.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning")

SHAPE = (5, 6, 7)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RED, BLUE = "0.9 0.1 0.1", "0.1 0.2 0.95"


def blob(*parts: slice, value: int = 1) -> npt.NDArray[np.uint8]:
    array = np.zeros(SHAPE, np.uint8)
    array[parts] = value
    return array


ONE = blob(slice(0, 2), slice(1, 3), slice(3, 4))
TWO = blob(slice(3, 5), slice(0, 6), slice(3, 5))


def slicer_file(
    path: Path,
    layers: list[npt.NDArray[np.uint8]],
    segments: list[tuple[str, int, int, str]],
    affine: npt.NDArray[np.float64] = AFFINES["oblique"],
) -> Path:
    """Write a file as Slicer lays it out. segments: name, label value, layer, colour."""
    lps, several = LPS @ affine, int(len(layers) > 1)
    header: dict[str, Any] = {
        "space": "left-posterior-superior",
        "space origin": lps[:3, 3],
        "kinds": ["list"] * several + ["domain"] * 3,
        "space directions": np.vstack([np.full((several, 3), np.nan), lps[:3, :3].T]),
        "encoding": "gzip",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for number, (name, value, layer, colour) in enumerate(segments):
        for key, text in {
            "ID": f"Segment_{number + 1}",
            "Name": name,
            "LabelValue": str(value),
            "Layer": str(layer),
            "Color": colour,
            "Extent": "0 4 0 5 0 6",
            "Tags": "Segmentation.Status:completed|",
        }.items():
            header[f"Segment{number}_{key}"] = text
    data = np.stack(layers) if len(layers) > 1 else layers[0]
    nrrd.write(str(path), data, header)
    return path


def test_layers_that_share_a_value_get_labels_of_their_own(tmp_path: Path) -> None:
    path = slicer_file(
        tmp_path / "a.seg.nrrd", [ONE, TWO], [("liver", 1, 0, RED), ("kidney", 1, 1, BLUE)]
    )
    labels = read_labels(path)
    assert np.array_equal(labels.array, ONE + 2 * TWO)
    np.testing.assert_allclose(labels.geometry.affine, AFFINES["oblique"], atol=1e-9)
    tags = "Segmentation.Status:completed|"
    assert labels.segments == (
        Segment(1, "liver", (0.9, 0.1, 0.1), tags),
        Segment(2, "kidney", (0.1, 0.2, 0.95), tags),
    )
    assert codes_of(labels.remarks) == {"segments-renumbered"}
    assert "liver 1, kidney 2" in labels.remarks[0]


def test_no_segment_gets_255_which_means_not_looked_at(tmp_path: Path) -> None:
    first = np.zeros(SHAPE, np.uint8)
    first.reshape(-1)[:199] = np.arange(1, 200)
    segments = [(f"s{value}", value, 0, RED) for value in range(1, 200)]
    segments += [(f"t{value}", value, 1, RED) for value in range(1, 57)]
    second = np.zeros(SHAPE, np.uint8)
    second[4, 5, 6] = 56
    path = slicer_file(tmp_path / "a.seg.nrrd", [first, second], segments)
    labels = read_labels(path)
    assert labels.names[199] == "s199"
    # The 56th of the second layer is the 255th of all.
    assert labels.names[256] == "t56"
    assert labels.array[4, 5, 6] == 256


def test_older_files_have_a_layer_a_segment_without_saying_so(tmp_path: Path) -> None:
    path = slicer_file(
        tmp_path / "a.seg.nrrd", [ONE, TWO], [("liver", 1, 0, RED), ("kidney", 1, 1, BLUE)]
    )
    data, header = nrrd.read(str(path))
    for number in range(2):
        del header[f"Segment{number}_Layer"], header[f"Segment{number}_LabelValue"]
    nrrd.write(str(path), data, header)
    labels = read_labels(path)
    assert np.array_equal(labels.array, ONE + 2 * TWO)
    assert [each.name for each in labels.segments] == ["liver", "kidney"]


@pytest.mark.parametrize("name", ["a.seg.nrrd", "A.SEG.NRRD", "Segmentation.nrrd"])
def test_values_of_their_own_stay(tmp_path: Path, name: str) -> None:
    segments = [("kidney", 9, 1, BLUE), ("liver", 4, 0, RED)]
    labels = read_labels(slicer_file(tmp_path / name, [ONE * 4, TWO * 9], segments))
    assert np.array_equal(labels.array, 4 * ONE + 9 * TWO)
    assert [(each.value, each.name) for each in labels.segments] == [(9, "kidney"), (4, "liver")]
    assert labels.remarks == ()


def test_one_layer_keeps_what_no_segment_names(tmp_path: Path) -> None:
    path = slicer_file(tmp_path / "a.seg.nrrd", [ONE + 7 * TWO], [("liver", 1, 0, RED)])
    assert np.array_equal(read_labels(path).array, ONE + 7 * TWO)
    path = slicer_file(tmp_path / "b.seg.nrrd", [ONE, 7 * TWO], [("liver", 1, 0, RED)])
    with pytest.raises(InputError, match="none of its segments"):
        read_labels(path)


def test_segments_that_overlap_are_refused(tmp_path: Path) -> None:
    segments = [("body", 1, 0, RED), ("liver", 1, 1, BLUE)]
    path = slicer_file(tmp_path / "a.seg.nrrd", [ONE | TWO, ONE], segments)
    with pytest.raises(InputError, match=r"'liver' of .* overlaps others in 4 voxels"):
        read_labels(path)


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = slicer_file(tmp_path / "a.seg.nrrd", [ONE], [("liver", 1, 2, RED)])
    with pytest.raises(InputError, match="lies in layer 2 of 1"):
        read_labels(path)


@pytest.mark.parametrize("suffix", [".seg.nrrd", ".SEG.NRRD"])
def test_names_and_colours_survive_writing(tmp_path: Path, suffix: str) -> None:
    segments = (Segment(3, "liver", (0.25, 0.5, 0.75)), Segment(300, "kidney", (1.0, 0.0, 0.0)))
    array = ONE * np.uint16(3) + TWO * np.uint16(300)
    labels = LabelMap(array, Geometry(SHAPE, oblique()), segments=segments)
    write_labels(tmp_path / f"a{suffix}", labels)
    read = read_labels(tmp_path / f"a{suffix}")
    assert np.array_equal(read.array, array)
    assert read.geometry.same_grid(labels.geometry)
    assert [(s.value, s.name, s.colour) for s in read.segments] == [
        (s.value, s.name, s.colour) for s in segments
    ]


NAMES = ["Hüfte", "日本", r"C:\new\\", "two\nlines", "a := b", "# c"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back_also_from_what_slicer_is_built_on(tmp_path: Path, name: str) -> None:
    segments = (Segment(1, name, (0.25, 0.5, 0.75)),)
    write_labels(
        tmp_path / "a.seg.nrrd", LabelMap(ONE, Geometry(SHAPE, np.eye(4)), None, (), segments)
    )
    slicers = SimpleITK.ReadImage(str(tmp_path / "a.seg.nrrd"))  # by Teem, as in Slicer
    assert slicers.GetMetaData("Segment0_Name") == name
    assert np.array_equal(SimpleITK.GetArrayFromImage(slicers).T, ONE)
    SimpleITK.WriteImage(slicers, str(tmp_path / "b.seg.nrrd"))
    for file in ("a.seg.nrrd", "b.seg.nrrd"):
        assert read_labels(tmp_path / file).names == {1: name}


def test_a_name_that_is_no_utf_8_is_taken_for_latin_1(tmp_path: Path) -> None:
    path = slicer_file(tmp_path / "a.seg.nrrd", [ONE], [("H_fte", 1, 0, RED)])
    path.write_bytes(path.read_bytes().replace(b"H_fte", b"H\xfcfte"))
    assert read_labels(path).names == {1: "Hüfte"}


def test_the_header_is_what_the_segment_editor_reads(tmp_path: Path) -> None:
    labels = LabelMap(ONE + 2 * TWO, Geometry(SHAPE, oblique()))
    write_labels(tmp_path / "a.seg.nrrd", labels)
    header = nrrd.read_header(str(tmp_path / "a.seg.nrrd"))
    assert header["Segment0_Name"] == "Label 1"
    assert header["Segment0_LabelValue"] == "1"
    # ONE spans 0 to 1, 1 to 2 and 3 to 3; TWO spans 3 to 4, 0 to 5 and 3 to 4.
    assert header["Segment0_Extent"] == "0 1 1 2 3 3"
    assert header["Segment1_Extent"] == "3 4 0 5 3 4"
    assert header["Segment1_Layer"] == "0"
    assert header["Segmentation_MasterRepresentation"] == "Binary labelmap"
    assert header["Segment0_Color"] != header["Segment1_Color"]
    assert header["kinds"] == ["domain"] * 3


def test_a_segment_that_became_empty_has_an_empty_extent(tmp_path: Path) -> None:
    labels = LabelMap(ONE, Geometry(SHAPE, np.eye(4)), segments=(Segment(2, "gone", (0, 0, 0)),))
    write_labels(tmp_path / "a.seg.nrrd", labels)
    header = nrrd.read_header(str(tmp_path / "a.seg.nrrd"))
    assert header["Segment1_Name"] == "gone"
    assert header["Segment1_Extent"] == "0 -1 0 -1 0 -1"


def test_an_image_is_no_segmentation(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="suffix that can be written"):
        write_image(tmp_path / "a.seg.nrrd", Image(ONE, Geometry(SHAPE, np.eye(4))))


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_what_is_stored_as_far_as_it_is_drawn_comes_back_on_the_whole_scan(
    tmp_path: Path, affine: npt.NDArray[np.float64]
) -> None:
    scan = Geometry(SHAPE, affine)
    part = scan.cropped((3, 0, 3), (5, 6, 5))
    path = slicer_file(
        tmp_path / "a.seg.nrrd", [TWO[3:5, :, 3:5]], [("liver", 1, 0, RED)], part.affine
    )
    image = Image(np.arange(5 * 6 * 7).reshape(SHAPE), scan)
    placed, found = on_one_grid(image, read_labels(path))
    assert np.array_equal(found.array, TWO)
    assert np.array_equal(placed.array, image.array)
    assert found.geometry.same_grid(scan)
    assert found.segments[0].name == "liver"
    write_labels(tmp_path / "out.seg.nrrd", found)
    assert np.array_equal(read_image(tmp_path / "out.seg.nrrd").array, TWO)
    assert read_image(tmp_path / "out.seg.nrrd").geometry.same_grid(scan)


def test_a_part_in_another_order_comes_back_in_that_order(tmp_path: Path) -> None:
    scan = Geometry(SHAPE, AFFINES["oblique"])
    part = scan.cropped((3, 0, 3), (5, 6, 5))
    flipped = part.affine @ np.diag([-1.0, 1, 1, 1])
    flipped[:3, 3] += part.affine[:3, 0]  # two voxels: the last one is the first now
    array = TWO[3:5, :, 3:5].copy()
    array[0, 0, 0] = 0
    path = slicer_file(tmp_path / "a.seg.nrrd", [array[::-1]], [("liver", 1, 0, RED)], flipped)
    image = Image(np.arange(5 * 6 * 7).reshape(SHAPE), scan)
    placed, found = on_one_grid(image, read_labels(path))
    expected = TWO.copy()
    expected[3, 0, 3] = 0
    assert np.array_equal(found.array[::-1], expected)
    assert np.array_equal(placed.array[::-1], image.array)
