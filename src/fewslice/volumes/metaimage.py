"""MetaImage: a header and voxels in one file (.mha) or two (.mhd)."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.itk import (
    Grid,
    Header,
    as_text,
    count_of,
    grid_to_write,
    image_from,
    read_lines,
    with_channels,
)
from fewslice.volumes.payload import Payload, blocks, read_voxels

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
NAMES = {code: name for name, code in TYPES.items() if name not in ("MET_LONG", "MET_ULONG")}
COMPRESSION = 1


def read(path: Path) -> Image:
    """Read a file with its stored type; vector voxels or a fourth axis become channels.

    Raises ReadError or GeometryError.
    """
    header = _header(path)
    (dimensions,) = header.whole_numbers("NDims", count=1)
    if dimensions not in (2, 3, 4):
        raise header.wrong("NDims", str(dimensions), "2, 3 or 4")
    sizes = header.whole_numbers("DimSize", count=dimensions)
    (channels,) = header.whole_numbers("ElementNumberOfChannels", count=1, default="1")
    i, j, k, times = [*sizes, 1, 1][:4]
    if channels > 1 and times > 1:
        raise header.wrong("DimSize", header.text("DimSize"), "one axis of channels or time points")
    count = count_of(path, [channels, *sizes])
    dtype = _dtype(header)
    values = read_voxels(_payload(header, count * dtype.itemsize), count, dtype)
    array = values.reshape((channels, i, j, k, times), order="F")
    array = array[..., 0] if times == 1 else np.moveaxis(array[0], -1, 0)
    return image_from(path, array, _grid(header, dimensions))


def header_text(volume: Image | LabelMap, data_file: str, compressed: bool = False) -> str:
    """Return the header; the size of compressed data, still unknown, is left as blanks."""
    grid, array = grid_to_write(volume), with_channels(volume)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        f"CompressedData = {compressed}",
        *([f"CompressedDataSize = {' ' * 20}"] if compressed else []),
        f"TransformMatrix = {as_text(grid.direction.T.ravel())}",  # one axis after the other
        f"Offset = {as_text(grid.origin)}",
        "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {as_text(grid.spacing)}",
        f"DimSize = {' '.join(str(n) for n in volume.geometry.shape)}",
        f"ElementNumberOfChannels = {array.shape[0]}",
        f"ElementType = {NAMES[array.dtype.str[1:]]}",
        f"ElementDataFile = {data_file}",
    ]
    return "\n".join(lines) + "\n"


def write(path: Path, volume: Image | LabelMap) -> None:
    """Write a .mha file, compressed."""
    head = header_text(volume, "LOCAL", compressed=True).encode()
    packer = zlib.compressobj(COMPRESSION)
    with path.open("wb") as stream:
        stream.write(head)
        for block in blocks(with_channels(volume)):
            stream.write(packer.compress(block))
        stream.write(packer.flush())
        size = stream.tell() - len(head)
        stream.seek(head.index(b"CompressedDataSize = ") + len(b"CompressedDataSize = "))
        stream.write(str(size).encode())


def data_file_named(path: Path) -> str:
    """Return the name of the data file in a header."""
    return _header(path).text("ElementDataFile")


def _header(path: Path) -> Header:
    lines, end = read_lines(path, "ElementDataFile")
    pairs = [line.partition("=") for line in lines if "=" in line]
    header = Header(path, {name.strip(): value.strip() for name, _, value in pairs}, end)
    if not {"NDims", "DimSize", "ElementType", "ElementDataFile"} <= header.fields.keys():
        raise ReadError(
            f"{path} is not a MetaImage or is cut off within its header; expected lines with "
            "NDims, DimSize, ElementType and ElementDataFile: convert or copy the file again."
        )
    return header


def _dtype(header: Header) -> np.dtype[np.generic]:
    name = header.text("ElementType")
    if name not in TYPES:
        raise header.wrong("ElementType", name, "a type of real numbers such as MET_SHORT")
    big = _is_true(header, "BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    return np.dtype((">" if big else "<") + TYPES[name])


def _payload(header: Header, size: int) -> Payload:
    """Tell where the voxels are. size: how many bytes they take."""
    if not _is_true(header, "BinaryData", default="True"):
        raise header.wrong("BinaryData", header.text("BinaryData"), "True")
    name = header.text("ElementDataFile")
    if name.split()[:1] == ["LIST"] or "%" in name:
        raise header.wrong("ElementDataFile", name, "LOCAL or one file for all slices")
    local = name.upper() == "LOCAL"
    path = header.path if local else header.data_file(name)
    start = header.end if local else 0
    (skip,) = header.whole_numbers("HeaderSize", count=1, default="0")
    if skip == -1:  # the voxels are the last bytes of the file
        skip = max(path.stat().st_size - size - start, 0)
    if skip < 0:
        raise header.wrong("HeaderSize", str(skip), "a number of bytes or -1")
    packed = _is_true(header, "CompressedData")
    return Payload(path, start + skip, packed=packed)


def _grid(header: Header, dimensions: int) -> Grid:
    """Return the grid; axes that a 2-D image lacks are one mm long and at right angles."""
    n = dimensions
    zeros, ones = " ".join("0" * n), " ".join("1" * n)
    identity = as_text(np.eye(n).ravel())
    origin, spacing, direction = np.zeros(3), np.ones(3), np.eye(3)
    used = min(n, 3)
    origin[:used] = header.numbers("Offset", "Position", "Origin", count=n, default=zeros)[:used]
    spacing[:used] = header.numbers("ElementSpacing", "ElementSize", count=n, default=ones)[:used]
    axes = header.numbers(
        "TransformMatrix", "Rotation", "Orientation", count=n * n, default=identity
    )
    direction[:used, :used] = np.reshape(axes, (n, n)).T[:used, :used]
    with np.errstate(all="ignore"):  # what is not finite is reported with the file's name
        return Grid(origin, spacing, direction, direction * spacing)


def _is_true(header: Header, *names: str, default: str = "False") -> bool:
    return header.text(*names, default=default).lower() in ("true", "1", "t")
