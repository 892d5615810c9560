"""Grids of DICOM series: rounded headers, gaps, and what is too far off to be rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.errors import GeometryError, codes_of
from fewslice.io import read_image, read_labels
from fewslice.volumes import Image
from tests.support.dicom_samples import write_series, write_slice

VOLUME = np.random.default_rng(5).integers(0, 900, (12, 6, 7)).astype(np.int16)  # (k, row, column)


def stack(folder: Path, heights: list[float], **tags: Any) -> Path:
    for k, height in enumerate(heights):
        place = [0.0, 0.0, height]
        write_slice(folder / f"{k:02}.dcm", VOLUME[k], **{"ImagePositionPatient": place, **tags})
    return folder


def corner_shift(read: Image, step: float) -> float:
    """Return by how much, in mm, the last slice lies off where it should be."""
    last = read.geometry.shape[2] - 1
    return float(abs(read.geometry.affine[2, 3] + read.geometry.affine[2, 2] * last - last * step))


@pytest.mark.parametrize(
    ("step", "digits", "thickness"),
    [(1.25, 1, 2.0), (0.625, 1, 0.625), (1.3333333, 2, 2.0), (5.5, 0, 9.0), (1.5, 0, 1.5)],
)
def test_rounded_positions_make_an_even_grid(
    tmp_path: Path, step: float, digits: int, thickness: float
) -> None:
    heights = [round(k * step, digits) for k in range(12)]
    read = read_image(stack(tmp_path, heights, SliceThickness=thickness))
    assert np.array_equal(read.array, VOLUME.T)
    assert read.geometry.spacing[2] == pytest.approx(step, abs=10.0**-digits / 11)
    assert corner_shift(read, step) <= 10.0**-digits / 2
    assert codes_of(read.remarks) == ({"positions-rounded"} if digits < 2 else set())


def test_even_positions_are_taken_to_the_last_digit(tmp_path: Path) -> None:
    read = read_image(stack(tmp_path, [0.7 * k for k in range(12)]))
    assert read.geometry.affine[2, 3] == 0
    assert read.geometry.affine[2, 2] == pytest.approx(0.7, abs=1e-12)
    assert read.remarks == ()


@pytest.mark.parametrize(
    ("heights", "found"),
    [
        ([0, 2, 4, 8, 10], "gap of 4 mm between the slices at 0, 0, 4 and 0, 0, 8 mm"),
        ([0, 2, 6], "gap of 4 mm"),
        ([0, 4, 6], "gap of 4 mm"),
        ([0, 2, 4, 10, 12, 16], "add the 3 missing"),
        ([0, 1, 2, 3.4, 4.4], "resample the volume"),
    ],
)
def test_uneven_gaps_are_refused(tmp_path: Path, heights: list[float], found: str) -> None:
    with pytest.raises(GeometryError, match=found):
        read_image(stack(tmp_path, heights))


def test_a_step_that_the_header_names_is_no_excuse_for_a_missing_slice(tmp_path: Path) -> None:
    heights = [2.0 * k for k in range(12) if k != 6]
    with pytest.raises(GeometryError, match="gap of 4 mm"):
        read_image(stack(tmp_path, heights, SliceThickness=2.18, SpacingBetweenSlices=2.18))


def test_missing_slices_are_interpolated_if_asked_for(tmp_path: Path) -> None:
    # Slices 3, 4 and 8 are missing: 3 and 4 lie at a third and two thirds between 2 and 5.
    there = [0, 1, 2, 5, 6, 7, 9]
    for k in there:
        write_slice(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[0, 0, 2.0 * k])
    read = read_image(tmp_path, fill_gaps=True)
    assert read.array.shape == (7, 6, 10)
    assert np.array_equal(read.array[..., there], VOLUME[there].T)
    before, after = VOLUME[2].T.astype(float), VOLUME[5].T.astype(float)
    assert np.abs(read.array[..., 3] - (2 * before + after) / 3).max() <= 0.51
    assert np.abs(read.array[..., 4] - (before + 2 * after) / 3).max() <= 0.51
    assert np.abs(read.array[..., 8] - (VOLUME[7].T + VOLUME[9].T) / 2).max() <= 0.51
    assert read.geometry.spacing == (1, 1, 2)
    assert codes_of(read.remarks) == {"gaps-filled"}
    with pytest.raises(GeometryError, match="gap of 6 mm"):
        read_labels(tmp_path)


def test_nothing_missing_is_nothing_to_say(tmp_path: Path) -> None:
    read = read_image(write_series(tmp_path, VOLUME), fill_gaps=True)
    assert np.array_equal(read.array, VOLUME.T)
    assert read.remarks == ()


@pytest.mark.parametrize("tilt", [0.0, 0.5])
def test_cosines_of_two_digits_are_set_at_right_angles(tmp_path: Path, tilt: float) -> None:
    # 45 degrees about z: 0.7071 is written as 0.71, a vector of length 1.004.
    cosines = [0.71, 0.71, 0, -0.71, 0.71, 0]
    for k in range(4):
        place = [0.0, tilt * k, 2.0 * k]
        tags = {"ImagePositionPatient": place, "ImageOrientationPatient": cosines}
        write_slice(tmp_path / f"{k}.dcm", VOLUME[k], PixelSpacing=[0.5, 0.5], **tags)
    read = read_image(tmp_path)
    half = 0.5 / np.sqrt(2)
    expected = [[-half, half, 0], [-half, -half, -tilt], [0, 0, 2]]
    np.testing.assert_allclose(read.geometry.affine[:3, :3], expected, atol=1e-9)
    assert codes_of(read.remarks) == {"directions-rounded"}


def test_planes_that_differ_within_rounding_are_one_volume(tmp_path: Path) -> None:
    for k in range(4):
        small = 0.001 * (k % 2)
        tags = {"ImageOrientationPatient": [1, small, 0, -small, 1, 0]}
        write_slice(tmp_path / f"{k}.dcm", VOLUME[k], ImagePositionPatient=[0, 0, 2.0 * k], **tags)
    assert np.array_equal(read_image(tmp_path).array, VOLUME[:4].T)


def test_planes_that_differ_by_voxels_are_refused(tmp_path: Path) -> None:
    wide = np.zeros((4, 8, 200), np.int16)  # 200 columns, turned by 0.01: two voxels at the end
    for k in range(4):
        turn = 0.01 * (k % 2)
        tags = {"ImageOrientationPatient": [1, turn, 0, -turn, 1, 0]}
        write_slice(tmp_path / f"{k}.dcm", wide[k], ImagePositionPatient=[0, 0, 2.0 * k], **tags)
    with pytest.raises(GeometryError, match="different orientations"):
        read_image(tmp_path)


def test_a_negative_distance_between_slices_means_nothing(tmp_path: Path) -> None:
    read = read_image(stack(tmp_path, [0, 2, 4], SpacingBetweenSlices=-2.0))
    assert np.array_equal(read.array, VOLUME[:3].T)
    assert read.geometry.affine[2, 2] == 2
