"""Images, label maps and the checks of their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.errors import GeometryError, InputError, codes_of
from fewslice.volumes import (
    Geometry,
    Image,
    LabelMap,
    StoredGeometry,
    as_label_array,
    labels_of,
    require_finite,
    structure_values,
)

GRID = Geometry.from_spacing((2, 3, 4))


def test_an_image_has_the_shape_of_its_grid() -> None:
    assert Image(np.zeros((2, 3, 4)), GRID).channels.shape == (1, 2, 3, 4)
    assert Image(np.zeros((5, 2, 3, 4)), GRID).channels.shape == (5, 2, 3, 4)
    for shape in [(2, 3), (2, 3, 5), (2, 3, 4, 5)]:
        with pytest.raises(GeometryError, match="expected"):
            Image(np.zeros(shape), GRID)


def test_a_label_map_has_one_value_per_voxel() -> None:
    with pytest.raises(GeometryError, match="expected"):
        LabelMap(np.zeros((5, 2, 3, 4), np.uint8), GRID)


def test_values_leave_out_background_and_unknown() -> None:
    array = np.zeros((2, 3, 4), np.uint16)
    array.ravel()[:4] = [7, 255, 300, 7]
    assert LabelMap(array, GRID).values == (7, 300)


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=30))
@settings(deadline=None)
def test_structure_values_are_the_sorted_set(labels: list[int]) -> None:
    expected = sorted(set(labels) - {0, 255})
    assert list(structure_values(np.array(labels, np.uint16))) == expected


def test_structure_values_are_found_in_every_part_and_order_of_a_large_array() -> None:
    labels = np.zeros((11, 100, 1000), np.uint8)
    labels[0, 0, 0], labels[5, 50, 500], labels[-1, -1, -1] = 7, 3, 9
    assert structure_values(labels) == (3, 7, 9)
    assert structure_values(np.asfortranarray(labels)) == (3, 7, 9)
    assert structure_values(labels[:, :, ::2]) == (3, 7)


def test_with_array_keeps_the_stored_geometry() -> None:
    stored = StoredGeometry("nifti", {})
    labels = LabelMap(np.zeros((2, 3, 4), np.uint8), GRID, stored)
    assert labels.with_array(np.ones((2, 3, 4), np.uint8)).stored is stored


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_not_finite_are_counted(bad: float) -> None:
    array = np.zeros((2, 2), np.float32)
    array[0, 0] = bad
    with pytest.raises(InputError, match="The scan holds 1 NaN or infinite voxels"):
        require_finite(array, "the scan")


def test_the_largest_floats_are_finite() -> None:
    array = np.full((2, 2), np.finfo(np.float32).max, np.float32)
    assert require_finite(array) is array


@pytest.mark.parametrize("dtype", ["complex64", "U1", "O"])
def test_other_types_are_no_image_and_no_labels(dtype: str) -> None:
    array = np.zeros(3, dtype)
    with pytest.raises(InputError, match="real number"):
        require_finite(array)
    with pytest.raises(InputError, match="whole numbers"):
        as_label_array(array)


@pytest.mark.parametrize(
    ("given_dtype", "largest", "expected"),
    [
        ("uint8", 9, "uint8"),
        ("uint16", 9, "uint16"),
        ("int16", 255, "uint8"),
        ("float64", 256, "uint16"),
        ("int64", 65_535, "uint16"),
        ("bool", 1, "uint8"),
    ],
)
def test_labels_get_the_smallest_type(given_dtype: str, largest: int, expected: str) -> None:
    labels = as_label_array(np.array([0, largest], given_dtype))
    assert labels.dtype == expected
    assert labels.tolist() == [0, largest]


@pytest.mark.parametrize("order", "<>")
def test_labels_come_in_the_byte_order_of_the_computer(order: str) -> None:
    stored = np.array([[[0, 258]]], f"{order}u2")
    for labels in (
        as_label_array(stored),
        LabelMap(stored, Geometry.from_spacing((1, 1, 2))).array,
    ):
        assert labels.dtype == np.dtype(np.uint16)
        assert labels.tolist() == [[[0, 258]]]


@pytest.mark.parametrize("value", [0.996078, 1.00002, 0.95, 1.05])
def test_labels_next_to_a_whole_number_are_rounded(value: float) -> None:
    labels, remarks = labels_of(np.array([0, value]))
    assert labels.tolist() == [0, 1]
    assert codes_of(remarks) == {"labels-not-whole"}


def test_whole_labels_leave_no_remark() -> None:
    assert labels_of(np.array([0.0, 3.0]))[1] == ()


@pytest.mark.parametrize(
    ("value", "found"),
    [(0.5, "0.5"), (0.94, "0.94"), (1.06, "1.06"), (-1, "from -1"), (70_000, "70000")],
)
def test_what_is_no_label_is_named(value: float, found: str) -> None:
    with pytest.raises(InputError, match=found):
        as_label_array(np.array([0, value]))


def test_a_notebook_shows_a_volume_in_one_line() -> None:
    grid = Geometry.from_spacing((2, 3, 4), (0.5, 0.5, 3))
    shown = "2x3x4 voxels, uint8, 0.5 x 0.5 x 3 mm"
    assert repr(Image(np.zeros((2, 3, 4), np.uint8), grid)) == f"Image({shown})"
    assert repr(LabelMap(np.zeros((2, 3, 4), np.uint8), grid)) == f"LabelMap({shown})"
    channels = Image(np.zeros((5, 2, 3, 4), np.uint8), grid)
    assert repr(channels) == f"Image(5 channels of {shown})"
