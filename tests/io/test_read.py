"""One contract for all formats: values, types, grids and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.errors import InputError, ReadError, codes_of
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.volume_samples import AFFINES, SUFFIXES, affines, image

DTYPES = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
every_format = pytest.mark.parametrize("suffix", SUFFIXES)


@every_format
@pytest.mark.parametrize("shape", [(5, 6, 7), (3, 5, 6, 7), (5, 6, 1), (1, 1, 1), (2, 1, 1, 1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_types_come_back(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], dtype: str
) -> None:
    volume = image(shape=shape, dtype=dtype)
    write_image(tmp_path / f"a{suffix}", volume)
    read = read_image(tmp_path / f"a{suffix}")
    assert read.array.dtype == dtype
    assert np.array_equal(read.array, volume.array)
    assert read.geometry.same_grid(volume.geometry)


@pytest.mark.slow
@every_format
@given(affine=affines())
@settings(max_examples=15, deadline=None)
def test_any_grid_comes_back(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, affine: npt.NDArray[np.float64]
) -> None:
    path = tmp_path_factory.mktemp("grid") / f"a{suffix}"
    volume = image(affine, (3, 4, 5))
    write_image(path, volume)
    read = read_image(path)
    assert read.geometry.same_grid(volume.geometry)
    assert read.geometry.axis_codes == volume.geometry.axis_codes
    write_image(path, read)  # what was read is written exactly, so nothing drifts
    assert np.array_equal(read_image(path).geometry.affine, read.geometry.affine)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
@pytest.mark.parametrize("first", SUFFIXES)
@pytest.mark.parametrize("second", SUFFIXES)
def test_other_formats_keep_the_grid(
    tmp_path: Path, first: str, second: str, affine: npt.NDArray[np.float64]
) -> None:
    volume = image(affine)
    write_image(tmp_path / f"a{first}", volume)
    write_image(tmp_path / f"b{second}", read_image(tmp_path / f"a{first}"))
    read = read_image(tmp_path / f"b{second}")
    assert read.geometry.same_grid(volume.geometry)
    assert np.array_equal(read.array, volume.array)


@every_format
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_a_bright_voxel_stays_where_it_is(
    tmp_path: Path, suffix: str, affine: npt.NDArray[np.float64]
) -> None:
    array = np.zeros((4, 5, 6), np.uint8)
    array[3, 1, 4] = 200
    write_image(tmp_path / f"a{suffix}", Image(array, Geometry(array.shape, affine)))
    read = read_image(tmp_path / f"a{suffix}")
    (index,) = np.argwhere(read.array == 200)
    np.testing.assert_allclose(read.geometry.affine @ [*index, 1], affine @ [3, 1, 4, 1], atol=1e-4)


@every_format
@given(labels=st.lists(st.integers(0, 65_535), min_size=8, max_size=8))
@settings(max_examples=15, deadline=None)
def test_labels_come_back(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, labels: list[int]
) -> None:
    path = tmp_path_factory.mktemp("labels") / f"a{suffix}"
    array = np.array(labels, np.uint16).reshape(2, 2, 2)
    write_labels(path, LabelMap(array, Geometry.from_spacing((2, 2, 2))))
    read = read_labels(path)
    assert read.array.dtype == np.uint16
    assert np.array_equal(read.array, array)


@every_format
def test_what_is_no_label_names_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    grid = Geometry.from_spacing((2, 2, 2))
    write_image(path, Image(np.full((2, 2, 2), 0.5, np.float32), grid))
    with pytest.raises(InputError, match="not a whole number") as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    write_image(path, Image(np.zeros((3, 2, 2, 2), np.uint8), grid))
    with pytest.raises(InputError, match="3 channels"):
        read_labels(path)


@every_format
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, np.finfo(np.float32).min])
def test_voxels_without_a_value_are_filled_and_counted(
    tmp_path: Path, suffix: str, bad: float
) -> None:
    path = tmp_path / f"a{suffix}"
    array = np.full((3, 3, 3), 7, np.float32)
    array[0] = bad
    array[1, 1, 1], array[2, 1, 1] = -2, 1
    write_image(path, Image(array, Geometry.from_spacing((3, 3, 3))))
    read = read_image(path)
    assert (read.array[0] == -2).all()
    assert np.array_equal(read.array[1:], array[1:])
    assert codes_of(read.remarks) == {"voxels-filled"}
    assert str(path) in read.remarks[0]
    assert " 9 voxels" in read.remarks[0]


@every_format
def test_labels_without_a_value_are_zero(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    array = np.array([[[np.nan, 1.0], [0.996, 1.00002], [np.inf, 2.04]]], np.float32)
    write_image(path, Image(array, Geometry.from_spacing(array.shape)))
    read = read_labels(path)
    assert read.array.tolist() == [[[0, 1], [1, 1], [0, 2]]]
    assert codes_of(read.remarks) == {"labels-not-finite", "labels-not-whole"}


def refused(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@every_format
def test_a_missing_file(tmp_path: Path, suffix: str) -> None:
    assert "does not exist" in refused(tmp_path / f"a{suffix}")


@every_format
def test_an_empty_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    assert "is empty" in refused(tmp_path / f"a{suffix}")


@every_format
def test_a_folder_with_the_name_of_a_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").mkdir()
    refused(tmp_path / f"a{suffix}")


@every_format
def test_a_file_of_another_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    for content in (b"plain text\n" * 200, bytes(2000), b"\xff" * 2000):
        path.write_bytes(content)
        refused(path)


@every_format
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file(tmp_path: Path, suffix: str, part: float) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image(shape=(9, 9, 9)))
    cut = path.with_suffix(".raw") if suffix in (".mhd", ".nhdr") else path
    whole = cut.read_bytes()
    cut.write_bytes(whole[: int(len(whole) * part)])
    refused(path)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    for name in ("a.nii", "a.mha", "a.dcm", "a"):
        os.mkfifo(tmp_path / name)
        assert "device or pipe" in refused(tmp_path / name)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"x" * 200)
    text = refused(tmp_path / "a.xyz")
    for suffix in SUFFIXES:
        assert suffix in text


@every_format
def test_suffixes_in_capitals(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"A{suffix.upper()}"
    write_image(path, image())
    read = read_image(str(path))
    assert np.array_equal(read.array, image().array)
    assert read.geometry.same_grid(image().geometry)
    assert read.remarks == ()


def test_memory_that_does_not_suffice_is_a_read_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    write_image(tmp_path / "a.nii.gz", image())
    monkeypatch.setattr("nibabel.arrayproxy.ArrayProxy.get_unscaled", exhausted)
    assert "memory" in refused(tmp_path / "a.nii.gz")


def test_importing_volumes_loads_no_reader() -> None:
    code = (
        "import sys, fewslice.volumes; "
        "heavy = ('nibabel', 'SimpleITK', 'nrrd', 'pydicom', 'scipy'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_array_in_place_of_a_path_is_told_what_takes_it() -> None:
    with pytest.raises(InputError, match=r"of type ndarray; expected a path, .*takes it as it is"):
        read_image(np.zeros((2, 3, 4)))  # type: ignore[arg-type]
