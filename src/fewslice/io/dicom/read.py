"""DICOM: a folder with the files of one series, or one file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.dicom.channels import split
from fewslice.io.dicom.choice import choose
from fewslice.io.dicom.geometry import Stack, fit, plane_of
from fewslice.io.dicom.pixels import Frame, join, stored_pixels
from fewslice.io.dicom.series import Slice
from fewslice.volumes.image import Array, Image, StoredGeometry

Told = Callable[[Image], None]
"""Called with all that headers say of a scan, without its voxels, which are 0."""

_LONG = 3.0  # seconds of decoding from which on headers are told before
_PER_VOXEL, _PER_PACKED_VOXEL = 1e-8, 1e-7  # seconds, of JPEG 2000; other ways are faster


def read(
    path: Path,
    series: int | str | None = None,
    fill_gaps: bool = False,
    told: Told | None = None,
) -> Image:
    """Read a series; i runs along the rows, j along the columns, k along the normal.

    Values are rescaled (HU for CT), float32 where the scaling is not whole. Slices at the same
    positions that one tag tells apart, such as time points, become channels. series: which volume
    of a folder, by its number in the list or its UID. fill_gaps: interpolate missing slices.
    told: called before the voxels are read, if that takes seconds.

    Raises ReadError, InputError or GeometryError.
    """
    slices, chosen = choose(path, series)
    pixels = cache(stored_pixels)  # a file of many frames is decoded once
    directions, rounded = plane_of(path, slices)
    normal = np.cross(directions[:, 0], directions[:, 1])
    channels, copies = split(path, slices, normal, _same_values(pixels))
    stacks = [fit(path, channel, directions, fill_gaps) for channel in channels]
    own = slices[0].series
    fields = {"series": own.uid, "patient": own.patient, "frame_of_reference": own.frame}
    stored = StoredGeometry("dicom", fields, slices[0].spacing_known)
    if told is not None and _seconds(slices) > _LONG:
        geometry = stacks[0].geometry
        told(Image(np.broadcast_to(np.int16(0), geometry.shape), geometry, stored))
    volumes = [_voxels(path, stack, pixels) for stack in stacks]
    array = volumes[0] if len(volumes) == 1 else np.stack(volumes)
    remarks = (*chosen, *slices[0].remarks, *rounded, *copies, *stacks[0].remarks)
    return Image(array, stacks[0].geometry, stored, (*remarks, *_inverted(path, slices)))


def _seconds(slices: list[Slice]) -> float:
    """Return how long decoding takes, roughly."""
    rows, columns = slices[0].matrix
    packed = sum(part.packed for part in slices)
    each = packed * _PER_PACKED_VOXEL + (len(slices) - packed) * _PER_VOXEL
    return rows * columns * each


Pixels = Callable[[Path], Array]


def _same_values(pixels: Pixels) -> Callable[[Slice, Slice], bool]:
    def same(one: Slice, other: Slice) -> bool:
        mine, theirs = pixels(one.file)[one.frame], pixels(other.file)[other.frame]
        return one.rescale == other.rescale and np.array_equal(mine, theirs)

    return same


def _voxels(path: Path, stack: Stack, pixels: Pixels) -> Array:
    """Return the (i, j, k) values of slices in order, interpolated where slices are missing."""
    array = join([_frame(path, part, pixels) for part in stack.slices])
    if stack.count == len(stack.slices):
        return array
    return _filled(array, stack)


def _frame(path: Path, part: Slice, pixels: Pixels) -> Frame:
    stored = pixels(part.file)
    if part.frame >= len(stored) or stored.shape[1:] != part.matrix:
        raise ReadError(
            f"{path} holds pixels of shape {stored.shape[::-1]} in {part.file.name}; its header "
            f"says {part.matrix[::-1]} and at least {part.frame + 1} frames: copy or export it "
            "again."
        )
    return Frame(stored[part.frame], *part.rescale)


def _filled(array: Array, stack: Stack) -> Array:
    """Return an array with every slice of the grid: linear between those that are there."""
    every = np.arange(stack.count)
    position = np.interp(every, stack.places, np.arange(len(stack.slices)))
    below = np.floor(position).astype(int)
    above = np.ceil(position).astype(int)
    part = (position - below).astype(np.float32)
    mixed: Array = array[..., below] * (1 - part) + array[..., above] * part
    mixed = np.rint(mixed) if array.dtype.kind in "iu" else mixed
    filled: Array = mixed.astype(array.dtype)
    filled[..., stack.places] = array  # what is there stays to the last digit
    return filled


def _inverted(path: Path, slices: list[Slice]) -> tuple[Remark, ...]:
    """Say that viewers show a scan inverted."""
    inverted = sum(part.inverted for part in slices)
    if not inverted:
        return ()
    which = "is" if inverted == len(slices) else f"is, in {inverted} of {len(slices)} slices,"
    return (
        Remark(
            "shown-inverted",
            f"{path} {which} MONOCHROME1: viewers show low values bright; its numbers are read as "
            "they are, and not inverted.",
        ),
    )
