"""Pictures: a folder of slices, a single one, and TIFF files of many pages.

A picture's rows run along i and its columns' direction is j; slices follow each other along k, in
the order of the numbers in their names.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.formats import PICTURE_SUFFIXES, suffix_of
from fewslice.io.library_errors import damage_named, quiet_logger, require_plausible
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry

TIFF_SUFFIXES = tuple(each for each in PICTURE_SUFFIXES if each.endswith((".tif", ".tiff")))

PICTURES_AS_SLICES = "pictures-as-slices"  # the code of a remark

_NAMES = "slice names"

_CLASSIC = 42  # the version of TIFF whose offsets have 4 bytes

_MILLIMETRES = {
    "m": 1e3, "cm": 10.0, "mm": 1.0, "µm": 1e-3, "μm": 1e-3, "um": 1e-3, "micron": 1e-3,
    "\\u00B5m": 1e-3, "\\u00b5m": 1e-3, "microns": 1e-3, "nm": 1e-6,
}  # fmt: skip

Spacing = tuple[float, float, float]


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder, in the order of the numbers in their names."""
    found = [
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and suffix_of(path) in PICTURE_SUFFIXES and path.is_file()
    ]
    return sorted(found, key=_order)


def _order(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return what a name is sorted by: slice2 comes before slice10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def read_folder(folder: Path) -> Image:
    """Read a folder of pictures, one a slice; a single one of another size is left out.

    Raises ReadError, also if the name of that one says that it is a slice.
    """
    groups: dict[str, list[tuple[Path, Array]]] = {}
    for path in pictures_in(folder):
        pixels = _picture(path)
        kind = f"{pixels.shape[1]}x{pixels.shape[0]} {pixels.dtype} {suffix_of(path)}"
        groups.setdefault(kind, []).append((path, pixels))
    volumes = {kind: group for kind, group in groups.items() if len(group) > 1} or groups
    if len(volumes) > 1:
        raise ReadError(
            f"{folder} mixes pictures of different kinds ({', '.join(groups)}); expected the "
            "slices of one volume: move others elsewhere."
        )
    ((kind, group),) = volumes.items()
    paths, slices = zip(*group, strict=True)
    others = {path: other for other, found in groups.items() if other != kind for path, _ in found}
    _require_no_slices(others, paths, kind)
    left_out = f"; left out: {', '.join(path.name for path in others)}" if others else ""
    remark = Remark(
        PICTURES_AS_SLICES,
        f"The {len(paths)} pictures in {folder} are taken as slices in the order of their names, "
        f"from {paths[0].name} to {paths[-1].name}{_skipped(paths)}{left_out}.",
    )
    return _image(np.stack(slices), None, (remark,), tuple(map(_name_of, paths)))


def _require_no_slices(others: Mapping[Path, str], slices: Sequence[Path], kind: str) -> None:
    """Raise ReadError if one of other pictures is called as slices are, but for its number.

    Without it those behind it would move up, and no longer lie on the labels drawn on them.
    others: pictures of other kinds, and which. kind: of the slices.
    """
    taken = set(map(_name_of, slices))
    texts = set(map(_text_of, taken))
    for path, other in others.items():
        if _name_of(path) not in taken and _text_of(_name_of(path)) in texts:
            raise ReadError(
                f"{path} is named as the slices beside it, but is of another kind ({other}, not "
                f"{kind}); expected slices of one size and type: convert it, or move it elsewhere "
                "if it is none."
            )


def _name_of(path: Path) -> str:
    """Return the name of a picture without its suffix."""
    return path.name[: -len(suffix_of(path))]


def _text_of(name: str) -> str:
    """Return a name with its numbers taken out."""
    return re.sub(r"\d+", "#", name)


def slice_names(volume: Image | LabelMap) -> tuple[str, ...]:
    """Return the names, without suffix, of the pictures that a volume's slices were read from.

    () for everything else, and where two pictures have the same name.
    """
    names = volume.stored.fields.get(_NAMES, ()) if volume.stored else ()
    return names if len(set(names)) == volume.geometry.shape[2] else ()


def _skipped(paths: Sequence[Path]) -> str:
    """Say so if numbers are left out in names that differ in one number by the same step."""
    numbers = [re.findall(r"\d+", path.name) for path in paths]
    if len({len(each) for each in numbers}) != 1 or not numbers[0] or len(paths) < 3:
        return ""
    columns = [[int(each) for each in column] for column in zip(*numbers, strict=True)]
    counting = [column for column in columns if len(set(column)) == len(column)]
    if len(counting) != 1:
        return ""
    steps = np.diff(counting[0])
    at = np.flatnonzero(steps != np.median(steps))
    if not at.size:
        return ""
    after = counting[0][int(at[0])]
    return f"; numbers are left out after {after}, so a slice may be missing"


def _picture(path: Path) -> Array:
    """Return the pixels of one picture, (row, column)."""
    if suffix_of(path) in TIFF_SUFFIXES:
        pages, _ = _pages(path)
        if pages.shape[:2] != (1, 1):
            raise ReadError(
                f"{path} holds {pages.shape[0] * pages.shape[1]} pages; expected one in a folder "
                "of slices: point at the file if it is the volume."
            )
        page: Array = pages[0, 0]
        return page
    return _by_pillow(path)


def require_sound(path: Path) -> None:
    """Raise ReadError for a picture that others are going to read, as its own reader would."""
    if suffix_of(path) in TIFF_SUFFIXES:
        with _opened(path):
            return
    with _opened_by_pillow(path):
        return


@contextmanager
def _opened_by_pillow(path: Path) -> Iterator[Any]:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    kinds = (UnidentifiedImageError, Pillow.DecompressionBombError)
    with damage_named(path, *kinds), Pillow.open(path) as picture:
        needed = picture.width * picture.height * len(picture.getbands())
        require_plausible(path, needed, path.stat().st_size)
        yield picture


def _by_pillow(path: Path) -> Array:
    with _opened_by_pillow(path) as picture:
        if picture.mode == "P":
            return _of_palette(picture)
        array = np.asarray(picture)
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    return array if array.ndim == 2 else _grey(path, array)


def _of_palette(picture: Any) -> Array:
    """Return grey values if the palette is grey, else the numbers of its colours: labels."""
    colours = np.asarray(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    indices = np.asarray(picture)
    used = colours[: int(indices.max()) + 1]
    if (used == used[:, :1]).all():
        grey: Array = used[:, 0][indices]
        return grey
    return indices


def _grey(path: Path, array: Array) -> Array:
    """Return (..., row, column) of pictures (..., colour) whose colours are shades of grey."""
    colours = array[..., :1] if array.shape[-1] == 2 else array[..., :3]  # without opacity
    if (colours != colours[..., :1]).any():
        raise ReadError(
            f"{path} is a colour picture; expected one number per pixel: export it in grey."
        )
    grey: Array = colours[..., 0]
    return grey


def read(path: Path) -> Image:
    """Read a TIFF file, whose pages are slices, or a single picture. Raises ReadError."""
    if suffix_of(path) not in TIFF_SUFFIXES:
        return _image(_by_pillow(path)[np.newaxis], None, ())
    pages, spacing = _pages(path)
    return _image(pages[0] if len(pages) == 1 else pages, spacing, ())


def _image(
    pages: Array,
    spacing: Spacing | None,
    remarks: tuple[Remark, ...],
    names: tuple[str, ...] = (),
) -> Image:
    """Return the image of pixels (..., k, row, column). names: of its slices, if they have some."""
    array = pages.swapaxes(-3, -1)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    geometry = Geometry.from_spacing(array.shape[-3:], spacing or (1.0, 1.0, 1.0))
    fields = {_NAMES: names} if names else {}
    stored = StoredGeometry("array", fields, spacing_known=spacing is not None, placed=False)
    return Image(array, geometry, stored, remarks)


def _pages(path: Path) -> tuple[Array, Spacing | None]:
    """Return the pages of a TIFF file, (channel, k, row, column), and the spacing it says."""
    with _opened(path) as file:
        array, axes = _series(path, file.series)
        spacing = _ome_spacing(file) if file.is_ome else _imagej_spacing(file)
        return _ordered(path, array, axes), spacing


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a TIFF file that is whole."""
    import tifffile

    with (
        quiet_logger("tifffile"),
        damage_named(path, tifffile.TiffFileError),
        tifffile.TiffFile(path) as file,
    ):
        _require_whole(path, file)
        yield file


def _require_whole(path: Path, file: Any) -> None:
    """Raise ReadError unless all pages and their pixels are there, and no larger than plausible.

    tifffile leaves out pages that it cannot find, and fills in zeros for pixels.
    """
    size, tiff = file.filehandle.size, file.tiff
    place, seen = (4 if tiff.version == _CLASSIC else 8), set()
    while True:
        file.filehandle.seek(place)
        (offset,) = struct.unpack(tiff.offsetformat, file.filehandle.read(tiff.offsetsize))
        if offset == 0:
            break
        if offset >= size or offset in seen:
            raise ReadError(f"{path} is truncated within its list of pages; copy it again.")
        seen.add(offset)
        file.filehandle.seek(offset)
        (count,) = struct.unpack(tiff.tagnoformat, file.filehandle.read(tiff.tagnosize))
        place = offset + tiff.tagnosize + count * tiff.tagsize
    needed = 0
    for page in file.pages:
        parts = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(start + count > size for start, count in parts):
            raise ReadError(f"{path} is truncated: pixels lie behind its end; copy it again.")
        needed += page.size * (page.dtype.itemsize if page.dtype else 1)
    require_plausible(path, needed, size)


def _series(path: Path, series: Sequence[Any]) -> tuple[Array, str]:
    """Return the pages of a file and what their axes are; pages written one by one are slices."""
    first = series[0]
    if len(series) == 1:
        return first.asarray(), str(first.axes)
    alike = all((each.shape, each.dtype) == (first.shape, first.dtype) for each in series)
    if alike and first.axes in ("YX", "YXS"):
        return np.stack([each.asarray() for each in series]), f"Z{first.axes}"
    raise ReadError(
        f"{path} holds {len(series)} series of pages that differ; expected one volume: export the "
        "one you mean."
    )


def _ordered(path: Path, array: Array, axes: str) -> Array:
    """Return pages as (channel, k, row, column), from axes named as tifffile names them."""
    if "S" in axes:  # samples: red, green and blue
        array = _grey(path, np.moveaxis(array, axes.index("S"), -1))
        axes = axes.replace("S", "")
    depth = [axis for axis in axes if axis in "ZQI"]
    channels = [axis for axis in axes if axis in "CT" and array.shape[axes.index(axis)] > 1]
    if not depth and len(channels) == 1:  # pages of a file that counts slices as moments
        depth, channels = channels, []
    if len(depth) > 1 or len(channels) > 1 or not {"Y", "X"} <= set(axes):
        raise ReadError(
            f"{path} has the axes {axes} of lengths {array.shape}; expected slices, and at most "
            "one axis of channels or time points: export the part to segment."
        )
    order = [*channels, *depth, "Y", "X"]
    single = tuple(at for at, axis in enumerate(axes) if axis not in order)
    kept = [axis for axis in axes if axis in order]
    pages = array.squeeze(single).transpose([kept.index(axis) for axis in order])
    shape = (
        pages.shape[0] if channels else 1,
        pages.shape[len(channels)] if depth else 1,
        *pages.shape[-2:],
    )
    ordered: Array = pages.reshape(shape)
    return ordered


def _ome_spacing(file: Any) -> Spacing | None:
    """Return the spacing (x, y, z) in mm of an OME-TIFF, None unless all three are there."""
    import tifffile

    pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    pixels = (pixels[0] if isinstance(pixels, list) else pixels)["Pixels"]
    steps = []
    for axis in "XYZ":
        size = pixels.get(f"PhysicalSize{axis}")
        unit = _MILLIMETRES.get(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")))
        if size is None or unit is None or not float(size) > 0:
            return None
        steps.append(float(size) * unit)
    return steps[0], steps[1], steps[2]


def _imagej_spacing(file: Any) -> Spacing | None:
    """Return the spacing (x, y, z) in mm of a file of ImageJ; resolutions of others mean ink."""
    told = file.imagej_metadata or {}
    unit = _MILLIMETRES.get(str(told.get("unit", "")).strip())
    tags = file.pages[0].tags
    if unit is None or "spacing" not in told or "XResolution" not in tags:
        return None
    steps = []
    for axis in "XY":
        count, length = tags[f"{axis}Resolution"].value
        if not count:
            return None
        steps.append(length / count * unit)
    step = abs(float(told["spacing"])) * unit
    return (steps[0], steps[1], step) if step > 0 else None
