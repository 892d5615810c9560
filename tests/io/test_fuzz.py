"""Damaged files: 500 of them, and never anything but our own errors or a valid volume."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import FewsliceError
from fewslice.io import read_image, write_image
from fewslice.volumes import Image
from tests.support.dicom_samples import write_series
from tests.support.volume_samples import SUFFIXES, image

INPUTS = {**dict.fromkeys(SUFFIXES, 70), ".dcm": 80}
LARGEST = 2 << 30  # bytes of memory that reading may ask for
LONGEST = 10.0  # seconds of processor time, for a file of a few hundred bytes


@pytest.fixture
def _limited_memory() -> Iterator[None]:
    """Let the process ask for 2 GB more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + LARGEST, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Cut off the end of a file, or change up to six of its bits, mostly in the header."""
    content = bytearray(whole)
    if rng.random() < 0.3:
        return bytes(content[: rng.integers(0, len(content))])
    end = min(len(content), 1000) if rng.random() < 0.7 else len(content)
    for _ in range(rng.integers(1, 7)):
        content[rng.integers(0, end)] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


def read_or_refuse(path: Path) -> Image | None:
    """Read an image; None if it was refused with an error that names the path."""
    try:
        return read_image(path)
    except FewsliceError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.slow
@pytest.mark.usefixtures("_limited_memory")
@pytest.mark.parametrize("suffix", INPUTS)
def test_damaged_files_give_our_errors_or_a_volume(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(sum(suffix.encode()))
    if suffix == ".dcm":
        target = write_series(tmp_path, np.arange(60, dtype=np.int16).reshape(3, 4, 5))
        victim = tmp_path / "IM002.dcm"
    else:
        target = victim = tmp_path / f"a{suffix}"
        write_image(victim, image())
    whole = victim.read_bytes()
    for number in range(INPUTS[suffix]):
        victim.write_bytes(damaged(whole, rng))
        start = time.process_time()
        read = read_or_refuse(target)
        assert read is None or np.isfinite(read.array).all(), number
        assert time.process_time() - start < LONGEST, number


def test_there_are_500_inputs() -> None:
    assert sum(INPUTS.values()) == 500
