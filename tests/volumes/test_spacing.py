"""Doubts about a spacing: hand-worked lengths, and images whose correlation is known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from fewslice.volumes import spacing
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.correlation_length import (
    correlation_lengths,
    disagreement,
    estimated_spacing,
)
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

Array = npt.NDArray[Any]
SHAPE = (48, 40, 44)


def texture(sigma: Sequence[float]) -> Array:
    """Return smoothed white noise; its correlation length is proportional to sigma (voxels)."""
    noise = np.random.default_rng(0).normal(size=SHAPE)
    return np.asarray(gaussian_filter(noise, sigma, mode="wrap"))


def measured(array: Array) -> npt.NDArray[np.float64]:
    lengths = correlation_lengths(array)
    assert lengths is not None
    return lengths


def scan(array: Array, steps: Sequence[float], stored: bool = False) -> Image:
    kept = StoredGeometry("nifti", {}) if stored else None
    return Image(array, Geometry.from_spacing(array.shape, steps), kept)


@pytest.mark.parametrize("sigma", [(2, 2, 2), (4, 4, 1), (1, 3, 1)])
def test_lengths_are_proportional_to_the_smoothing(sigma: Sequence[float]) -> None:
    lengths = measured(texture(sigma))
    assert lengths.min() == 1
    np.testing.assert_allclose(lengths, np.divide(sigma, min(sigma)), rtol=0.3)


def test_noise_and_background_change_little() -> None:
    clean = texture((4, 4, 1))
    clean /= clean.std()
    noisy = clean + np.random.default_rng(1).normal(0, 0.7, SHAPE)
    padded = np.pad(clean, 30, constant_values=clean.min())
    for array in (noisy, padded, 1000 * clean - 5):
        np.testing.assert_allclose(measured(array), (4, 4, 1), rtol=0.4)


def test_a_ramp_along_one_axis_is_out_of_line_there_only() -> None:
    """Intensities i + 0.25 j: four steps along j change as much as one along i; k changes none."""
    i, j, k = np.indices((32, 32, 32))
    lengths = measured((i + 0.25 * j + 0 * k).astype(np.float32))
    assert lengths[0] == 1
    assert lengths[1] == pytest.approx(4, rel=0.1)
    assert lengths[2] == pytest.approx(16)  # never reached: the longest distance that fits twice


def test_permuted_volumes_give_permuted_lengths() -> None:
    array = texture((4, 2, 1))
    lengths = measured(array)
    for order in itertools.permutations(range(3)):
        found = measured(array.transpose(order))
        np.testing.assert_allclose(found, lengths[list(order)])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_volumes_give_the_same_lengths(axis: int) -> None:
    array = texture((4, 2, 1))
    np.testing.assert_allclose(measured(np.flip(array, axis)), measured(array))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(SHAPE),
        np.full(SHAPE, np.nan),
        np.random.default_rng(0).normal(size=SHAPE),
        texture((2, 2, 2))[:3],
        texture((2, 2, 2))[:10, :10, :10],
    ],
    ids=["constant", "not finite", "nothing but noise", "three slices", "few voxels"],
)
def test_some_images_cannot_tell(array: Array) -> None:
    assert correlation_lengths(array) is None
    assert estimated_spacing(array) is None


def test_the_estimated_spacing_is_relative_to_the_finest_axis() -> None:
    found = estimated_spacing(texture((4, 4, 1)))
    assert found is not None
    assert min(found) == 1
    np.testing.assert_allclose(found, (1, 1, 4), rtol=0.3)


def test_disagreement_by_hand() -> None:
    """In mm: 5 x 1, 1 x 5 and 1 x 1, so 5, 5 and 1: the last is 5 times shorter."""
    factor, axis = disagreement((5, 1, 1), np.array([1.0, 5.0, 1.0]))
    assert factor == pytest.approx(5)
    assert axis == 2
    assert disagreement((1, 1, 5), np.array([5.0, 5.0, 1.0]))[0] == pytest.approx(1)


def test_layered_tissue_may_change_faster_in_depth() -> None:
    """0.2 mm along, 0.04 mm in depth, 0.16 mm across: between the two others."""
    steps, lengths = (0.01, 0.004, 0.16), np.array([20.0, 10.0, 1.0])
    assert disagreement(steps, lengths) == (1.0, 2)
    factor, axis = disagreement((0.16, 0.004, 0.01), lengths)
    assert factor == pytest.approx(0.16 * 20 / 0.04)
    assert axis == 0


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
