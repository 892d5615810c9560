"""What MetaImage and NRRD share: a grid in LPS+ and a header of text lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, ReadError
from fewslice.volumes.geometry import Float64Array, Geometry
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
LONGEST_HEADER = 1 << 24  # bytes; segmentations of 3D Slicer describe every segment in it


@dataclass(frozen=True)
class Grid:
    """A grid as these files store it, in LPS+ and mm, as doubles.

    origin: (3,). spacing: (3,). direction: (3, 3), one unit column for each array axis.
    steps: (3, 3), direction times spacing; NRRD stores only these, MetaImage the other two.
    """

    origin: Float64Array
    spacing: Float64Array
    direction: Float64Array
    steps: Float64Array

    @classmethod
    def from_steps(cls, origin: Float64Array, steps: Float64Array) -> Grid:
        """Split steps into spacing and direction; an axis without length gets no direction."""
        with np.errstate(all="ignore"):
            spacing = np.linalg.norm(steps, axis=0)
            return cls(origin, spacing, steps / spacing, steps)

    @property
    def affine(self) -> Float64Array:
        """(4, 4) voxel index to RAS+ mm."""
        affine = np.eye(4)
        affine[:3, :3] = LPS_TO_RAS[:, np.newaxis] * self.steps
        affine[:3, 3] = LPS_TO_RAS * self.origin
        return affine + 0.0  # no negative zeros


@dataclass(frozen=True)
class Header:
    """A text header: its fields by name, and where the file goes on behind it, in bytes."""

    path: Path
    fields: dict[str, str]
    end: int

    def text(self, *names: str, default: str = "") -> str:
        """Return the first of several fields that is there."""
        return next((self.fields[name] for name in names if name in self.fields), default)

    def numbers(self, *names: str, count: int, default: str = "") -> list[float]:
        """Return a field as exactly `count` numbers, or raise ReadError."""
        text = self.text(*names, default=default)
        try:
            found = [float(word) for word in text.split()]
        except ValueError:
            found = []
        if len(found) != count:
            raise self.wrong(names[0], text, f"{count} numbers")
        return found

    def whole_numbers(self, *names: str, count: int, default: str = "") -> list[int]:
        """Return a field as exactly `count` whole numbers, or raise ReadError."""
        found = self.numbers(*names, count=count, default=default)
        if not all(n.is_integer() and abs(n) < 2**53 for n in found):
            raise self.wrong(names[0], self.text(*names), f"{count} whole numbers")
        return [int(n) for n in found]

    def wrong(self, name: str, found: str, expected: str) -> ReadError:
        """Return the error for a field that cannot be used."""
        return ReadError(
            f"{self.path} has '{found[:60]}' as {name} in its header; expected {expected}: convert "
            "the file (for example with 3D Slicer) or copy it again."
        )

    def data_file(self, name: str) -> Path:
        """Return the path of a data file that the header names, or raise ReadError."""
        data = self.path.parent / name
        if not data.is_file():
            raise ReadError(
                f"{self.path} keeps its voxels in {data}, which is missing or no file; copy both "
                "files into the same folder."
            )
        return data


def read_lines(path: Path, last: str) -> tuple[list[str], int]:
    """Return the lines of a header up to one that begins with `last`, and the bytes they take.

    last: "" for the first empty line. The end of the file ends a header as well.
    """
    lines: list[str] = []
    with path.open("rb") as stream:
        while stream.tell() < LONGEST_HEADER:
            line = stream.readline(LONGEST_HEADER)
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            ended = lines[-1].startswith(last) if last else not lines[-1]
            if ended or not line:
                return lines, stream.tell()
    raise ReadError(
        f"{path} has a header without an end; expected text of at most {LONGEST_HEADER} bytes: "
        "convert the file or copy it again."
    )


def image_from(path: Path, array: Array, grid: Grid) -> Image:
    """Return the image of a (channel, i, j, k) array; a single channel loses its axis."""
    values = np.concatenate([grid.spacing, grid.steps.ravel(), grid.origin])
    if not np.isfinite(values).all() or (grid.spacing <= 0).any():
        found = ", ".join(f"{n:g}" for n in grid.spacing)
        raise GeometryError(
            f"{path} has the spacing {found} or an origin or direction that is not finite; "
            "expected three positive spacings in mm: repair the header of the file."
        )
    shape = array.shape[1:]
    geometry = Geometry((shape[0], shape[1], shape[2]), grid.affine)
    stored = StoredGeometry("itk", {"grid": grid})
    return Image(array[0] if array.shape[0] == 1 else array, geometry, stored)


def count_of(path: Path, sizes: list[int]) -> int:
    """Return the number of values, or raise ReadError for an axis without voxels."""
    if min(sizes) < 1:
        raise ReadError(
            f"{path} has axes with lengths {sizes}; expected at least one voxel along each: its "
            "header is damaged, copy the file again."
        )
    return math.prod(sizes)


def grid_to_write(volume: Image | LabelMap) -> Grid:
    """Return the stored grid if it still tells where the volume lies, else one from the affine."""
    affine, stored = volume.geometry.affine, volume.stored
    if stored is not None and stored.kind == "itk":
        grid: Grid = stored.fields["grid"]
        if np.array_equal(grid.affine, affine):
            return grid
    steps = LPS_TO_RAS[:, np.newaxis] * affine[:3, :3] + 0.0
    return Grid.from_steps(LPS_TO_RAS * affine[:3, 3] + 0.0, steps)


def with_channels(volume: Image | LabelMap) -> Array:
    """Return the voxels as (channel, i, j, k): the channel is the fastest axis in the file."""
    return volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]


def as_text(values: Float64Array) -> str:
    """Return numbers as text that reads back as the same doubles."""
    return " ".join(repr(float(value)) for value in values)
