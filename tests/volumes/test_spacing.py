"""Doubts about a spacing: where it comes from, how long a scan is, and what its image says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.volumes import spacing
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, LabelMap, StoredGeometry
from fewslice.volumes.spacing import (
    GIVEN,
    HEADER,
    MISSING,
    spacing_origin,
    spacing_remarks,
    with_assumed_spacing,
)
from tests.support.textures import SHAPE, texture

Array = npt.NDArray[Any]


def scan(array: Array, steps: Sequence[float], stored: bool = False) -> Image:
    kept = StoredGeometry("nifti", {}) if stored else None
    return Image(array, Geometry.from_spacing(array.shape, steps), kept)


def test_a_right_spacing_has_no_remarks() -> None:
    assert spacing_remarks(scan(texture((4, 4, 1)), (0.7, 0.7, 2.8)), HEADER) == ()


def test_swapped_axes_are_noticed() -> None:
    (remark,) = spacing_remarks(scan(texture((5, 5, 1)), (5, 0.7, 0.7)), HEADER)
    assert "5, 0.7, 0.7 mm" in remark
    assert "check it, and give the right one" in remark


def test_ones_are_noticed_in_a_header_and_not_where_somebody_gave_them() -> None:
    image = scan(texture((2, 2, 2)), (1, 1, 1))
    (remark,) = spacing_remarks(image, HEADER)
    assert "placeholder" in remark
    assert spacing_remarks(image, GIVEN) == ()


def test_a_missing_spacing_is_noticed() -> None:
    (remark,) = spacing_remarks(scan(texture((2, 2, 2)), (1, 1, 1)), MISSING)
    assert remark.startswith("No spacing was given")


def test_what_the_image_says_in_its_place_is_told() -> None:
    missing, estimate = spacing_remarks(scan(texture((4, 4, 1)), (1, 1, 1)), MISSING)
    assert missing.startswith("No spacing was given")
    found = re.match(r"By the image, slices across array axis 2 lie about (\S+) times", estimate)
    assert found
    assert float(found[1]) == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize(
    ("estimate", "assumed"),
    [
        ((1, 1, 4), (1, 1, 4)),
        ((1, 1.44, 4.8), (1, 1, 4)),  # 4.8 / sqrt(1 * 1.44)
        ((9, 1, 1), (9, 1, 1)),
        ((1.2, 1, 2.7), (1, 1, 1)),  # 2.7 / sqrt(1.2) = 2.46, within what isotropic scans show
        ((1.2, 1, 2.8), (1, 1, 2.8 / 1.2**0.5)),
        ((3, 3, 1), (1, 1, 1)),  # longer than wide, as a leg is
        (None, (1, 1, 1)),
    ],
)
def test_only_what_is_surely_coarser_is_assumed(
    estimate: Any, assumed: Sequence[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spacing, "estimated_spacing", lambda array: estimate)
    assert spacing.assumed_spacing(np.zeros(SHAPE)) == pytest.approx(assumed)


def test_engines_see_the_assumption_only_where_nothing_is_known() -> None:
    array = texture((4, 4, 1))
    unknown, _ = on_one_grid(array, None)
    seen = with_assumed_spacing(unknown)
    assert seen.geometry.spacing == pytest.approx(spacing.assumed_spacing(array))
    assert seen.geometry.spacing[2] > 2.5
    for given in ((1, 1, 1), (1, 1, 2)):
        known, _ = on_one_grid(array, None, given)
        assert with_assumed_spacing(known) is known
    header = scan(array, (1, 1, 1), stored=True)
    assert with_assumed_spacing(header) is header


@pytest.mark.parametrize(("step", "length"), [(0.04, "1.92"), (70.0, "3360")])
def test_a_scan_of_two_millimetres_or_three_metres_is_noticed(step: float, length: str) -> None:
    (remark,) = spacing_remarks(scan(np.zeros(SHAPE), (step,) * 3), HEADER)
    assert f"{length} mm long" in remark


@pytest.mark.parametrize("step", [0.0421, 62.0])
def test_small_and_large_scans_are_not(step: float) -> None:
    assert spacing_remarks(scan(np.zeros(SHAPE), (step,) * 3), HEADER) == ()


def test_where_a_spacing_comes_from() -> None:
    array = np.zeros((4, 4, 4), np.uint8)
    drawn = LabelMap(array, Geometry.from_spacing(array.shape), StoredGeometry("itk", {}))
    in_memory, file = scan(array, (1, 1, 2)), scan(array, (1, 1, 2), stored=True)

    def origin(image: Image | Array, labels: LabelMap | None = None, **given: Any) -> str:
        return spacing_origin(on_one_grid(image, labels, **given)[0])

    assert origin(array) == MISSING
    assert origin(array, spacing=(1, 1, 2)) == GIVEN
    assert origin(array, drawn) == HEADER
    assert origin(in_memory) == GIVEN
    assert origin(file) == HEADER
    assert origin(file, spacing=(1, 1, 3)) == GIVEN
    assert origin(file, spacing=(1, 1, 2)) == GIVEN


def test_a_spacing_given_in_place_of_another_is_said() -> None:
    image = scan(texture((4, 4, 1)), (1, 1, 1), stored=True)
    used, _ = on_one_grid(image, None, (0.7, 0.7, 2.8))
    assert spacing_remarks(used, spacing_origin(used)) == (
        "The spacing that was given, 0.7, 0.7, 2.8 mm, is used in place of the scan's own, "
        "1, 1, 1 mm.",
    )


def test_ones_that_somebody_confirms_are_no_longer_doubted() -> None:
    used, _ = on_one_grid(scan(texture((2, 2, 2)), (1, 1, 1), stored=True), None, (1, 1, 1))
    assert spacing_remarks(used, spacing_origin(used)) == ()
