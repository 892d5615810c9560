"""The series that is made for timing is one that can be read."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.dicom_series import measured, write_series

from fewslice import read_image


def test_the_series_is_a_volume(tmp_path: Path) -> None:
    write_series(tmp_path, (4, 6, 8))
    scan = read_image(tmp_path)
    assert scan.array.shape == (8, 6, 4)
    assert scan.array.dtype == "int16"
    assert scan.geometry.spacing == (0.703125, 0.703125, 0.5)
    # noise of -60 to 59 on 1024 + k, of which the intercept takes 1024
    for k in range(4):
        assert -60 + k <= scan.array[..., k].min() <= scan.array[..., k].max() < 60 + k
    assert scan.remarks == ()


def test_a_command_is_measured() -> None:
    wall, processor, memory = measured([sys.executable, "-c", "print(sum(range(100_000)))"])
    assert wall > 0
    assert processor > 0
    assert 0.001 < memory < 1
