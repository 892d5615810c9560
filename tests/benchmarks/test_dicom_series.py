"""The series that is made for timing is one that can be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.dicom_series import write_series

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
    # From a process of its own: what a large one begins has, for a moment, that one's memory.
    measuring = (
        "import sys; from benchmarks.dicom_series import measured; "
        "print(*measured([sys.executable, '-c', 'sum(range(100_000))']))"
    )
    said = subprocess.run(
        [sys.executable, "-c", measuring], check=True, capture_output=True, text=True
    ).stdout
    wall, processor, memory = map(float, said.split())
    assert wall > 0
    assert processor > 0
    assert 0.001 < memory < 1
