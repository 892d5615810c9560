"""Images and label maps: an array with its geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import GeometryError, InputError, Remark
from fewslice.volumes.geometry import Geometry

UNKNOWN = 255
"""Label value that means "not looked at" inside an annotated slice."""

MAX_LABEL = 65_535

Array = npt.NDArray[Any]
LabelArray = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class StoredGeometry:
    """What a file or array said of its grid, exactly as it was read, so that writing repeats it.

    kind: "nifti", "itk" or "array". fields: what the module of that format put there; only it reads
    them. spacing_known: whether a spacing was stored; if not, 1 mm is taken. geometry: the grid as
    it was read, where a person gave another spacing since (`fewslice.volumes.respacing`).
    """

    kind: str
    fields: dict[str, Any]
    spacing_known: bool = True
    geometry: Geometry | None = None


@dataclass(frozen=True, eq=False)
class Image:
    """Intensities of one scan.

    Parameters
    ----------
    array
        (i, j, k), or (channel, i, j, k) for several channels or time points; any real dtype,
        finite. Units are the scan's own (HU for CT).
    geometry
        The grid of the voxels.
    stored
        The geometry fields of the file it was read from; written back as they were.

    Raises
    ------
    GeometryError
        If array and geometry have different shapes.
    """

    array: Array
    geometry: Geometry
    stored: StoredGeometry | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.array.ndim not in (3, 4) or self.array.shape[-3:] != self.geometry.shape:
            raise GeometryError(
                f"The image array has shape {self.array.shape}; expected "
                f"{self.geometry.shape}, or that with channels as a leading axis."
            )

    @property
    def channels(self) -> Array:
        """View of the intensities as (channel, i, j, k)."""
        return self.array if self.array.ndim == 4 else self.array[np.newaxis]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels of one scan: 0 background or not annotated, 255 not looked at, else a structure.

    Parameters
    ----------
    array
        (i, j, k), unsigned integers up to 65,535.
    geometry, stored
        As in `Image`.
    remarks
        What was assumed to read it, in sentences a person should see.
    names
        What its structures are called, where that is known.

    Raises
    ------
    GeometryError
        If array and geometry have different shapes.
    """

    array: LabelArray
    geometry: Geometry
    stored: StoredGeometry | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = field(default=(), repr=False)
    names: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise GeometryError(
                f"The label array has shape {self.array.shape}; expected {self.geometry.shape}, "
                "the shape of its grid."
            )

    @property
    def values(self) -> tuple[int, ...]:
        """The structures' label values in ascending order, without 0 and 255."""
        return structure_values(self.array)

    def with_array(self, array: LabelArray) -> LabelMap:
        """Return a label map on the same grid with other labels."""
        return replace(self, array=array)


def structure_values(labels: LabelArray) -> tuple[int, ...]:
    """Return the labels of structures (not 0, not 255) in an array, ascending."""
    counts = np.zeros(MAX_LABEL + 1, dtype=bool)
    counts[labels[labels != 0]] = True  # most label maps are nearly empty
    counts[[0, UNKNOWN]] = False
    return tuple(int(value) for value in np.flatnonzero(counts))


def require_finite(array: Array, what: str = "the image") -> Array:
    """Return the array, or raise InputError if it holds NaN, infinity, or is no real number."""
    if array.dtype.kind not in "buif":
        raise InputError(
            f"{what[0].upper()}{what[1:]} holds values of type {array.dtype}; expected one real "
            "number per voxel (colour and complex images are not supported)."
        )
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        if bad:
            raise InputError(
                f"{what[0].upper()}{what[1:]} holds {bad} NaN or infinite voxels; expected finite "
                "numbers: replace them (for example by the background value)."
            )
    return array


def as_label_array(array: Array, what: str = "the label map") -> LabelArray:
    """Return labels as unsigned integers, or raise InputError if they are not labels.

    Unsigned arrays of at most 16 bits come back as they are; others become uint16, or uint8 where
    every label fits.
    """
    name = what[0].upper() + what[1:]
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} holds values of type {array.dtype}; expected whole numbers.")
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array
    if array.size == 0:
        return array.astype(np.uint8)
    require_finite(array, what)
    if array.dtype.kind == "f" and (array != np.rint(array)).any():
        example = float(array[array != np.rint(array)][0])
        raise InputError(
            f"{name} holds {example:g}, which is not a whole number; expected labels from 0 to "
            "65,535: a probability map must be thresholded first."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > MAX_LABEL:
        raise InputError(f"{name} holds labels from {low} to {high}; expected 0 to 65,535.")
    return array.astype(np.uint8 if high <= 255 else np.uint16)
