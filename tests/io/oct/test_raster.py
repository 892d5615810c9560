"""Where the B-scans of a raster lie in the patient."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ReadError, codes_of
from fewslice.io.oct.info import OctInfo, oct_info
from fewslice.io.oct.raster import image_of
from fewslice.typing import Float64Array
from fewslice.volumes import Image

PATH = Path("a.vol")
SPACING = (0.5, 0.004, 0.25)
VOXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def image(positions: Float64Array | None, spacing: tuple[float, float, float] = SPACING) -> Image:
    info = OctInfo("device", "R", ("stored", "stored", "stored"), positions=positions)
    return image_of(PATH, VOXELS, spacing, info)


def raster(
    start: tuple[float, float], along: tuple[float, float], step: tuple[float, float]
) -> Float64Array:
    starts = np.array(start) + np.arange(3)[:, None] * np.array(step)
    return np.stack([starts, starts + np.array(along)], axis=1)


def place(volume: Image, index: tuple[int, int, int]) -> list[float]:
    return [float(x) for x in np.round((volume.geometry.affine @ [*index, 1])[:3], 6)]


def test_without_positions_a_raster_runs_from_left_to_right_and_downwards() -> None:
    volume = image(None)
    assert volume.geometry.axis_codes == ("L", "P", "I")
    assert np.array_equal(volume.array, VOXELS)


@pytest.mark.parametrize(
    ("along", "step", "codes"),
    [
        ((2.0, 0.0), (0.0, 0.25), ("L", "P", "I")),
        ((2.0, 0.0), (0.0, -0.25), ("L", "P", "S")),
        ((-2.0, 0.0), (0.0, -0.25), ("R", "P", "S")),
        ((0.0, 2.0), (0.25, 0.0), ("I", "P", "L")),
        ((0.0, -2.0), (-0.25, 0.0), ("S", "P", "R")),
    ],
)
def test_directions_follow_the_positions(
    along: tuple[float, float], step: tuple[float, float], codes: tuple[str, str, str]
) -> None:
    assert image(raster((1.0, 2.0), along, step)).geometry.axis_codes == codes


def test_every_a_scan_lies_where_its_position_says() -> None:
    """x of the fundus goes to the patient's left, y to the feet; depth to the back."""
    volume = image(raster((1.0, 2.0), (0.0, 2.0), (0.25, 0.0)))
    assert place(volume, (0, 0, 0)) == [-1.0, 0.0, -2.0]
    assert place(volume, (2, 0, 0)) == [-1.0, 0.0, -3.0]
    assert place(volume, (0, 0, 2)) == [-1.5, 0.0, -2.0]
    assert place(volume, (0, 4, 0)) == [-1.0, -0.016, -2.0]


def test_an_oblique_raster() -> None:
    volume = image(raster((0.0, 0.0), (1.2, 1.6), (-0.2, 0.15)))
    assert place(volume, (2, 0, 0)) == [-0.6, 0.0, -0.8]
    assert place(volume, (0, 0, 2)) == [0.4, 0.0, -0.3]
    assert volume.geometry.spacing == pytest.approx(SPACING)


def test_positions_that_agree_are_not_remarked_on() -> None:
    for length in (1.5, 2.0):  # from first to last A-scan, or with half a step at both ends
        info = oct_info(image(raster((0, 0), (length, 0), (0, 0.25))))
        assert info is not None
        assert info.remarks == ()


@pytest.mark.parametrize("spacing", [(0.8, 0.004, 0.25), (0.5, 0.004, 0.3)])
def test_positions_that_disagree_are(spacing: tuple[float, float, float]) -> None:
    info = oct_info(image(raster((0, 0), (2.0, 0), (0, 0.25)), spacing))
    assert info is not None
    assert codes_of(info.remarks) == {"oct-positions-disagree"}


def test_a_star_is_refused() -> None:
    angles = np.array([0.0, 1.0, 2.0])
    ends = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    with pytest.raises(ReadError, match="not parallel"):
        image(np.stack([-ends, ends], axis=1))


def test_a_circle_is_refused() -> None:
    with pytest.raises(ReadError, match="without a length"):
        image(np.ones((3, 2, 2)))


def test_uneven_rows_are_refused() -> None:
    positions = raster((0, 0), (2.0, 0), (0, 0.25))
    positions[1, :, 1] += 0.1
    with pytest.raises(ReadError, match="not evenly spaced"):
        image(positions)


def test_one_line_again_and_again_is_refused() -> None:
    with pytest.raises(ReadError, match="not evenly spaced"):
        image(raster((0, 0), (2.0, 0), (0, 0)))


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, np.nan, 1.0), (1.0, 1.0, -2.0)])
def test_an_impossible_spacing_is_refused(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(ReadError, match="positive numbers"):
        image(None, spacing)
