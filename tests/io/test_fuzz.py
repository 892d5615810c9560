"""Damaged files: 500 of them, and never anything but our own errors or a valid volume."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from benchmarks.mutated_files import FINE, MEMORY, SECONDS, damage, listing, outcome
from benchmarks.mutation_bombs import BOMBS, bombs
from benchmarks.mutation_samples import MAKERS, Sample
from benchmarks.mutations import GENERAL, TEXT, tiff, within, zeros

from fewslice.errors import ReadError
from fewslice.io import read_image, write_image
from fewslice.io.library_errors import DENSE_RATIO, LARGEST_DENSE, require_plausible
from tests.support.volume_samples import image

COPIES = 14  # of each of the samples
BOMB = 10 << 30  # bytes
MUTATIONS = {**GENERAL, **TEXT}

pytest.importorskip("eyepy")


@pytest.fixture
def _limited_memory() -> Iterator[None]:
    """Let the process ask for 2 GB more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def checked(sample: Sample, number: int) -> str:
    """Return what came of a sample, after a look at what it took."""
    folder = sample.path if sample.path.is_dir() else sample.path.parent
    before, start = listing(folder), time.process_time()
    found = outcome(sample)
    assert found.kind in FINE, (number, found)
    assert listing(folder) == before, number
    assert time.process_time() - start < SECONDS, number
    return found.kind


@pytest.mark.slow
@pytest.mark.usefixtures("_limited_memory")
@pytest.mark.parametrize("name", MAKERS)
def test_damaged_files_give_our_errors_or_a_volume(tmp_path: Path, name: str) -> None:
    sample = MAKERS[name](tmp_path)
    assert outcome(sample).kind == "volume"
    kinds = []
    for number in range(COPIES):
        rng = np.random.default_rng([sum(name.encode()), number])
        victim = sample.victims[int(rng.integers(len(sample.victims)))]
        whole = victim.read_bytes()
        victim.write_bytes(damage(sample, whole, rng)[1])
        kinds.append(checked(sample, number))
        victim.write_bytes(whole)
    assert "refused" in kinds


@pytest.mark.slow
@pytest.mark.usefixtures("_limited_memory")
def test_files_that_unpack_to_ten_gigabytes_are_refused_at_once(tmp_path: Path) -> None:
    kinds = [checked(sample, number) for number, sample in enumerate(bombs(tmp_path, BOMB))]
    assert kinds == ["refused"] * len(BOMBS)


def test_there_are_500_inputs() -> None:
    assert len(MAKERS) * COPIES + len(BOMBS) >= 500


def test_what_is_packed_densely_is_plausible_up_to_two_gigabytes() -> None:
    stored = 1 << 20
    require_plausible(Path("a"), LARGEST_DENSE, stored)  # an empty label map
    enough = LARGEST_DENSE // DENSE_RATIO + 1
    require_plausible(Path("a"), LARGEST_DENSE + 1, enough)  # a large scan
    with pytest.raises(ReadError, match=r"from 1048576 bytes to 10\.7 GB"):
        require_plausible(Path("a"), 10 << 30, stored)


def test_empty_labels_are_read_however_densely_they_are_packed(tmp_path: Path) -> None:
    volume = image(shape=(200, 200, 100), dtype="uint8")
    volume.array[:] = 0
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        write_image(tmp_path / f"a{suffix}", volume)
        assert (tmp_path / f"a{suffix}").stat().st_size < volume.array.size / 100
        assert read_image(tmp_path / f"a{suffix}").array.shape == volume.array.shape


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_same_seed_gives_the_same_damage(name: str) -> None:
    content = b"NDims = 3\nDimSize = 4 3 2\n" * 20
    mutation = MUTATIONS[name]
    damaged = [mutation(content, np.random.default_rng(number)) for number in range(10)]
    again = [mutation(content, np.random.default_rng(number)) for number in range(10)]
    assert damaged == again
    assert any(each != content for each in damaged)


def test_damage_within_leaves_a_file_that_can_be_unpacked() -> None:
    import gzip

    damaged = within(GENERAL["zeros"])(gzip.compress(b"x" * 5000), np.random.default_rng(0))
    assert 0 < gzip.decompress(damaged).count(0) < 5000


@pytest.mark.slow
def test_zeros_unpack_to_what_was_asked_for() -> None:
    import zlib

    size = 64 << 20
    packed = zeros(b"head", size)
    assert len(packed) < size / 800
    unpacked = zlib.decompressobj(31).decompress(packed, 5 + size)
    assert unpacked[:5] == b"head\0"
    assert len(unpacked) >= size


def test_a_picture_of_zeros_is_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(5000))
    read = read_image(tmp_path / "a.tif")
    assert read.array.shape == (5000, 5000, 1)
    assert not read.array.any()
