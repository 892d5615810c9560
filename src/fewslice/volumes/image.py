"""Images and label maps: an array with its geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import GeometryError, InputError, Remark
from fewslice.volumes.colours import Colour
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.masked import unmasked_image, unmasked_labels
from fewslice.volumes.memo import Memo
from fewslice.volumes.segments import Segment

UNKNOWN = 255
"""Label value that means "not looked at" inside an annotated slice."""

MAX_LABEL = 65_535

NEARLY_WHOLE = 0.05
"""Labels may differ by that much from whole numbers."""

_AT_ONCE = 1_000_000  # voxels
_ROUNDING = 1e-6

Array = npt.NDArray[Any]
LabelArray = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class StoredGeometry:
    """What a file or array said of its grid, exactly as it was read, so that writing repeats it.

    kind: "nifti", "itk", "oct" or "array". fields: what the module of that format put there; only
    it reads them. spacing_known: whether a spacing was stored; if not, 1 mm is taken.
    spacing_guessed: whether it is only the usual one of the device. geometry: the grid as it was
    read, where a person gave another spacing since (`fewslice.volumes.respacing`). readings:
    where a header contradicts itself, the grid as each of its parts or each family of programs has
    it, by name: "sform" and "qform" of NIfTI, "itk" for programs built on ITK; the first is the one
    that is used. whole: whether the file holds all of its grid; 3D Slicer stores what is drawn.
    placed: whether the file says where it lies.
    """

    kind: str
    fields: dict[str, Any]
    spacing_known: bool = True
    spacing_guessed: bool = False
    geometry: Geometry | None = None
    whole: bool = True
    placed: bool = True
    readings: dict[str, Geometry] = field(default_factory=dict)

    def reading(self, name: str, used: Geometry) -> Geometry | None:
        """Return the grid of that name, if `used` is still the one that was read."""
        first = next(iter(self.readings.values()), None)
        same = first is not None and np.array_equal(first.affine, used.affine)
        return self.readings.get(name) if same else None


@dataclass(frozen=True, eq=False)
class Image:
    """Intensities of one scan.

    Parameters
    ----------
    array
        (i, j, k), or (channel, i, j, k) for several channels or time points; any real dtype,
        finite. Units are the scan's own (HU for CT). Of a masked array, what is masked is NaN.
    geometry
        The grid of the voxels.
    stored
        The geometry fields of the file it was read from; written back as they were.
    remarks
        What was assumed to read it, in sentences a person should see.

    Raises
    ------
    GeometryError
        If array and geometry have different shapes.
    """

    array: Array
    geometry: Geometry
    stored: StoredGeometry | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = field(default=(), repr=False)
    memo: Memo | None = field(default=None, init=False, repr=False)  # no copy has it

    def __post_init__(self) -> None:
        if isinstance(self.array, np.ma.MaskedArray):
            object.__setattr__(self, "array", unmasked_image(self.array))
        if self.array.ndim not in (3, 4) or self.array.shape[-3:] != self.geometry.shape:
            raise GeometryError(
                f"The image array has shape {self.array.shape}; expected "
                f"{self.geometry.shape}, or that with channels as a leading axis."
            )

    def __repr__(self) -> str:
        return f"Image({_in_words(self.array, self.geometry)})"

    @property
    def channels(self) -> Array:
        """View of the intensities as (channel, i, j, k)."""
        return self.array if self.array.ndim == 4 else self.array[np.newaxis]


def remembering(image: Image) -> Image:
    """Return an image that keeps what engines find out about its voxels, which must not change."""
    kept = replace(image)
    object.__setattr__(kept, "memo", Memo(image.array))  # it is frozen for everybody else
    return kept


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels of one scan: 0 background or not annotated, 255 not looked at, else a structure.

    Parameters
    ----------
    array
        (i, j, k), unsigned integers up to 65,535; none masked. Kept in this computer's byte order.
    geometry, stored, remarks
        As in `Image`.
    segments
        Names and colours of structures, where they are known.

    Raises
    ------
    GeometryError
        If array and geometry have different shapes.
    InputError
        If labels are masked.
    """

    array: LabelArray
    geometry: Geometry
    stored: StoredGeometry | None = field(default=None, repr=False)
    remarks: tuple[Remark, ...] = field(default=(), repr=False)
    segments: tuple[Segment, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.array, np.ma.MaskedArray):
            object.__setattr__(self, "array", unmasked_labels(self.array))
        object.__setattr__(self, "array", _native(self.array))
        if self.array.shape != self.geometry.shape:
            raise GeometryError(
                f"The label array has shape {self.array.shape}; expected {self.geometry.shape}, "
                "the shape of its grid."
            )

    def __repr__(self) -> str:
        return f"LabelMap({_in_words(self.array, self.geometry)})"

    @property
    def values(self) -> tuple[int, ...]:
        """The structures' label values in ascending order, without 0 and 255."""
        return structure_values(self.array)

    @property
    def names(self) -> dict[int, str]:
        """What structures are called, by label, where that is known."""
        return {segment.value: segment.name for segment in self.segments}

    @property
    def colours(self) -> dict[int, Colour]:
        """How structures are shown, by label, where that is known."""
        return {segment.value: segment.colour for segment in self.segments}

    def with_array(self, array: LabelArray) -> LabelMap:
        """Return a label map on the same grid with other labels."""
        return replace(self, array=array)


