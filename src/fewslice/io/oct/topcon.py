"""Topcon .fda and .fds: chunks with a name each, as uocte and OCT-Converter describe them.

OCT-Converter reads them too, but brings a GPL build of ffmpeg and OpenCV along (270 MB).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.library_errors import damage_named
from fewslice.io.oct.info import COMPUTED, NOMINAL, STORED, OctInfo, OctVolume
from fewslice.io.oct.raster import image_of
from fewslice.volumes.image import Array, Image

_HEADER = 15  # bytes: FOCT, the kind of file, two numbers of the version
_PACKED = "@IMG_JPEG"  # B-scans as JPEG 2000
_RAW = ("@IMG_MOT_COMP_03", "@IMG_SCAN_03")  # as numbers of 16 bits
_RASTER = 2  # the mode of a 3-D scan
_EYES = {0: "R", 1: "L"}
_USUAL = (6.0, 6.0, 2.3)  # mm that A-scans, B-scans and depth span, where no chunk says so


@dataclass(frozen=True)
class _Chunk:
    name: str
    start: int
    size: int


def find(path: Path) -> tuple[OctVolume, ...]:
    """Return the volumes of a file. Raises ReadError."""
    with damage_named(path):
        chunks = _chunks(path)
        packed = [each for each in chunks if each.name == _PACKED]
        raw = [each for each in chunks if each.name in _RAW]
    found = packed or raw  # motion-corrected numbers repeat the pictures
    return tuple(
        OctVolume(f"{each.name[1:]} {number}", partial(_read, path, each, chunks))
        for number, each in enumerate(found, 1)
    )


def _chunks(path: Path) -> list[_Chunk]:
    """Return the chunks of a file in order. Raises ReadError where they run out of the file."""
    size, found = path.stat().st_size, []
    with path.open("rb") as stream:
        if stream.read(_HEADER)[:4] != b"FOCT":
            raise ReadError(
                f"{path} does not begin as Topcon's files do (FOCT); expected an .fda or .fds "
                "file: export it again."
            )
        while length := stream.read(1):
            if length[0] == 0:
                break
            name = stream.read(length[0]).decode("ascii", "replace")
            (count,) = struct.unpack("<I", stream.read(4))
            start = stream.tell()
            if start + count > size:
                raise ReadError(
                    f"{path} is truncated within its part {name[:30]!a}; copy it again."
                )
            found.append(_Chunk(name, start, count))
            stream.seek(count, 1)
    return found


def _read(path: Path, chunk: _Chunk, chunks: list[_Chunk]) -> Image:
    from PIL.Image import DecompressionBombError

    with damage_named(path, DecompressionBombError):
        data = _bytes(path, chunk)
        array = _pictures(path, data) if chunk.name == _PACKED else _numbers(path, data)
        spacing, origins = _spacing(path, chunks, array.shape)
        laterality = _laterality(path, chunks)
        fundus = _fundus(path, chunks)
    remarks = [
        Remark(
            "oct-directions-assumed",
            "The file does not say in which direction B-scans follow each other; they are taken "
            "to run from top to bottom.",
        )
    ]
    if NOMINAL in origins:
        remarks.append(
            Remark(
                "oct-spacing-nominal",
                "The file stores no spacing; 6 x 6 mm and 2.3 mm of depth are assumed: give the "
                "right one with --spacing.",
            )
        )
    info = OctInfo(
        device=f"Topcon {path.suffix.lower()}",
        laterality=laterality,
        spacing_from=origins,
        fundus=fundus,
        remarks=tuple(remarks),
    )
    return image_of(path, array, spacing, info)


def _pictures(path: Path, data: bytes) -> Array:
    """Return B-scans that are packed one by one, as (A-scan, depth, B-scan)."""
    from PIL import Image as Picture

    mode, _, _, width, height, count, _ = struct.unpack_from("<BIIIIII", data)
    _require_raster(path, mode)
    at, slices = 25, []
    for _number in range(count):
        (size,) = struct.unpack_from("<i", data, at)
        with Picture.open(io.BytesIO(data[at + 4 : at + 4 + size])) as picture:
            slices.append(np.asarray(picture).T)
        at += 4 + size
    array = np.stack(slices, axis=2)
    if array.shape != (width, height, count):
        raise _wrong_size(path, array.shape, (width, height, count))
    return array


def _numbers(path: Path, data: bytes) -> Array:
    """Return B-scans that are stored as they are, as (A-scan, depth, B-scan)."""
    mode, width, height, bits, count, _, _ = struct.unpack_from("<BIIIIBI", data)
    _require_raster(path, mode)
    if bits != 16:
        raise ReadError(f"{path} has voxels of {bits} bits; expected 16: export it again.")
    if len(data) < 22 + 2 * width * height * count:
        raise _wrong_size(path, ((len(data) - 22) // 2,), (width, height, count))
    array = np.frombuffer(data, "<u2", width * height * count, 22)
    return array.reshape(width, height, count, order="F").astype(np.uint16)


def _spacing(
    path: Path, chunks: list[_Chunk], shape: tuple[int, ...]
) -> tuple[tuple[float, float, float], tuple[str, str, str]]:
    """Return mm per axis and where they come from: the lengths of the field, and the depth's."""
    a_scans, depth, b_scans = shape
    for name, start in (("@PARAM_SCAN_04", 12), ("@PARAM_SCAN_02", 21)):
        chunk = next((each for each in chunks if each.name == name), None)
        if chunk is not None:
            wide, high, micrometres = struct.unpack_from("<ddd", _bytes(path, chunk), start)
            steps = wide / a_scans, micrometres / 1000, high / b_scans
            return steps, (COMPUTED, STORED, COMPUTED)
    wide, high, deep = _USUAL
    return (wide / a_scans, deep / depth, high / b_scans), (NOMINAL, NOMINAL, NOMINAL)


def _laterality(path: Path, chunks: list[_Chunk]) -> str:
    for chunk in chunks:
        if chunk.name in ("@CAPTURE_INFO_02", "@CAPTURE_INFO"):
            return _EYES.get(_bytes(path, chunk)[0], "")
    return ""


def _fundus(path: Path, chunks: list[_Chunk]) -> Array | None:
    """Return the photograph of the fundus in RGB, None if there is none."""
    for chunk in chunks:
        if chunk.name == "@IMG_FUNDUS":
            from PIL import Image as Picture

            data = _bytes(path, chunk)
            with Picture.open(io.BytesIO(data[24:])) as picture:
                return np.asarray(picture)[..., ::-1].astype(np.uint8)  # stored as BGR
        if chunk.name == "@IMG_OBS":
            data = _bytes(path, chunk)
            width, height, bits, _, _, size = struct.unpack_from("<IIIIBI", data)
            if bits == 24 and size >= 3 * width * height:
                pixels = np.frombuffer(data, np.uint8, 3 * width * height, 21)
                return pixels.reshape(height, width, 3)[..., ::-1].copy()
    return None


def _bytes(path: Path, chunk: _Chunk) -> bytes:
    with path.open("rb") as stream:
        stream.seek(chunk.start)
        return stream.read(chunk.size)


def _require_raster(path: Path, mode: int) -> None:
    if mode != _RASTER:
        raise ReadError(
            f"{path} is a radial, cross or line scan (mode {mode}); expected a raster of parallel "
            "B-scans (mode 2): export a 3-D scan."
        )


def _wrong_size(path: Path, found: tuple[int, ...], expected: tuple[int, ...]) -> ReadError:
    return ReadError(
        f"{path} holds {'x'.join(map(str, found))} voxels; expected {'x'.join(map(str, expected))} "
        "from its header: copy it again."
    )
