"""Files of OCT devices, made as the sources of their readers define them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLES = Path(__file__).parents[1] / "io" / "oct" / "samples"

Array = npt.NDArray[np.generic]


def numbered(shape: tuple[int, int, int], dtype: str = "uint16") -> Array:
    """Return voxels (A-scan, depth, B-scan) that all differ, as far as the type allows."""
    count = int(np.prod(shape))
    return (np.arange(count) * 7 % np.iinfo(dtype).max).astype(dtype).reshape(shape)


def save_topcon(path: Path, chunks: Sequence[tuple[str, bytes]]) -> Path:
    """Write an .fda or .fds file: a header and chunks, each with its name and length."""
    data = b"FOCT" + b"FDA" + struct.pack("<II", 2, 1)
    for name, content in chunks:
        data += bytes([len(name)]) + name.encode() + struct.pack("<I", len(content)) + content
    path.write_bytes(data + b"\0")
    return path


def raw_scan(array: Array, mode: int = 2) -> bytes:
    """Return the content of @IMG_SCAN_03 and @IMG_MOT_COMP_03."""
    width, height, count = array.shape
    head = struct.pack("<BIIIIBI", mode, width, height, 16, count, 0, array.nbytes)
    return head + array.astype("<u2").tobytes(order="F")


def packed_scan(array: Array) -> bytes:
    """Return the content of @IMG_JPEG: each B-scan as lossless JPEG 2000."""
    from PIL import Image

    width, height, count = array.shape
    data = struct.pack("<BIIIIII", 2, 0, 0, width, height, count, 0)
    for number in range(count):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(array[:, :, number].T)).save(stream, "JPEG2000")
        data += struct.pack("<i", len(stream.getvalue())) + stream.getvalue()
    return data


def scan_lengths(wide: float, high: float, micrometres: float) -> bytes:
    """Return the content of @PARAM_SCAN_04."""
    return struct.pack("<IIIdddddBB", 0, 0, 0, wide, high, micrometres, 0, 0, 0, 0)


def capture(eye: int) -> bytes:
    """Return the content of @CAPTURE_INFO_02. eye: 0 right, 1 left."""
    return struct.pack("<BBI100s6H", eye, 2, 0, b"", 2020, 1, 2, 3, 4, 5)


def observed(picture: npt.NDArray[np.uint8]) -> bytes:
    """Return the content of @IMG_OBS, a picture (row, column, RGB) that is stored as BGR."""
    height, width = picture.shape[:2]
    return (
        struct.pack("<IIIIBI", width, height, 24, 1, 0, picture.size) + picture[..., ::-1].tobytes()
    )


def save_zeiss(path: Path, array: Array) -> Path:
    """Write a cube (A-scan, 1024, B-scan): B-scans upside down and from right to left."""
    array.transpose(2, 1, 0)[:, ::-1, ::-1].tofile(path)
    return path


E2E_STEP = 0.5  # degrees from B-scan to B-scan


def save_e2e(path: Path, series: Sequence[Array], fundus: npt.NDArray[np.uint8]) -> Path:
    """Write an .e2e file of a right eye.

    series: (A-scan, depth, B-scan) of powers of two up to 1, one array a series. B-scans are 5
    degrees wide and go up by half a degree; voxels are .004 mm deep.
    """
    folders = []
    for number, array in enumerate(series):
        folders.append((number, -1, 0, 11, struct.pack("<14sB12x", b"", ord("R"))))
        folders.append((number, -1, 0, 1073741824, _e2e_picture(33620481, fundus.T, np.uint8)))
        for index in range(array.shape[2]):
            slices = array[:, :, index]
            meta = _e2e_meta(slices.shape, index, array.shape[2])
            codes = (np.rint(np.log2(slices)).astype(int) + 63) << 10
            folders.append((number, 2 * index, 1, 10004, meta))
            picture = _e2e_picture(35652097, codes, np.uint16)
            folders.append((number, 2 * index, 1, 1073741824, picture))
    header = struct.pack("<12sI20s", b"MDbDir", 100, b"")
    data = struct.pack("<12sI20s", b"CMDb", 100, b"") + header + struct.pack("<IIII", 0, 0, 36, 0)
    start = len(data) + 52 + 44 * len(folders)
    data += header + struct.pack("<IIII", len(folders), len(data), 0, 0)
    contents = b""
    for number, index, kind, typ, content in folders:
        ids = (1, 2, number, index)
        at = start + len(contents)
        data += struct.pack("<IIII4iHHII", 0, at, len(content), 0, *ids, kind, 0, typ, 0)
        head = struct.pack("<12sIIIII", b"MDbData", 0, 0, at, len(content), 0)
        contents += head + struct.pack("<4iHHII", *ids, kind, 0, typ, 0) + content
    path.write_bytes(data + contents)
    return path


def _e2e_picture(kind: int, array: Array, dtype: type[np.generic]) -> bytes:
    width, height = array.shape
    voxels = array.T.astype(dtype).tobytes()
    return struct.pack("<IIIII", len(voxels), kind, array.size, height, width) + voxels


def _e2e_meta(shape: tuple[int, ...], index: int, count: int) -> bytes:
    width, height = shape
    y = 3.0 - E2E_STEP * index  # y runs down
    place = (-2.5, y, 2.5, y)
    told = struct.pack(
        "<III4fIfffI2fI", 1, height, width, *place, 0, 0.0, 0.004, 0.0, 0, 0.0, 0.0, 0
    )
    told += struct.pack("<IIII", width, count, index, 3) + struct.pack("<ffIQ", 0.0, y, 0, 0)
    told += struct.pack("<Iff12sI16sf12sf", 1, 0.8, 0.0, b"", 1, b"", 0.0, b"", 30.0)
    return told.ljust(428, b"\0")
