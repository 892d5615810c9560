"""NRRD: a header and voxels in one file (.nrrd) or two (.nhdr)."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError
from fewslice.volumes.geometry import Float64Array
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.itk import (
    LPS_TO_RAS,
    Grid,
    Header,
    count_of,
    grid_to_write,
    image_from,
    read_lines,
    with_channels,
)
from fewslice.volumes.payload import Payload, blocks, read_voxels

TYPES = {
    "i1": "int8, signed char, int8_t",
    "u1": "uint8, unsigned char, uchar, uint8_t",
    "i2": "int16, short, short int, signed short, signed short int, int16_t",
    "u2": "uint16, unsigned short, ushort, unsigned short int, uint16_t",
    "i4": "int32, int, signed int, int32_t",
    "u4": "uint32, unsigned int, uint, uint32_t",
    "i8": "int64, longlong, long long, long long int, signed long long, int64_t",
    "u8": "uint64, ulonglong, unsigned long long, unsigned long long int, uint64_t",
    "f4": "float",
    "f8": "double",
}
CODES = {name: code for code, names in TYPES.items() for name in names.split(", ")}
NAMES = {code: names.split(", ")[0] for code, names in TYPES.items()}
SPATIAL_KINDS = ("domain", "space", "none", "???")
COLOUR_KINDS = ("rgb-color", "hsv-color", "xyz-color", "rgba-color", "complex")
COMPRESSION = 1


def read(path: Path) -> Image:
    """Read a file with its stored type; an axis outside of space becomes the channels.

    Raises ReadError or GeometryError.
    """
    header = _header(path)
    (dimensions,) = header.whole_numbers("dimension", count=1)
    if not 2 <= dimensions <= 16:
        raise header.wrong("dimension", str(dimensions), "2 to 4 axes")
    sizes = header.whole_numbers("sizes", count=dimensions)
    spatial = _spatial_axes(header, dimensions)
    others = [axis for axis in range(dimensions) if axis not in spatial]
    several = [axis for axis in others if sizes[axis] > 1]
    if len(spatial) not in (2, 3) or len(several) > 1:
        raise header.wrong(
            "sizes", header.text("sizes"), "one volume with at most one channel axis"
        )
    count = count_of(path, sizes)
    dtype = _dtype(header)
    values = read_voxels(_payload(header, count * dtype.itemsize), count, dtype)
    array = values.reshape(sizes, order="F").transpose([*others, *spatial])
    shape = [*(sizes[axis] for axis in spatial), 1][:3]
    return image_from(path, array.reshape((-1, *shape)), _grid(header, spatial, dimensions))


def header_text(volume: Image | LabelMap, data_file: str) -> str:
    """Return the header up to the empty line; data_file: "" if the voxels follow, compressed."""
    grid, array = grid_to_write(volume), volume.array
    vector = array.ndim == 4
    sizes = [*array.shape[:-3], *volume.geometry.shape]
    steps = " ".join(_vector(step) for step in grid.steps.T)
    lines = [
        "NRRD0004",
        f"type: {NAMES[array.dtype.str[1:]]}",
        f"dimension: {array.ndim}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in sizes)}",
        f"space directions: {'none ' if vector else ''}{steps}",
        f"kinds: {'vector ' if vector else ''}domain domain domain",
        "endian: little",
        f"encoding: {'raw' if data_file else 'gzip'}",
        f"space origin: {_vector(grid.origin)}",
        *([f"data file: {data_file}"] if data_file else []),
    ]
    return "\n".join(lines) + "\n\n"


def write(path: Path, volume: Image | LabelMap) -> None:
    """Write a .nrrd file, compressed."""
    with path.open("wb") as file:
        file.write(header_text(volume, "").encode())
        with gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as stream:
            for block in blocks(with_channels(volume)):
                stream.write(block)


def data_file_named(path: Path) -> str:
    """Return the name of the data file in a header, "" if it has none."""
    return _header(path).text("data file", "datafile")


def _header(path: Path) -> Header:
    lines, end = read_lines(path, "")
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        if colon and not name.startswith("#") and ":=" not in name:
            fields[name.strip().lower()] = value.strip()
    if not lines[0].startswith("NRRD") or not {"dimension", "sizes", "type"} <= fields.keys():
        raise ReadError(
            f"{path} is not a NRRD file or is cut off within its header; expected NRRD and fields "
            "dimension, sizes and type: convert or copy the file again."
        )
    return Header(path, fields, end)


def _directions(header: Header, dimensions: int) -> list[list[float]] | None:
    """Return the space direction of each axis, [] for "none"; None if the file gives none."""
    text = header.text("space directions")
    if not text:
        return None
    found = re.findall(r"none|\([^()]*\)", text)
    if len(found) != dimensions:
        raise header.wrong("space directions", text, f"{dimensions} vectors")
    return [[] if word == "none" else _parsed(header, word) for word in found]


def _parsed(header: Header, word: str) -> list[float]:
    """Return the numbers of a vector such as (1,0,0.5)."""
    try:
        return [float(number) for number in word.strip("() ").split(",")]
    except ValueError as error:
        raise header.wrong("vector", word, "numbers between parentheses") from error


def _spatial_axes(header: Header, dimensions: int) -> list[int]:
    """Return the axes that lie in space; of four, the last one is taken for time."""
    kinds = header.text("kinds").lower().split()
    colour = next((kind for kind in kinds if kind in COLOUR_KINDS), "")
    if colour:
        raise header.wrong("kinds", colour, "one real number per voxel")
    directions = _directions(header, dimensions)
    axes = list(range(dimensions))
    if directions is not None:
        axes = [axis for axis in axes if directions[axis]]
    elif len(kinds) == dimensions:
        axes = [axis for axis in axes if kinds[axis] in SPATIAL_KINDS]
    return axes[:3] if len(axes) == 4 else axes


def _grid(header: Header, spatial: list[int], dimensions: int) -> Grid:
    """Return the grid in LPS+; a 2-D image gets a normal of one mm."""
    origin, steps = np.zeros(3), np.eye(3)
    directions = _directions(header, dimensions)
    for column, axis in enumerate(spatial):
        if directions is not None:
            steps[:, column] = _in_space(directions[axis])
        elif "spacings" in header.fields:
            size = header.numbers("spacings", count=dimensions)[axis]
            steps[column, column] = size
    if "space origin" in header.fields:
        origin = _in_space(_parsed(header, header.text("space origin")))
    if len(spatial) == 2:
        with np.errstate(all="ignore"):
            normal = np.cross(steps[:, 0], steps[:, 1])
            steps[:, 2] = normal / np.linalg.norm(normal)
    signs = _signs(header.text("space").lower())
    if directions is None and (np.diag(steps) <= 0).any():
        return Grid(origin, np.diag(steps), np.eye(3), steps)  # refused by name later
    return Grid.from_steps(signs * origin + 0.0, signs[:, np.newaxis] * steps + 0.0)


def _in_space(vector: list[float]) -> Float64Array:
    """Return a vector of two to four numbers (x, y, z, time) as three."""
    return np.array([*vector, 0.0, 0.0, 0.0][:3])


def _signs(space: str) -> Float64Array:
    """Return what turns the file's space into LPS+; spaces without anatomy count as LPS+."""
    if space.startswith(("right-anterior-superior", "ras")):
        return LPS_TO_RAS
    if space.startswith(("left-anterior-superior", "las")):
        return np.array([1.0, -1.0, 1.0])
    return np.ones(3)


