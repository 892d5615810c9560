"""NIfTI: the geometry fields bit for bit, scaling, and headers that break the rules."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings

from fewslice.errors import GeometryError, InputError, ReadError, codes_of
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.io.nifti_forms import GEOMETRY_FIELDS
from fewslice.volumes import Image, LabelMap
from tests.support.volume_samples import AFFINES, affines, image, oblique, rotation

DATA = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
HALF_TURN = np.eye(4)
HALF_TURN[:3, :3] = rotation((1.0, 0.0021, 3.1373))


def save(path: Path, data: npt.NDArray[Any] = DATA, **fields: Any) -> Path:
    """Write a NIfTI-1 file with nibabel, header fields set afterwards without any check."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header["pixdim"][1:4] = [1, 2, 3]
    header["vox_offset"] = 352
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + b"\0" * 4 + data.tobytes(order="F"))
    return path


def geometry_bytes(path: Path) -> dict[str, bytes]:
    header = nibabel.load(path).header
    raw = path.read_bytes() if path.suffix == ".nii" else gzip.decompress(path.read_bytes())
    header = type(header)(raw[: header.sizeof_hdr], check=False)
    return {name: np.asarray(header[name]).tobytes() for name in GEOMETRY_FIELDS}


@pytest.mark.parametrize("version", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_geometry_fields_survive_bit_for_bit(tmp_path: Path, version: Any, suffix: str) -> None:
    before = version(DATA, oblique())
    before.set_qform(oblique((0.5, 0.1, -0.3), (1, 2, 3)), 2)  # sform and qform disagree
    before.set_sform(oblique(), 4)
    before.header.set_xyzt_units("mm", "sec")
    nibabel.save(before, tmp_path / f"in{suffix}")
    read = read_image(tmp_path / f"in{suffix}")
    assert np.array_equal(read.geometry.affine, nibabel.load(tmp_path / f"in{suffix}").affine)
    write_labels(
        tmp_path / f"out{suffix}",
        LabelMap(np.ones(DATA.shape, np.uint8), read.geometry, read.stored),
    )
    assert geometry_bytes(tmp_path / f"out{suffix}") == geometry_bytes(tmp_path / f"in{suffix}")
    written = nibabel.load(tmp_path / f"out{suffix}")
    assert type(written) is version
    assert (written.dataobj.slope, written.dataobj.inter) == (1, 0)
    assert written.get_data_dtype() == np.uint8


@pytest.mark.parametrize("codes", [(0, 0), (0, 1), (1, 0), (2, 3)])
def test_the_affine_is_the_one_nibabel_chooses(tmp_path: Path, codes: tuple[int, int]) -> None:
    sform, qform = codes
    path = save(
        tmp_path / "a.nii",
        sform_code=sform,
        qform_code=qform,
        quatern_b=0.1,
        quatern_d=0.2,
        qoffset_x=7,
        srow_x=[0, 2, 0, 5],
        srow_y=[1, 0, 0, 6],
        srow_z=[0, 0, -3, 7],
    )
    read = read_image(path)
    # nibabel repairs qfac 0 to 1 while it loads, as the standard says
    assert np.array_equal(read.geometry.affine, nibabel.load(path).affine)
    write_image(tmp_path / "b.nii", read)
    assert geometry_bytes(tmp_path / "b.nii") == geometry_bytes(path)


def rotation_of(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    turn: npt.NDArray[np.float64] = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    turn[:, 2] *= np.sign(np.linalg.det(turn))  # the flip that qfac stands for
    return turn


@given(affine=affines())
@example(affine=HALF_TURN)
@settings(max_examples=30, deadline=None)
def test_a_new_file_has_an_sform_and_a_qform(
    tmp_path_factory: pytest.TempPathFactory, affine: npt.NDArray[np.float64]
) -> None:
    path = tmp_path_factory.mktemp("new") / "a.nii"
    write_image(path, image(affine))
    header = nibabel.load(path).header
    assert header["sform_code"] == 1
    assert header.get_xyzt_units()[0] == "mm"
    size = np.linalg.norm(affine[:3, :3], axis=0).min()
    # Close to a half-turn the single-precision quaternion is off; a wrong qform must not count.
    precise = np.allclose(header.get_qform(), affine, rtol=0, atol=1e-3 * size)
    assert header["qform_code"] == precise
    if not precise:
        assert abs(np.trace(rotation_of(affine)) + 1) < 0.01
        return
    np.testing.assert_allclose(header.get_qform(), affine, atol=1e-3 * max(size, 1), rtol=1e-4)


def test_a_sheared_grid_gets_no_qform(tmp_path: Path) -> None:
    sheared = np.diag([1.0, 1, 2, 1])
    sheared[1, 2] = 0.5
    write_image(tmp_path / "a.nii", image(sheared))
    assert nibabel.load(tmp_path / "a.nii").header["qform_code"] == 0
    assert np.array_equal(read_image(tmp_path / "a.nii").geometry.affine, sheared)


def test_scaled_values_are_read_as_float32(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", scl_slope=0.5, scl_inter=-10)
    read = read_image(path)
    assert read.array.dtype == np.float32
    assert np.array_equal(read.array, DATA * 0.5 - 10)


@pytest.mark.parametrize("slope", [0, np.nan, np.inf])
def test_an_unset_slope_means_no_scaling(tmp_path: Path, slope: float) -> None:
    read = read_image(save(tmp_path / "a.nii", scl_slope=slope, scl_inter=5))
    assert read.array.dtype == np.int16
    assert np.array_equal(read.array, DATA)


def test_an_infinite_intercept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a\.nii has the intercept inf"):
        read_image(save(tmp_path / "a.nii", scl_slope=2, scl_inter=np.inf))


def test_big_endian_files_come_back_in_native_order(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header(endianness=">")
    nibabel.save(nibabel.Nifti1Image(DATA, np.eye(4), header), tmp_path / "a.nii")
    read = read_image(tmp_path / "a.nii")
    assert read.array.dtype.isnative
    assert np.array_equal(read.array, DATA)
    write_image(tmp_path / "b.nii", read)
    assert np.array_equal(nibabel.load(tmp_path / "b.nii").affine, read.geometry.affine)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 5), (4, 5, 1)),
        ((4, 5, 1), (4, 5, 1)),
        ((4, 5, 6, 1), (4, 5, 6)),
        ((4, 5, 6, 3), (3, 4, 5, 6)),
        ((4, 5, 6, 1, 3), (3, 4, 5, 6)),
        ((4, 5, 6, 1, 1), (4, 5, 6)),
    ],
)
def test_channels_lead_and_single_axes_go(
    tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    read = read_image(save(tmp_path / "a.nii", data))
    assert read.array.shape == expected
    same = data.reshape(*shape[:3], -1) if len(shape) > 3 else data[..., np.newaxis]
    assert np.array_equal(read.array.reshape(-1, *expected[-3:])[0].ravel(), same[..., 0].ravel())
    assert np.array_equal(read.channels[-1].ravel(), same[..., -1].ravel())


def test_a_single_image_needs_no_third_voxel_size(tmp_path: Path) -> None:
    data = DATA[..., 0]
    read = read_image(save(tmp_path / "a.nii", data, pixdim=[1, 2, 3, 0, 0, 0, 0, 0]))
    assert read.geometry.spacing == (2, 3, 1)
    write_image(tmp_path / "b.nii", read)
    assert read_image(tmp_path / "b.nii").geometry.same_grid(read.geometry)


def test_two_axes_of_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="one axis of channels"):
        read_image(save(tmp_path / "a.nii", np.zeros((2, 2, 2, 2, 2), np.int16)))


