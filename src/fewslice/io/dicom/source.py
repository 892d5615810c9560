"""The images that a result was made from: found by where their pixels lie, not by file names.

A result may have been drawn on another copy of the scan, such as a NIfTI file of its series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fewslice.errors import FewsliceError, GeometryError, InputError
from fewslice.io.dicom.files import (
    behind_directory,
    damage_named,
    files_within,
    require_inflatable,
    series_named,
)
from fewslice.io.dicom.kinds import kind_of
from fewslice.io.dicom.planes import Dataset, Placement, Plane, placement_of, planes_of
from fewslice.io.itk import LPS_TO_RAS
from fewslice.io.library_errors import BoundedReader
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One slice to write.

    header: of the image there, None where the series has none. number: of the frame in it, from 1,
    None if it is the only one.
    """

    plane: Plane
    placement: Placement
    header: Dataset = None
    number: int | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """All slices of a result in ascending order along their normal, and the images of the scan.

    headers: one a file, of one series, without pixels.
    """

    frames: tuple[SourceFrame, ...]
    headers: tuple[Dataset, ...]

    def pixels(self, array: Array) -> Array:
        """Return an array (i, j, k) as (frame, row, column); voxels without a pixel are left."""
        cut = [frame.placement.cut(array, frame.plane.matrix) for frame in self.frames]
        return np.stack(cut)

    @property
    def step(self) -> float:
        """Distance between slices along their normal in mm; the thickness of a single one."""
        heights = [frame.plane.normal @ frame.plane.position for frame in self.frames]
        if len(heights) > 1:
            return float(heights[-1] - heights[0]) / (len(heights) - 1)
        return float(self.headers[0].get("SliceThickness") or 1.0)


def require_dicom(path: Path | None, output: Path) -> Path:
    """Return the path of a series for an output in DICOM to refer to, or raise InputError."""
    if path is None or next(_images(path), None) is None:
        if path is None:
            where = "none was given"
        elif next(_headers(path), None) is None:
            where = f"{path} is none"
        else:
            where = f"{path} does not say where in the patient its slices lie"
        raise InputError(
            f"{output} needs the DICOM series of the scan, to which its patient and study belong, "
            f"and {where}; segment the series itself, name it as the source, or write NIfTI."
        )
    return path


def find_source(path: Path, geometry: Geometry, uid: str | None = None) -> Source:
    """Return the images under a path whose pixels are the voxels of a grid.

    path: a folder, or a file of the series. Of several series that fit, the one with that UID is
    taken, else the one with most slices on the grid, then the first by UID. Slices of the grid that
    have no image get a place between the others. Raises GeometryError if no image fits.
    """
    series: dict[str, list[SourceFrame]] = {}
    meant: set[str] = set()
    for header in _images(path):
        if int(header.get("NumberOfFrames", 1) or 1) > 1:
            key = str(header.get("SOPInstanceUID", ""))  # such a file is a series of its own
        else:
            key = str(header.get("SeriesInstanceUID", ""))
        if uid and str(header.get("SeriesInstanceUID", "")) == uid:
            meant.add(key)
        planes = planes_of(header)
        for number, plane in enumerate(planes, 1):
            placement = None if plane is None else placement_of(plane, geometry)
            if plane is not None and placement is not None:
                frame = SourceFrame(plane, placement, header, number if len(planes) > 1 else None)
                series.setdefault(key, []).append(frame)
    wanted = meant & series.keys() or series.keys()
    stacks = [_stack(series[key], geometry) for key in sorted(wanted)]
    best = max(stacks, key=lambda stack: _on_grid(stack, geometry), default={})
    if not _on_grid(best, geometry):
        raise GeometryError(
            f"No DICOM image in {path} lies on the voxels of the result; expected the series that "
            "it was made from: name that one as the source."
        )
    return _completed(best, geometry)


Stack = dict[int, SourceFrame]


def _stack(found: Sequence[SourceFrame], geometry: Geometry) -> Stack:
    """Return the first image at each index, of those that lie as most do across one axis."""
    ways: dict[object, Stack] = {}
    for frame in sorted(found, key=_number):
        place = frame.placement
        way = (place.axes, place.steps, place.first, frame.plane.matrix)
        ways.setdefault(way, {}).setdefault(place.index, frame)
    return max(ways.values(), key=lambda stack: _on_grid(stack, geometry))


def _on_grid(stack: Stack, geometry: Geometry) -> int:
    return sum(
        0 <= index < geometry.shape[frame.placement.axes[2]] for index, frame in stack.items()
    )


def _completed(stack: Stack, geometry: Geometry) -> Source:
    """Add the slices of the grid that have no image, and put all in order."""
    some = next(iter(stack.values()))
    plane, place = some.plane, some.placement
    step = LPS_TO_RAS * geometry.affine[:3, place.axes[2]]
    frames = list(stack.values())
    for index in set(range(geometry.shape[place.axes[2]])) - set(stack):
        position = plane.position + step * (index - place.index)
        frames.append(SourceFrame(replace(plane, position=position), replace(place, index=index)))
    direction = float(np.sign(plane.normal @ step))
    frames.sort(key=lambda frame: frame.placement.index * direction)
    files = {id(frame.header): frame.header for frame in frames if frame.header is not None}
    return Source(tuple(frames), tuple(files.values()))


def _number(frame: SourceFrame) -> tuple[float, str, int]:
    header = frame.header
    try:
        number = float(header.get("InstanceNumber") or 0)
    except (TypeError, ValueError):
        number = 0.0
    return number, str(header.get("SOPInstanceUID", "")), frame.number or 0


def _images(path: Path) -> Iterator[Dataset]:
    """Yield the headers of the images in a folder or beside a file that say where they lie."""
    for header in _headers(path):
        with suppress(FewsliceError), damage_named(path):
            if any(planes_of(header)):
                yield header


def _headers(path: Path) -> Iterator[Dataset]:
    """Yield the headers of the images in a folder or beside a file, without their pixels."""
    from pydicom import dcmread

    path = behind_directory(path)
    own = series_named(path) if path.is_file() else None
    for file in files_within(path) if own is None else _beside(path):
        try:
            with damage_named(file), BoundedReader(file) as stream:
                require_inflatable(file, stream)
                header = dcmread(stream, stop_before_pixels=True)
                image = "Rows" in header and kind_of(header) is None  # no labels drawn on one
        except (FewsliceError, OSError):  # what cannot be read cannot be referred to
            continue
        if image and (own is None or str(header.get("SeriesInstanceUID", "")) == own):
            yield header


def _beside(path: Path) -> Iterator[Path]:
    """Yield the files beside a file; those beside its target too, if it is a link."""
    yield from files_within(path.parent, nested=False)
    if path.is_symlink():
        yield from files_within(path.resolve().parent, nested=False)