def _dtype(header: Header) -> np.dtype[np.generic]:
    name = header.text("type").lower()
    if name not in CODES:
        raise header.wrong("type", name, "a type of real numbers such as short")
    order = ">" if header.text("endian").lower() == "big" else "<"
    return np.dtype(order + CODES[name])


def _payload(header: Header, size: int) -> Payload:
    """Tell where the voxels are. size: how many bytes they take."""
    encoding = header.text("encoding").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise header.wrong("encoding", encoding, "raw or gzip")
    name = header.text("data file", "datafile")
    if name.split()[:1] == ["LIST"] or "%" in name:
        raise header.wrong("data file", name, "one file for all slices")
    path = header.data_file(name) if name else header.path
    start = 0 if name else header.end
    if header.text("line skip", "lineskip", default="0") != "0":
        raise header.wrong("line skip", header.text("line skip", "lineskip"), "0")
    (skip,) = header.whole_numbers("byte skip", "byteskip", count=1, default="0")
    packed = encoding != "raw"
    if skip == -1 and not packed:  # the voxels are the last bytes of the file
        skip = max(path.stat().st_size - size - start, 0)
    if skip < 0:
        raise header.wrong("byte skip", str(skip), "a number of bytes")
    return Payload(path, start, packed=packed, skip=skip)


def _vector(values: Float64Array) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
