"""NRRD, a header and voxels in one file (.nrrd) or two (.nhdr), read by pynrrd.

pynrrd keeps the vectors of the header as they are, where SimpleITK changes their last bits. It
knows ASCII alone, where 3D Slicer and ITK write names as UTF-8: so it is handed text to read, and
headers are written here, with its numbers.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fewslice.errors import ReadError
from fewslice.io.formats import suffix_of
from fewslice.io.itk import (
    LPS_TO_RAS,
    Grid,
    data_file,
    decoded,
    geometry_of,
    grid_to_write,
    image_of,
)
from fewslice.io.library_errors import damage_named, require_whole
from fewslice.typing import Float64Array
from fewslice.volumes.image import Array, Image, LabelMap

Header = dict[str, Any]

SPATIAL_KINDS = ("domain", "space", "none", "???")
COLOUR_KINDS = ("rgb-color", "hsv-color", "xyz-color", "rgba-color", "complex")
COMPRESSION = 1
_FIRST_LINES = ("NRRD0005", "# described at http://teem.sourceforge.net/nrrd/format.html")
_PART = 1 << 20  # bytes that are written at once
_TYPES = {"float32": "float", "float64": "double"}  # others are called as numpy calls them
_ORDERS = {"<": "little", ">": "big"}

# In this order: a "long long int" is long first, a "short int" short.
_WIDTHS = {"char": 1, "short": 2, "long": 8, "float": 4, "double": 8, "int": 4}


def read(path: Path) -> Image:
    """Read a file with its stored type; an axis outside of space becomes the channels.

    Raises ReadError or GeometryError.
    """
    import nrrd

    with damage_named(path, nrrd.NRRDError):
        with path.open("rb") as stream:
            header = nrrd.read_header(_lines(stream))
            end = stream.tell()
        sizes = [int(n) for n in header["sizes"]]
        if len(sizes) != header["dimension"] or not 2 <= len(sizes) <= 16:
            raise _wrong(path, header, "dimension", "as many axes as sizes, 2 to 4")
        if min(sizes) < 1:
            raise _wrong(path, header, "sizes", "at least one voxel along each axis")
        spatial = _spatial_axes(path, header)
        others = [axis for axis in range(len(sizes)) if axis not in spatial]
        if len(spatial) not in (2, 3) or sum(sizes[axis] > 1 for axis in others) > 1:
            raise _wrong(path, header, "sizes", "one volume with at most one channel axis")
        grid = _grid(header, spatial)
        geometry = geometry_of(path, (*(sizes[axis] for axis in spatial), 1)[:3], grid)
        data, start = _voxels(path, header, end)
        with data.open("rb") as stream:
            stream.seek(start)
            array = nrrd.read_data(header, stream).transpose([*others, *spatial])
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    known = not header.keys().isdisjoint(("space directions", "spacings"))
    return image_of(array, geometry, grid, known)


def read_header(path: Path) -> Header:
    """Return the fields of a header. Raises ReadError."""
    import nrrd

    with damage_named(path, nrrd.NRRDError), path.open("rb") as stream:
        return dict(nrrd.read_header(_lines(stream)))


def write(
    path: Path,
    volume: Image | LabelMap,
    keys: Mapping[str, str] | None = None,
    packed: bool = True,
) -> None:
    """Write a .nrrd file, or a .nhdr file with its .raw file next to it.

    keys: what else to write in the header. packed: whether to compress the voxels of a .nrrd file.
    """
    detached = suffix_of(path) == ".nhdr"
    packed = packed and not detached
    fields = _fields(volume) | {"encoding": "gzip" if packed else "raw"}
    if detached:
        fields["data file"] = path.with_suffix(".raw").name
    lines = [f"{name}: {text}" for name, text in fields.items()]
    lines += [f"{key}:={_escaped(text)}" for key, text in (keys or {}).items()]
    with path.open("wb") as stream:
        stream.write("\n".join([*_FIRST_LINES, *lines, "", ""]).encode(errors="replace"))
        if not detached:
            _write_voxels(stream, volume.array, packed)
    if detached:
        with path.with_suffix(".raw").open("wb") as stream:
            _write_voxels(stream, volume.array, packed)


def unescaped(text: str) -> str:
    """Return the text of a key as it was meant: there a line ends with ``\\n``."""
    return re.sub(r"\\([n\\])", lambda found: "\n" if found[1] == "n" else "\\", text)


def data_file_named(path: Path) -> str:
    """Return the name of the data file in a header, "" if it has none."""
    header = read_header(path)
    return str(header.get("data file", header.get("datafile", "")))


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines of a header as text: of bytes pynrrd drops all that are not ASCII."""
    for line in map(decoded, stream):
        yield line
        if re.match(r"data ?file: *LIST\b", line):
            break  # names of files follow, which are no fields
    yield ""  # pynrrd fails without a first line


