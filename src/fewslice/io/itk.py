"""What MetaImage and NRRD share: a grid in LPS+, and voxels in a file of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError, ReadError, Remark
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


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


def decoded(line: bytes) -> str:
    """Return a line of a header as text: UTF-8, or of older programs Latin-1."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def data_file(path: Path, name: str) -> Path:
    """Return the path of a data file that a header names, or raise ReadError."""
    data = path.parent / name
    if not data.is_file():
        if name.split()[:1] == ["LIST"] or "%" in name:
            raise several_files(path, name)
        raise ReadError(
            f"{path} keeps its voxels in {data}, which is missing or no single file; copy both "
            "files into the same folder."
        )
    return data


def several_files(path: Path, name: str) -> ReadError:
    """Return the error for a header whose voxels lie in several files. name: how it names them."""
    return ReadError(
        f"{path} names its voxels '{name[:60]}', which stands for several files; expected one: "
        "join them, for example with SimpleITK.WriteImage(SimpleITK.ReadImage("
        f"{path.name!r}), 'joined.nrrd')."
    )


def geometry_of(path: Path, shape: tuple[int, ...], grid: Grid) -> Geometry:
    """Return the geometry of a (i, j, k) grid, or raise GeometryError."""
    values = np.concatenate([grid.spacing, grid.steps.ravel(), grid.origin])
    if not np.isfinite(values).all() or (grid.spacing <= 0).any():
        found = ", ".join(f"{n:g}" for n in grid.spacing)
        raise GeometryError(
            f"{path} has the spacing {found} or an origin or direction that is not finite; "
            "expected three positive spacings in mm: repair the header of the file."
        )
    i, j, k = shape
    return Geometry((i, j, k), grid.affine)


def negative_spacing(path: Path, spacing: Sequence[float]) -> tuple[Remark, ...]:
    """Say so if a spacing is negative, which ITK takes for an axis that runs the other way."""
    if not any(step < 0 for step in spacing):
        return ()
    told = ", ".join(f"{step:g}" for step in spacing)
    return (
        Remark(
            "spacing-negative",
            f"{path} has the spacing {told}; a negative one is taken for an axis that runs the "
            "other way, as ITK takes it.",
        ),
    )


def image_of(array: Array, geometry: Geometry, grid: Grid, spacing_known: bool) -> Image:
    """Return the image of an array (i, j, k) or (channel, i, j, k); single axes may lack."""
    channels = array.size // math.prod(geometry.shape)
    shape = (channels, *geometry.shape) if channels > 1 else geometry.shape
    stored = StoredGeometry("itk", {"grid": grid}, spacing_known)
    return Image(array.reshape(shape), geometry, stored)


@contextmanager
def quiet(itk: Any) -> Iterator[None]:
    """Keep ITK from printing warnings: everything it would warn of is checked."""
    before = itk.ProcessObject.GetGlobalWarningDisplay()
    itk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        itk.ProcessObject.SetGlobalWarningDisplay(before)


def grid_to_write(volume: Image | LabelMap) -> Grid:
    """Return the stored grid if it still tells where the volume lies, else one from the affine.

    Of a NIfTI header that contradicts itself it is the one that programs built on ITK read.
    """
    affine, stored = volume.geometry.affine, volume.stored
    itk = stored and stored.reading("itk", volume.geometry)
    affine = itk.affine if itk else affine
    if stored is not None and stored.kind == "itk":
        grid: Grid = stored.fields["grid"]
        if np.array_equal(grid.affine, affine):
            return grid
    steps = LPS_TO_RAS[:, np.newaxis] * affine[:3, :3] + 0.0
    return Grid.from_steps(LPS_TO_RAS * affine[:3, 3] + 0.0, steps)
