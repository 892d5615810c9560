"""Colours of segments and outlines."""

from __future__ import annotations

import pytest

from fewslice.io.dicom.display_colour import lab_colour, rgb_colour


# L, a and b of sRGB's corners (IEC 61966-2-1, D65), such as 53.24, 80.09, 67.20 for red, stored as
# L / 100 and (a + 128) / 255 of 65535.
@pytest.mark.parametrize(
    ("lab", "expected"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((100, 0, 0), (1, 1, 1)),
        ((53.24, 80.09, 67.20), (1, 0, 0)),
        ((87.73, -86.18, 83.18), (0, 1, 0)),
        ((32.30, 79.19, -107.86), (0, 0, 1)),
    ],
)
def test_lab(lab: tuple[float, float, float], expected: tuple[float, float, float]) -> None:
    light, first, second = lab
    stored = [light / 100 * 65535, *((part + 128) / 255 * 65535 for part in (first, second))]
    assert lab_colour([round(value) for value in stored]) == pytest.approx(expected, abs=0.01)


def test_rgb() -> None:
    assert rgb_colour([255, 51, 0]) == (1.0, 0.2, 0.0)
    assert rgb_colour([300, 0, 0]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("stored", [None, "", [], [1, 2], "red", 7])
def test_what_is_no_colour(stored: object) -> None:
    assert lab_colour(stored) is None
    assert rgb_colour(stored) is None