@pytest.mark.parametrize("size", [0, np.nan, np.inf])
def test_a_spacing_that_is_none_is_an_error_without_sform(tmp_path: Path, size: float) -> None:
    for code in (0, 1):
        path = save(tmp_path / "a.nii", pixdim=[1, 1, size, 1, 1, 1, 1, 1], qform_code=code)
        with pytest.raises(GeometryError, match=r"a\.nii has zero spacing, or none"):
            read_image(path)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]], "spacing is"),
        ([[1, 2, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0]], "singular"),
        ([[1, 0, 0, np.nan], [0, 1, 0, 0], [0, 0, 1, 0]], "finite"),
    ],
)
def test_an_impossible_sform_is_an_error(
    tmp_path: Path, rows: list[list[float]], found: str
) -> None:
    path = save(tmp_path / "a.nii", sform_code=1, srow_x=rows[0], srow_y=rows[1], srow_z=rows[2])
    with pytest.raises(GeometryError, match=found) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_a_quaternion_that_is_no_rotation_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", qform_code=1, quatern_b=3)
    with pytest.raises(GeometryError, match=r"a\.nii has a qform that is no rotation"):
        read_image(path)


def test_micrometres_become_millimetres_and_stay_in_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", qform_code=1, xyzt_units=3)
    read = read_image(path)
    np.testing.assert_allclose(read.geometry.spacing, (0.001, 0.002, 0.003))
    write_image(tmp_path / "b.nii", read)
    assert geometry_bytes(tmp_path / "b.nii") == geometry_bytes(path)