def _in_words(array: Array, geometry: Geometry) -> str:
    """Return what a notebook shows of a volume: an array of voxels would fill the screen."""
    voxels = "x".join(map(str, geometry.shape))
    channels = f"{len(array)} channels of " if array.ndim == 4 else ""
    spacing = " x ".join(f"{step:.4g}" for step in geometry.spacing)
    return f"{channels}{voxels} voxels, {array.dtype}, {spacing} mm"


def structure_values(labels: LabelArray) -> tuple[int, ...]:
    """Return the labels of structures (not 0, not 255) in an array, ascending."""
    counts = np.zeros(MAX_LABEL + 1, dtype=bool)
    # As they lie in memory (across takes forty times as long), a part at a time: to get memory for
    # a whole scan takes longer than to look at it. Most label maps are nearly empty.
    flat = labels.ravel(order="K")
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE]
        counts[part[part != 0]] = True
    counts[[0, UNKNOWN]] = False
    return tuple(int(value) for value in np.flatnonzero(counts))


def _native(labels: LabelArray) -> LabelArray:
    """Return labels in the byte order of this computer, the only one that torch takes."""
    return labels if labels.dtype.isnative else labels.astype(labels.dtype.newbyteorder("="))


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


def as_label_array(array: npt.ArrayLike, what: str = "the label map") -> LabelArray:
    """Return labels as unsigned integers, or raise InputError if they are not labels.

    As `labels_of`, without its remarks.
    """
    return labels_of(array, what)[0]


def labels_of(
    labels: npt.ArrayLike, what: str = "the label map"
) -> tuple[LabelArray, tuple[Remark, ...]]:
    """Return labels as unsigned integers, and what was assumed; InputError if they are no labels.

    Raises InputError also for labels that are masked.

    Unsigned arrays of at most 16 bits come back as they are, in this computer's byte order; others
    become uint16, or uint8 where every label fits. NaN and infinity count as 0, and what is next to
    a whole number as that one: scaling and resampling leave labels such as .996 behind, and
    probabilities are seldom so near.
    """
    array: Array = unmasked_labels(labels, what)
    name = what[0].upper() + what[1:]
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} holds values of type {array.dtype}; expected whole numbers.")
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return _native(array), ()
    if array.size == 0:
        return array.astype(np.uint8), ()
    remarks: tuple[Remark, ...] = ()
    if array.dtype.kind == "f":
        array, remarks = _whole(array, name)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > MAX_LABEL:
        raise InputError(f"{name} holds labels from {low} to {high}; expected 0 to 65,535.")
    return array.astype(np.uint8 if high <= 255 else np.uint16), remarks


def _whole(array: Array, name: str) -> tuple[Array, tuple[Remark, ...]]:
    """Return an array of floats as whole numbers; see `labels_of`."""
    remarks = []
    finite = np.isfinite(array)
    missing = int(array.size - np.count_nonzero(finite))
    if missing:
        array = np.where(finite, array, 0)
        remarks.append(
            Remark(
                "labels-not-finite",
                f"{name} holds {missing} NaN or infinite voxels, which count as 0.",
            )
        )
    whole = np.rint(array)
    off = np.abs(array - whole)
    if off.max() > NEARLY_WHOLE + _ROUNDING:
        raise InputError(
            f"{name} holds {float(array.flat[int(off.argmax())]):g}, which is not a whole number; "
            "expected labels from 0 to 65,535: a probability map must be thresholded first."
        )
    if off.max() > 0:
        remarks.append(
            Remark(
                "labels-not-whole",
                f"{name} holds labels that are not quite whole (such as "
                f"{float(array.flat[int(off.argmax())]):.6g}), as scaling leaves them; they are "
                "rounded.",
            )
        )
    return whole, tuple(remarks)