def _fields(volume: Image | LabelMap) -> dict[str, str]:
    """Return the fields of a header but for how and where its voxels are written."""
    import nrrd

    grid, array, channels = grid_to_write(volume), volume.array, volume.array.ndim - 3
    # a row of NaN stands for an axis outside of space
    steps = np.vstack([np.full((channels, 3), np.nan), grid.steps.T])
    fields = {
        "type": _TYPES.get(array.dtype.name, array.dtype.name),
        "dimension": str(array.ndim),
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, array.shape)),
        "space directions": nrrd.format_optional_matrix(steps),
        "kinds": " ".join(["vector"] * channels + ["domain"] * 3),
        "space origin": nrrd.format_vector(grid.origin),
    }
    order = _ORDERS.get(array.dtype.str[0])
    return fields | ({"endian": order} if order else {})


def _escaped(text: str) -> str:
    """Return text as a key of a header holds it, in one line, which ITK and Slicer understand."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", " ")


def _write_voxels(stream: BinaryIO, array: Array, packed: bool) -> None:
    """Write voxels, of which those along the first axis follow each other."""
    voxels = np.ascontiguousarray(array.T).data.cast("B")
    packing = zlib.compressobj(COMPRESSION, wbits=31) if packed else None  # 31 - 16: gzip
    for start in range(0, len(voxels), _PART):
        part = voxels[start : start + _PART]
        stream.write(packing.compress(part) if packing else part)
    if packing:
        stream.write(packing.flush())


def _voxels(path: Path, header: Header, end: int) -> tuple[Path, int]:
    """Return where the voxels are, after the checks that pynrrd does not make.

    end: where the header ends. The name of a data file is taken out of the header, because pynrrd
    leaves such a file open when it fails.
    """
    name = header.pop("data file", header.pop("datafile", ""))
    data, start = (data_file(path, name), 0) if name else (path, end)
    if header.get("line skip", header.get("lineskip", 0)) != 0:
        raise _wrong(path, header, "line skip", "0")
    if header["type"] == "block":
        raise _wrong(path, header, "type", "a type of real numbers such as short")
    if header["encoding"] in ("gzip", "gz"):
        voxels = math.prod(int(n) for n in header["sizes"])
        require_whole(path, data, voxels * _bytes_of(header["type"]), start)
    elif header["encoding"] != "raw":
        raise _wrong(path, header, "encoding", "raw or gzip")
    return data, start


def _bytes_of(kind: str) -> int:
    """Return how many bytes a voxel of a type of NRRD has."""
    named = re.search("int(8|16|32|64)", kind)
    if named:
        return int(named[1]) // 8
    return next((count for word, count in _WIDTHS.items() if word in kind), 1)


def _spatial_axes(path: Path, header: Header) -> list[int]:
    """Return the axes that lie in space; of four, the last one is taken for time."""
    count = header["dimension"]
    kinds = [kind.lower() for kind in header.get("kinds", [])]
    if any(kind in COLOUR_KINDS for kind in kinds):
        raise _wrong(path, header, "kinds", "one real number per voxel")
    axes = list(range(count))
    if "space directions" in header:
        directions = header["space directions"]
        if len(directions) != count:
            raise _wrong(path, header, "space directions", f"{count} vectors")
        axes = [axis for axis in axes if not np.isnan(directions[axis]).all()]
    elif len(kinds) == count:
        axes = [axis for axis in axes if kinds[axis] in SPATIAL_KINDS]
    return axes[:3] if len(axes) == 4 else axes


def _grid(header: Header, spatial: list[int]) -> Grid:
    """Return the grid in LPS+; a 2-D image gets a normal of one mm."""
    directions, spacings = header.get("space directions"), header.get("spacings")
    steps = np.eye(3)
    for column, axis in enumerate(spatial):
        if directions is not None:
            steps[:, column] = _in_space(directions[axis])
        elif spacings is not None:
            steps[column, column] = spacings[axis]
    origin = _in_space(header.get("space origin", np.zeros(3)))
    if len(spatial) == 2:
        with np.errstate(all="ignore"):
            normal = np.cross(steps[:, 0], steps[:, 1])
            steps[:, 2] = normal / np.linalg.norm(normal)
    if directions is None and (np.diag(steps) <= 0).any():
        return Grid(origin, np.diag(steps), np.eye(3), steps)  # refused by name later
    signs = _signs(header.get("space", "").lower())
    return Grid.from_steps(signs * origin + 0.0, signs[:, np.newaxis] * steps + 0.0)


def _in_space(vector: Float64Array) -> Float64Array:
    """Return a vector of two to four numbers (x, y, z, time) as three."""
    return np.array([*vector, 0.0, 0.0, 0.0][:3])


def _signs(space: str) -> Float64Array:
    """Return what turns the file's space into LPS+; spaces without anatomy count as LPS+."""
    if space.startswith(("right-anterior-superior", "ras")):
        return LPS_TO_RAS
    if space.startswith(("left-anterior-superior", "las")):
        return np.array([1.0, -1.0, 1.0])
    return np.ones(3)


def _wrong(path: Path, header: Header, name: str, expected: str) -> ReadError:
    found: Any = header.get(name)
    text = " ".join(map(str, found)) if np.ndim(found) == 1 else " ".join(str(found).split())
    return ReadError(
        f"{path} has '{text[:60]}' as {name} in its header; expected {expected}: "
        "convert the file (for example with 3D Slicer) or copy it again."
    )