def test_a_stored_geometry_that_no_longer_fits_is_left_out(tmp_path: Path) -> None:
    read = read_image(save(tmp_path / "a.nii", qform_code=1))
    moved = replace(read, geometry=image(AFFINES["permuted"]).geometry)
    write_image(tmp_path / "b.nii", moved)
    assert np.array_equal(read_image(tmp_path / "b.nii").geometry.affine, AFFINES["permuted"])


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"datatype": 128}, "colour"),
        ({"datatype": 32}, "complex"),
        ({"datatype": 999}, "unsupported"),
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "truncated or its header is wrong"),
        ({"dim": [3, 5, -6, 7, 1, 1, 1, 1]}, "lengths"),
        ({"dim": [0, 5, 6, 7, 1, 1, 1, 1]}, "0 axes"),
        ({"dim": [9, 5, 6, 7, 1, 1, 1, 1]}, "9 axes"),
        ({"vox_offset": -5}, "begin at byte -5"),
        ({"vox_offset": np.nan}, "begin at byte nan"),
        ({"magic": b"ni1"}, "not a NIfTI file"),
    ],
)
def test_headers_that_break_the_rules(tmp_path: Path, fields: dict[str, Any], found: str) -> None:
    with pytest.raises(ReadError, match=found) as caught:
        read_image(save(tmp_path / "a.nii", **fields))
    assert str(tmp_path / "a.nii") in str(caught.value)


def test_a_gzip_bomb_of_a_header_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    plain = save(tmp_path / "a.nii", dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(ReadError, match="truncated or its header is wrong"):
        read_image(tmp_path / "b.nii.gz")


def test_gzip_of_several_members_and_padding_is_read(tmp_path: Path) -> None:
    raw = save(tmp_path / "a.nii").read_bytes()
    parts = gzip.compress(raw[:200]) + gzip.compress(raw[200:]) + b"\0" * 100
    (tmp_path / "b.nii.gz").write_bytes(parts)
    assert np.array_equal(read_image(tmp_path / "b.nii.gz").array, DATA)


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(save(tmp_path / "a.nii").read_bytes()))
    packed[-8] ^= 1
    (tmp_path / "b.nii.gz").write_bytes(packed)
    with pytest.raises(ReadError, match="damaged"):
        read_image(tmp_path / "b.nii.gz")


@pytest.mark.parametrize("name", ["a.nii", "A.NII"])
def test_a_compressed_file_without_gz_is_read_with_a_remark(tmp_path: Path, name: str) -> None:
    raw = save(tmp_path / "plain.nii").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(raw))
    read = read_image(tmp_path / name)
    assert np.array_equal(read.array, DATA)
    assert "name-misleads" in codes_of(read.remarks)


@pytest.mark.parametrize("name", ["a.nii.gz", "A.NII.GZ"])
def test_a_file_that_is_not_compressed_is_read_with_a_remark(tmp_path: Path, name: str) -> None:
    read = read_image(save(tmp_path / name))
    assert np.array_equal(read.array, DATA)
    assert "is not compressed" in read.remarks[0]
    labels = read_labels(save(tmp_path / name, DATA.astype(np.uint8)))
    assert "name-misleads" in codes_of(labels.remarks)


def test_an_axis_too_long_for_nifti_1_makes_nifti_2(tmp_path: Path) -> None:
    volume: Image = image(np.eye(4), (40_000, 1, 1), "uint8")
    write_image(tmp_path / "a.nii", volume)
    assert type(nibabel.load(tmp_path / "a.nii")) is nibabel.Nifti2Image
    assert np.array_equal(read_image(tmp_path / "a.nii").array, volume.array)


def test_equal_volumes_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        write_image(tmp_path / name, image())
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_labels_with_several_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.nii has 3 channels"):
        read_labels(save(tmp_path / "a.nii", np.zeros((2, 2, 2, 3), np.uint8)))
