"""MetaImage, a header and voxels in one file (.mha) or two (.mhd), read and written by SimpleITK.

SimpleITK takes a number that it cannot understand for 0 and asks for whatever memory a header
names, so the header is looked at here before the voxels are read.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError, ReadError
from fewslice.io.formats import suffix_of
from fewslice.io.itk import (
    Grid,
    data_file,
    decoded,
    geometry_of,
    grid_to_write,
    image_of,
    negative_spacing,
    quiet,
    several_files,
)
from fewslice.io.library_errors import damage_named, require_size, require_whole
from fewslice.volumes.image import Image, LabelMap

COMPRESSION = 1
_SIZES = "whole numbers, at least one voxel along each axis"
MOST_AXES = 10  # as many as MetaImage knows
LONGEST_LINE = 1 << 16  # bytes
ORIGIN, SPACING = ("Offset", "Position", "Origin"), ("ElementSpacing", "ElementSize")
GEOMETRY_FIELDS = (*ORIGIN, *SPACING, "TransformMatrix", "Rotation", "Orientation")


def read(path: Path) -> Image:
    """Read a file with its stored type; vector voxels or a fourth axis become channels.

    Raises ReadError or GeometryError.
    """
    import SimpleITK

    with quiet(SimpleITK), damage_named(path):
        _require_header(path)
        reader = SimpleITK.ImageFileReader()
        reader.SetImageIO("MetaImageIO")
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        sizes, channels = reader.GetSize(), reader.GetNumberOfComponents()
        if len(sizes) not in (2, 3, 4) or (len(sizes) == 4 and min(channels, sizes[3]) > 1):
            raise _wrong(path, "DimSize", str(sizes), "2 to 4 axes, with one axis of channels")
        pixel = SimpleITK.Image([1] * len(sizes), reader.GetPixelID(), channels)
        size = math.prod(sizes) * channels * pixel.GetSizeOfPixelComponent()
        _require_voxels(path, sizes, size)
        grid = _grid(reader)
        geometry = geometry_of(path, (*sizes, 1)[:3], grid)
        array = SimpleITK.GetArrayFromImage(reader.Execute()).T
    array = np.moveaxis(array, -1, 0) if len(sizes) == 4 else array
    known = not _fields(path)[0].keys().isdisjoint(SPACING)
    remarks = negative_spacing(path, reader.GetSpacing())
    return replace(image_of(array, geometry, grid, known), remarks=remarks)


def write(path: Path, volume: Image | LabelMap) -> None:
    """Write a .mha file, compressed, or a .mhd file with its .raw file next to it."""
    import SimpleITK

    grid, array = grid_to_write(volume), volume.array
    image = SimpleITK.GetImageFromArray(array.T, isVector=array.ndim == 4)
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    packed = suffix_of(path) == ".mha"
    try:
        SimpleITK.WriteImage(image, str(path), packed, COMPRESSION, imageIO="MetaImageIO")
    except RuntimeError as error:
        raise OSError(str(error).strip().rpartition("Reason: ")[2]) from error


def data_file_named(path: Path) -> str:
    """Return the name of the data file in a header."""
    return _fields(path)[0]["ElementDataFile"]


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields of the header and where it ends: SimpleITK does not tell them."""
    fields = {}
    with path.open("rb") as stream:
        while line := stream.readline(LONGEST_LINE):
            name, _, value = decoded(line).partition("=")
            fields[name.strip()] = value.strip()
            if name.strip() == "ElementDataFile":
                return fields, stream.tell()
    raise ReadError(
        f"{path} is not a MetaImage or is cut off within its header; expected lines such as NDims "
        "= 3 with ElementDataFile as the last: convert or copy the file again."
    )


def _require_header(path: Path) -> None:
    """Raise ReadError for headers that ITK would print its own complaints of."""
    fields, _ = _fields(path)
    names = list(fields)
    for name in ("NDims", "DimSize", "ElementType"):
        if not fields.get(name):
            raise _wrong(path, name, "nothing", "a value")
    if not fields["NDims"].isdecimal() or not 1 <= int(fields["NDims"]) <= MOST_AXES:
        raise _wrong(path, "NDims", fields["NDims"], "2 to 4")
    sizes = fields["DimSize"].split()
    if len(sizes) != int(fields["NDims"]):
        raise _wrong(path, "DimSize", fields["DimSize"], f"{fields['NDims']} numbers")
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise _wrong(path, "DimSize", fields["DimSize"], _SIZES)
    data = fields["ElementDataFile"]
    if data.startswith("LIST") or "%" in data:  # ITK asks for no more, whatever file there is
        raise several_files(path, data)
    early = {"DimSize", *GEOMETRY_FIELDS} & set(names[: names.index("NDims")])
    if early:
        raise _wrong(path, "first lines", ", ".join(sorted(early)), "them behind NDims")


def _require_voxels(path: Path, sizes: tuple[int, ...], size: int) -> None:
    """Raise an error unless the header is what SimpleITK understood and the voxels are there.

    size: how many bytes they take.
    """
    fields, end = _fields(path)
    found = fields.get("DimSize", "")
    if found.split() != [str(n) for n in sizes]:
        raise _wrong(path, "DimSize", found, _SIZES)
    for name in fields.keys() & GEOMETRY_FIELDS:
        if not all(map(_is_finite, fields[name].split())):
            raise GeometryError(
                f"{path} has '{fields[name][:60]}' as {name} in its header; expected finite "
                "numbers: repair the header of the file."
            )
    if not _is_true(fields.get("BinaryData", "True")):
        raise _wrong(path, "BinaryData", fields["BinaryData"], "True")
    name, skip = fields["ElementDataFile"], int(fields.get("HeaderSize", 0))
    if skip < -1:
        raise _wrong(path, "HeaderSize", str(skip), "a number of bytes or -1")
    local = name.upper() == "LOCAL"
    data = path if local else data_file(path, name)
    start = skip if skip > 0 else end if local else 0
    if _is_true(fields.get("CompressedData", "False")):
        packed, told = require_whole(path, data, size, start), fields.get("CompressedDataSize", "")
        # Without the length, or with one too short, ITK prints a complaint and invents voxels.
        if (told or local) and not (told.isdecimal() and int(told) >= packed):
            raise _wrong(path, "CompressedDataSize", told, f"{packed}, as many as there are")
    else:
        require_size(path, data, size, start)


def _grid(reader: Any) -> Grid:
    """Return the grid; axes that a 2-D image lacks are one mm long and at right angles."""
    n = reader.GetDimension()
    used = min(n, 3)
    origin, spacing, direction = np.zeros(3), np.ones(3), np.eye(3)
    origin[:used] = reader.GetOrigin()[:used]
    spacing[:used] = reader.GetSpacing()[:used]
    direction[:used, :used] = np.reshape(reader.GetDirection(), (n, n))[:used, :used]
    # A negative spacing turns its axis around, as ITK takes it when it reads the voxels.
    direction *= np.where(spacing < 0, -1.0, 1.0)
    spacing = np.abs(spacing)
    return Grid(origin, spacing, direction, direction * spacing)


def _is_finite(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _is_true(word: str) -> bool:
    return word[:1] in ("T", "t", "1")  # as SimpleITK reads it


def _wrong(path: Path, name: str, found: str, expected: str) -> ReadError:
    return ReadError(
        f"{path} has '{found[:60]}' as {name} in its header; expected {expected}: convert the file "
        "(for example with 3D Slicer) or copy it again."
    )
