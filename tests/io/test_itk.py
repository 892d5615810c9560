"""MetaImage and NRRD against SimpleITK, and headers that break the rules."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nrrd as nrrd_library
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from hypothesis import given, settings

from fewslice.errors import GeometryError, ReadError, codes_of
from fewslice.io import read_image, write_image, write_labels
from fewslice.volumes import LabelMap
from tests.support.volume_samples import ITK_SUFFIXES, affines, image, rotation

DATA = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # (k, j, i)
META = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n"


def itk_image(data: npt.NDArray[Any] = DATA, vector: bool = False) -> Any:
    made = SimpleITK.GetImageFromArray(data, isVector=vector)
    if made.GetDimension() == 3:
        made.SetOrigin((1 / 3, -2 / 3, 1e-17))
        made.SetSpacing((1 / 3, 0.7, 1.1))
        made.SetDirection(rotation((0.3, -0.2, 0.9)).ravel().tolist())
    return made


def meta(path: Path, lines: str = "", data: bytes | None = None, head: str = META) -> Path:
    body = DATA.tobytes() if data is None else data
    path.write_bytes(f"{head}{lines}ElementDataFile = LOCAL\n".encode() + body)
    return path


def nrrd(path: Path, lines: str = "", data: bytes | None = None, head: str = NRRD) -> Path:
    body = DATA.tobytes() if data is None else data
    path.write_bytes(f"{head}{lines}\n".encode() + body)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("vector", [False, True])
@pytest.mark.parametrize("suffix", ITK_SUFFIXES)
def test_reading_agrees_with_simpleitk(
    tmp_path: Path, suffix: str, vector: bool, compressed: bool
) -> None:
    data = np.stack([DATA, DATA + 50], axis=-1) if vector else DATA
    made = itk_image(data, vector)
    path = tmp_path / f"a{suffix}"
    SimpleITK.WriteImage(made, str(path), compressed)
    read = read_image(path)
    assert np.array_equal(read.array, data.T)
    for index in ((0, 0, 0), (3, 2, 1)):
        x, y, z = made.TransformIndexToPhysicalPoint(index)
        place = (read.geometry.affine @ [*index, 1])[:3]
        np.testing.assert_allclose(place, (-x, -y, z), atol=1e-12)


@pytest.mark.parametrize("suffix", ITK_SUFFIXES)
def test_geometry_survives_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    before = tmp_path / f"a{suffix}"
    after = tmp_path / f"b{suffix}"
    SimpleITK.WriteImage(itk_image(), str(before))
    read = read_image(before)
    write_labels(after, LabelMap(np.ones((4, 3, 2), np.uint8), read.geometry, read.stored))
    old, new = SimpleITK.ReadImage(str(before)), SimpleITK.ReadImage(str(after))
    assert new.GetOrigin() == old.GetOrigin()
    assert new.GetSpacing() == old.GetSpacing()
    assert new.GetDirection() == old.GetDirection()
    assert new.GetPixelID() == SimpleITK.sitkUInt8


@pytest.mark.parametrize("suffix", ITK_SUFFIXES)
@pytest.mark.parametrize("shape", [(4, 3, 2), (5, 4, 3, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float32", "float64"])
def test_simpleitk_reads_what_is_written(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], dtype: str
) -> None:
    volume = image(shape=shape, dtype=dtype)
    write_image(tmp_path / f"a{suffix}", volume)
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"a{suffix}")))
    assert read.dtype == dtype
    assert np.array_equal(read.T, volume.array)


def test_lps_becomes_ras_worked_by_hand(tmp_path: Path) -> None:
    # LPS+ to RAS+ changes the sign of x and y. i goes along LPS (1, 0, 0), which is RAS
    # (-1, 0, 0); j along LPS (0, 0, 1) = RAS (0, 0, 1); k along LPS (0, -1, 0) = RAS (0, 1, 0).
    # TransformMatrix lists one axis after the other. The origin (10, 20, 30) becomes -10, -20, 30.
    path = meta(
        tmp_path / "a.mha",
        "TransformMatrix = 1 0 0 0 0 1 0 -1 0\nOffset = 10 20 30\nElementSpacing = 2 3 4\n",
    )
    expected = [[-2, 0, 0, -10], [0, 0, 4, -20], [0, 3, 0, 30], [0, 0, 0, 1]]
    assert read_image(path).geometry.affine.tolist() == expected
    path = nrrd(
        tmp_path / "a.nrrd",
        "space: left-posterior-superior\nspace directions: (2,0,0) (0,0,3) (0,-4,0)\n"
        "space origin: (10,20,30)\n",
    )
    assert read_image(path).geometry.affine.tolist() == expected


@pytest.mark.parametrize(
    "space", ["right-anterior-superior", "RAS", "left-anterior-superior", "LPS", "scanner-xyz"]
)
def test_spaces_of_nrrd_agree_with_simpleitk(tmp_path: Path, space: str) -> None:
    path = nrrd(
        tmp_path / "a.nrrd",
        f"space: {space}\nspace directions: (2,0,0.5) (0,3,0) (-1,0,4)\nspace origin: (1,2,3)\n",
    )
    x, y, z = SimpleITK.ReadImage(str(path)).TransformIndexToPhysicalPoint((3, 2, 1))
    np.testing.assert_allclose(read_image(path).geometry.affine @ [3, 2, 1, 1], (-x, -y, z, 1))


@pytest.mark.slow
@given(affine=affines())
@settings(max_examples=20, deadline=None)
def test_any_grid_is_the_same_for_simpleitk(
    tmp_path_factory: pytest.TempPathFactory, affine: npt.NDArray[np.float64]
) -> None:
    folder = tmp_path_factory.mktemp("grids")
    for suffix in (".mha", ".nrrd"):
        write_image(folder / f"a{suffix}", image(affine))
        read = SimpleITK.ReadImage(str(folder / f"a{suffix}"))
        x, y, z = read.TransformIndexToPhysicalPoint((4, 5, 6))
        np.testing.assert_allclose((-x, -y, z), (affine @ [4, 5, 6, 1])[:3], atol=1e-9)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_a_fourth_axis_becomes_channels_and_2d_becomes_a_slice(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    SimpleITK.WriteImage(itk_image(np.stack([DATA, DATA + 9])), str(path))
    assert np.array_equal(read_image(path).array, np.stack([DATA.T, DATA.T + 9]))
    flat = SimpleITK.GetImageFromArray(DATA[0])
    flat.SetSpacing((0.5, 0.25))
    SimpleITK.WriteImage(flat, str(path))
    read = read_image(path)
    assert np.array_equal(read.array[..., 0], DATA[0].T)
    assert read.geometry.spacing == (0.5, 0.25, 1)


def test_minimal_and_unusual_headers_agree_with_simpleitk(tmp_path: Path) -> None:
    big = DATA.astype(">i2").tobytes()
    paths = [
        meta(tmp_path / "a.mha"),
        meta(tmp_path / "b.mha", "ElementByteOrderMSB = True\n", big),
        meta(tmp_path / "c.mha", "HeaderSize = -1\n", DATA.tobytes()),
        meta(tmp_path / "d.mha", "ElementSize = 1 2 3\nPosition = 1 2 3\n"),
        nrrd(tmp_path / "e.nrrd", "spacings: 0.5 1 2\n# a comment\nkey:=value\n"),
        nrrd(tmp_path / "f.nrrd", "byte skip: 6\n", b"123456" + DATA.tobytes()),
        nrrd(tmp_path / "g.nrrd", "byte skip: -1\n", b"123456" + DATA.tobytes()),
        nrrd(tmp_path / "h.nrrd", data=big, head=NRRD.replace("little", "big")),
    ]
    for path in paths:
        read, reference = read_image(path), SimpleITK.ReadImage(str(path))
        assert np.array_equal(read.array, DATA.T), path
        assert read.geometry.spacing == reference.GetSpacing(), path


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("ElementSpacing = 1 0 1\n", "spacing 1, 0, 1"),
        ("ElementSpacing = 1 nan 1\n", "'1 nan 1' as ElementSpacing"),
        ("Offset = inf 0 0\n", "'inf 0 0' as Offset"),
        ("Position = 1 2 x\n", "'1 2 x' as Position"),
        ("TransformMatrix = 1 0 0 1 0 0 0 0 1\n", "singular"),
    ],
)
def test_an_impossible_grid_of_metaimage(tmp_path: Path, lines: str, found: str) -> None:
    with pytest.raises(GeometryError, match=found) as caught:
        read_image(meta(tmp_path / "a.mha", lines))
    assert str(tmp_path / "a.mha") in str(caught.value)


def test_a_negative_spacing_of_metaimage_turns_its_axis_around(tmp_path: Path) -> None:
    path = meta(tmp_path / "a.mha", "ElementSpacing = 1 -2 3\n")
    read, reference = read_image(path), SimpleITK.ReadImage(str(path))
    assert np.array_equal(read.array, SimpleITK.GetArrayFromImage(reference).T)
    assert read.geometry.spacing == (1, 2, 3)
    for index in ((0, 0, 0), (3, 2, 1)):
        x, y, z = reference.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(read.geometry.affine @ [*index, 1], (-x, -y, z, 1), atol=1e-9)
    assert codes_of(read.remarks) == {"spacing-negative"}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("spacings: 1 0 1\n", "spacing 1, 0, 1"),
        ("spacings: 1 -1 1\n", "spacing 1, -1, 1"),
        ("space: LPS\nspace directions: (1,0,0) (0,0,0) (0,0,1)\n", "spacing 1, 0, 1"),
        ("space: LPS\nspace directions: (1,0,0) (2,0,0) (0,0,1)\n", "singular"),
        ("space: LPS\nspace directions: (1,0,0) (0,nan,0) (0,0,1)\n", "spacing 1, nan, 1"),
    ],
)
def test_an_impossible_grid_of_nrrd(tmp_path: Path, lines: str, found: str) -> None:
    with pytest.raises(GeometryError, match=found) as caught:
        read_image(nrrd(tmp_path / "a.nrrd", lines))
    assert str(tmp_path / "a.nrrd") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("4 3 2", "4 3"), "'4 3' as DimSize"),
        (("4 3 2", "4 x 2"), "whole numbers"),
        (("4 3 2", "4 3.5 2"), "whole numbers"),
        (("4 3 2", "4 0 2"), "at least one voxel"),
        (("4 3 2", "40000 30000 20000"), "truncated or its header is wrong"),
        (("NDims = 3", "NDims = 7"), "expected 7 numbers"),
        (("MET_SHORT", "MET_OTHER"), "Unknown PixelType"),
        (("NDims = 3\n", ""), "nothing' as NDims"),
        (("NDims", "BinaryData = False\nNDims"), "BinaryData"),
        (("NDims = 3\nDimSize = 4 3 2", "DimSize = 4 3 2\nNDims = 3"), "behind NDims"),
        (("NDims", "HeaderSize = -7\nNDims"), "HeaderSize"),
    ],
)
def test_metaimage_headers_that_break_the_rules(
    tmp_path: Path, change: tuple[str, str], found: str
) -> None:
    with pytest.raises(ReadError, match=found):
        read_image(meta(tmp_path / "a.mha", head=META.replace(*change)))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("4 3 2", "4 3"), "as many axes as sizes"),
        (("4 3 2", "4 -3 2"), "at least one voxel"),
        (("4 3 2", "40000 30000 20000"), "Size of the data does not equal"),
        (("dimension: 3", "dimension: 1"), "'1' as dimension"),
        (("short", "block"), "'block' as type"),
        (("raw", "bzip2"), "'bzip2' as encoding"),
        (("NRRD0004", "NOPE"), "Invalid NRRD magic line"),
        (("sizes", "kinds: RGB-color domain domain\nsizes"), "RGB-color"),
        (("sizes", "space directions: (1,0,0) (0,1,0)\nsizes"), "3 vectors"),
        (("sizes", "space directions: (1,0,0) (0,a,0) (0,0,1)\nsizes"), "could not convert"),
        (("sizes", "line skip: 2\nsizes"), "line skip"),
    ],
)
def test_nrrd_headers_that_break_the_rules(
    tmp_path: Path, change: tuple[str, str], found: str
) -> None:
    with pytest.raises(ReadError, match=found):
        read_image(nrrd(tmp_path / "a.nrrd", head=NRRD.replace(*change)))


@pytest.mark.parametrize("name", ["gone.raw", "LIST", "a%03d.raw 1 10 1"])
def test_data_files_that_cannot_be_used_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.mhd").write_text(f"{META}ElementDataFile = {name}\n")
    (tmp_path / "a.nhdr").write_text(f"{NRRD}data file: {name}\n")
    for suffix in (".mhd", ".nhdr"):
        with pytest.raises(ReadError, match=name.split(".", maxsplit=1)[0]):
            read_image(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("name", ["LIST", "LIST 2", "slice%03d.raw 1 2 1", "slice%03d.raw"])
def test_voxels_in_several_files_are_told_how_to_join(tmp_path: Path, name: str) -> None:
    for number in (1, 2):
        (tmp_path / f"slice{number:03}.raw").write_bytes(DATA[number - 1].tobytes())
    listed = "slice001.raw\nslice002.raw\n" if name.startswith("LIST") else ""
    (tmp_path / "a.mhd").write_text(f"{META}ElementDataFile = {name}\n{listed}")
    (tmp_path / "a.nhdr").write_text(f"{NRRD}data file: {name}\n{listed}")
    for file in ("a.mhd", "a.nhdr"):
        with pytest.raises(ReadError, match=rf"'{name}', which stands for several .*'{file}'"):
            read_image(tmp_path / file)
    joined = str(tmp_path / "joined.nrrd")
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(tmp_path / "a.mhd")), joined)
    assert np.array_equal(read_image(joined).array, DATA.T)


def test_a_file_that_itk_takes_for_several_is_refused(tmp_path: Path) -> None:
    (tmp_path / "LISTED.raw").write_bytes(DATA.tobytes())
    (tmp_path / "a.mhd").write_text(f"{META}ElementDataFile = LISTED.raw\n")
    with pytest.raises(ReadError, match=r"'LISTED\.raw', which stands for several"):
        read_image(tmp_path / "a.mhd")


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
@pytest.mark.parametrize(
    "name", ["Müller", "日本", "a b", " a", "LIST", "LISTED", "a%03d", "a%s%n"]
)
def test_any_name_of_a_pair_of_files(tmp_path: Path, suffix: str, name: str) -> None:
    path = tmp_path / f"{name}{suffix}"
    for dtype in ("int16", "uint8"):
        write_image(path, image(dtype=dtype))
        assert np.array_equal(read_image(path).array, image(dtype=dtype).array)
        found = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        assert np.array_equal(found.T, image(dtype=dtype).array)
        assert len(list(tmp_path.iterdir())) == 2  # the voxels of the first pair are removed


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_an_empty_header_is_replaced(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    write_image(tmp_path / f"a{suffix}", image())
    assert np.array_equal(read_image(tmp_path / f"a{suffix}").array, image().array)


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd"])
def test_damage_within_compressed_voxels_is_noticed(tmp_path: Path, suffix: str) -> None:
    data = np.random.default_rng(0).integers(0, 900, (9, 9, 9)).astype(np.int16)
    path = tmp_path / f"a{suffix}"
    SimpleITK.WriteImage(itk_image(data), str(path), True)
    victim = path.with_suffix(".zraw") if suffix == ".mhd" else path
    whole = victim.read_bytes()
    for place in (-2, -100, -500):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        victim.write_bytes(damaged)
        with pytest.raises(ReadError) as caught:
            read_image(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("told", ["", "-1", "7"])
def test_a_wrong_length_of_packed_voxels_invents_none(tmp_path: Path, told: str) -> None:
    packed = zlib.compress(DATA.tobytes())
    lines = "CompressedData = True\n" + (f"CompressedDataSize = {told}\n" if told else "")
    with pytest.raises(ReadError, match=rf"'{told}' as CompressedDataSize .*{len(packed)}"):
        read_image(meta(tmp_path / "a.mha", lines, packed))
    right = f"CompressedData = True\nCompressedDataSize = {len(packed)}\n"
    read = read_image(meta(tmp_path / "b.mha", right, packed))
    assert np.array_equal(read.array, DATA.T)


def test_what_pynrrd_cannot_keep_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(DATA.tobytes()[:-1])  # pytest fails for a file left open
    (tmp_path / "a.nhdr").write_text(f"{NRRD}data file: a.raw\n")
    with pytest.raises(ReadError, match="Size of the data"):
        read_image(tmp_path / "a.nhdr")


def test_the_vectors_of_nrrd_stay_as_they_are(tmp_path: Path) -> None:
    # SimpleITK would split these into spacing and direction, which changes their last bits.
    lines = "space: LPS\nspace directions: (0.1,0.2,0.3) (-0.3,0.7,1e-17) (1,0.1,3.3)\n"
    read = read_image(nrrd(tmp_path / "a.nrrd", lines))
    write_image(tmp_path / "b.nrrd", read)
    _, header = nrrd_library.read(str(tmp_path / "b.nrrd"))
    expected = [[0.1, 0.2, 0.3], [-0.3, 0.7, 1e-17], [1, 0.1, 3.3]]
    assert header["space directions"].tolist() == expected
