"""NumPy arrays as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ReadError
from fewslice.io import read_image, read_labels
from fewslice.volumes.spacing import MISSING, spacing_origin

DATA = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("array", "shape"),
    [(DATA[0], (3, 4, 5)), (DATA, (2, 3, 4, 5)), (DATA[0, 0], (4, 5, 1)), (DATA[0].T, (5, 4, 3))],
)
def test_arrays_are_read_as_they_are_indexed(
    tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], shape: object
) -> None:
    np.save(tmp_path / "a.npy", array.astype(">f4"))
    read = read_image(tmp_path / "a.npy")
    assert read.array.shape == shape
    assert read.array.dtype == np.float32
    assert np.array_equal(read.array.ravel(), array.ravel())
    assert spacing_origin(read) == MISSING


def test_masks_of_truth_values_are_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DATA[0] > 30)
    assert np.array_equal(read_labels(tmp_path / "a.npy").array, DATA[0] > 30)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4, 5), (0, 2, 2)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(ReadError, match=r"expected \(i, j, k\)"):
        read_image(tmp_path / "a.npy")


def test_objects_and_damage_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[[{}]]], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match=r"a\.npy is damaged"):
        read_image(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", DATA)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-9])
    with pytest.raises(ReadError, match=r"a\.npy is truncated"):
        read_image(tmp_path / "a.npy")


def test_an_archive_of_arrays_under_the_name_of_one_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", DATA)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(ReadError, match=r"a\.npy is damaged"):
        read_image(tmp_path / "a.npy")
