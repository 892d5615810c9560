"""Facts and problems of scans and labels, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.reporting.inspection.inspect import inspect_labels, inspect_scan
from fewslice.volumes import Geometry, Image, LabelMap

SHAPE = (10, 12, 8)
GEOMETRY = Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))


def scan(geometry: Geometry = GEOMETRY) -> Image:
    values = np.arange(np.prod(geometry.shape), dtype=np.int16).reshape(geometry.shape)
    return Image(values, geometry)


def drawn(*indices: int, value: int = 1, shape: tuple[int, int, int] = SHAPE) -> LabelMap:
    labels: npt.NDArray[np.uint8] = np.zeros(shape, np.uint8)
    for index in indices:
        labels[2:8, 3:9, index] = value
    return LabelMap(labels, GEOMETRY)


def problems_of(labels: LabelMap, *named: tuple[int, int]) -> str:
    return " ".join(inspect_labels(labels, GEOMETRY, named).problems)


def test_a_plain_scan() -> None:
    facts = inspect_scan(scan())
    assert facts.problems == ()
    assert facts.dtype == "int16"
    assert facts.plane == "axial"
    assert [axis.plane for axis in facts.axes] == ["sagittal", "coronal", "axial"]
    assert [axis.direction for axis in facts.axes] == ["R", "A", "S"]
    assert [axis.extent for axis in facts.axes] == [10.0, 12.0, 16.0]
    assert [axis.tilt for axis in facts.axes] == [0.0, 0.0, 0.0]
    (channel,) = facts.channels
    assert (channel.minimum, channel.maximum, channel.mean) == (0, 959, 479.5)
    assert channel.percentiles == pytest.approx((9.59, 479.5, 949.41))


def test_channels_are_told_apart() -> None:
    one = scan().array.astype(np.float32)
    facts = inspect_scan(Image(np.stack([one, np.full_like(one, 3)]), GEOMETRY))
    assert len(facts.channels) == 2
    assert facts.problems == ("Channel 1 is 3 everywhere; there is nothing to go by.",)


def test_a_permuted_oblique_scan() -> None:
    turn = np.radians(15)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    affine[2, 0] = -1
    affine[:2, 1] = np.cos(turn), np.sin(turn)
    affine[:2, 2] = np.sin(turn), -np.cos(turn)
    facts = inspect_scan(scan(Geometry(SHAPE, affine)))
    assert [axis.plane for axis in facts.axes] == ["axial", "sagittal", "coronal"]
    assert [axis.direction for axis in facts.axes] == ["I", "R", "P"]
    assert [axis.tilt for axis in facts.axes] == pytest.approx([0, 15, 15], abs=1e-4)
    assert "oblique by 15 degrees" in facts.problems[0]


def test_poor_scans_are_described_not_refused() -> None:
    array = scan().array.astype(np.float32)
    array[0, 0, :2] = np.nan, np.inf
    (problem, *_) = inspect_scan(Image(array, GEOMETRY)).problems
    assert "2 NaN or infinite" in problem
    nothing = Image(np.full(SHAPE, np.nan, np.float32), GEOMETRY)
    assert np.isnan(inspect_scan(nothing).channels[0].mean)
    flat = Image(np.full(SHAPE, 7, np.uint8), GEOMETRY)
    assert inspect_scan(flat).problems == ("The image is 7 everywhere; there is nothing to go by.",)
    labels = Image(drawn(1, 2).array, GEOMETRY)
    assert "as a label map does" in inspect_scan(labels).problems[0]


def test_unusual_grids() -> None:
    thick = inspect_scan(scan(Geometry.from_spacing(SHAPE, (0.5, 0.5, 5)))).problems
    assert len(thick) == 1
    assert "axial slices lie 5 mm apart while the finest spacing is 0.5 mm" in thick[0]
    single = inspect_scan(scan(Geometry.from_spacing((10, 12, 1)))).problems
    assert "single slice" in single[0]
    micrometres = inspect_scan(scan(Geometry.from_spacing(SHAPE, (400, 400, 400)))).problems
    assert "in mm" in micrometres[0]


def test_labels_are_counted() -> None:
    labels = drawn(2, 5)
    labels.array[0, 0, 2] = 255
    facts = inspect_labels(labels, GEOMETRY, [(2, 7)])
    (label,) = facts.labels
    assert (label.value, label.voxels, label.slices) == (1, 72, 2)
    assert label.ml == pytest.approx(0.144)
    assert facts.unknown == 1
    assert [(item.plane, item.index, item.drawn) for item in facts.annotated] == [
        ("axial", 2, True),
        ("axial", 5, True),
        ("axial", 7, False),
    ]
    assert facts.problems == ()


def test_what_would_be_a_problem_with_labels() -> None:
    assert "no annotated slice" in problems_of(drawn())
    assert "Only one slice is drawn (axial 3)" in problems_of(drawn(3))
    assert "does not exist" in problems_of(drawn(3), (2, 99))
    two = drawn(2, 5)
    two.array[0, 0, 2] = 9
    said = problems_of(two)
    assert "Label 9 is drawn on one slice only" in said
    assert "Label 9 holds only 1 voxel;" in said
    assert "Label 1 " not in said


def test_labels_on_another_grid_are_described() -> None:
    other = LabelMap(drawn(2).array, Geometry.from_spacing(SHAPE, (1, 1, 3)))
    facts = inspect_labels(other, GEOMETRY)
    assert "spacing: 1, 1, 2 mm against 1, 1, 3 mm" in facts.problems[0]
    assert facts.annotated == ()
    assert facts.labels[0].voxels == 36
    assert facts.labels[0].ml == pytest.approx(0.108)


def test_an_ambiguous_plane_is_named() -> None:
    block = drawn(1, 2, 3, 4)
    said = problems_of(block)
    assert "taken as drawn on axial slices (4 of them), but could be sagittal (6)" in said
    assert "taken as" not in problems_of(block, *((2, n) for n in (1, 2, 3, 4)))
    assert "taken as" not in problems_of(drawn(1, 4))
