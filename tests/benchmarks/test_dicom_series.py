"""The series that is made for timing is one that can be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.dicom_series import write_series
from pydicom import dcmread

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


@pytest.mark.parametrize("packed", ["jpeg-ls", "jpeg-2000"])
def test_packed_slices_hold_the_same_values(tmp_path: Path, packed: str) -> None:
    for name, way in (("plain", ""), ("packed", packed)):
        (tmp_path / name).mkdir()
        write_series(tmp_path / name, (2, 32, 40), way)
    assert dcmread(tmp_path / "packed" / "IM0000").file_meta.TransferSyntaxUID.is_compressed
    plain, packed_scan = read_image(tmp_path / "plain"), read_image(tmp_path / "packed")
    np.testing.assert_array_equal(packed_scan.array, plain.array)


@pytest.mark.slow
def test_a_command_is_measured() -> None:
    # From a process of its own: what a large one begins has, for a moment, that one's memory.
    measuring = (
        "import sys; from benchmarks.dicom_series import measured; "
        "print(*measured([sys.executable, '-c', 'print(sum(range(100_000)))']))"
    )
    said = subprocess.run(
        [sys.executable, "-c", measuring], check=True, capture_output=True, text=True
    ).stdout
    first, wall, processor, memory = map(float, said.split())
    assert 0 < first <= wall
    assert processor > 0
    assert 0.001 < memory < 1
