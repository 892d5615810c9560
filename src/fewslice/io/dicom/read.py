"""DICOM: a folder with the files of one series, or one file. pydicom checks, GDCM decodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import ReadError
from fewslice.io.dicom.geometry import arrange, geometry_of
from fewslice.io.dicom.series import Slice, find_slices
from fewslice.io.itk import quiet
from fewslice.io.library_errors import reason
from fewslice.volumes.image import Array, Image


def read(path: Path) -> Image:
    """Read a series; i runs along the rows, j along the columns, k along the normal.

    Values are rescaled (HU for CT), float32 where the scaling is not whole. Slices at the same
    positions that one tag tells apart, such as time points, become channels.

    Raises ReadError or GeometryError.
    """
    channels = arrange(path, find_slices(path))
    geometry = geometry_of(channels[0])
    volumes = [_voxels(path, channel) for channel in channels]
    array = volumes[0] if len(volumes) == 1 else np.stack(volumes)
    return Image(array, geometry)


def _voxels(path: Path, channel: list[Slice]) -> Array:
    """Return the (i, j, k) pixels of slices in order."""
    import SimpleITK

    files = [str(part.file) for part in channel]
    several_frames = any(part.frame for part in channel)
    if several_frames and len(set(files)) > 1:
        raise ReadError(
            f"{path} holds several DICOM files with many slices each; expected one such file: "
            "point at it."
        )
    with quiet(SimpleITK):
        try:
            if several_frames:
                return _frames(path, channel, SimpleITK)
            reader = SimpleITK.ImageSeriesReader()
            reader.SetImageIO("GDCMImageIO")
            reader.SetFileNames(files)
            if _is_fractional(channel):
                reader.SetOutputPixelType(SimpleITK.sitkFloat32)
            pixels: Array = SimpleITK.GetArrayFromImage(reader.Execute())
        except RuntimeError as error:
            raise ReadError(
                f"{path} has pixels that cannot be decoded ({reason(error)}); expected whole "
                "files in a common compression: copy or export them again."
            ) from error
    return _as_stack(path, pixels, channel)


def _frames(path: Path, channel: list[Slice], itk: Any) -> Array:
    """Return the (i, j, k) pixels of the frames of one file, in order."""
    if len({part.rescale for part in channel}) > 1:
        raise ReadError(
            f"{path} scales each of its frames differently; expected one slope and intercept: "
            "convert the file to NIfTI (for example with dcm2niix)."
        )
    kind = itk.sitkFloat32 if _is_fractional(channel) else itk.sitkUnknown
    pixels: Array = itk.GetArrayFromImage(
        itk.ReadImage(str(channel[0].file), kind, imageIO="GDCMImageIO")
    )
    order = [part.frame for part in channel]
    if pixels.ndim != 3 or max(order) >= pixels.shape[0]:
        raise ReadError(
            f"{path} holds pixels of shape {pixels.shape[::-1]} but describes {max(order) + 1} "
            "frames; expected one frame for each: export it again."
        )
    return _as_stack(path, pixels if order == list(range(len(pixels))) else pixels[order], channel)


def _as_stack(path: Path, pixels: Array, channel: list[Slice]) -> Array:
    """Turn (k, j, i) pixels into a view (i, j, k); they must have the shape of the headers."""
    expected = (len(channel), *channel[0].matrix)
    if pixels.size != np.prod(expected) or pixels.shape[-2:] != expected[1:]:
        raise ReadError(
            f"{path} holds pixels of shape {pixels.shape[::-1]}; expected {expected[::-1]} from "
            "its headers: copy or export it again."
        )
    return pixels.reshape(expected).T


def _is_fractional(channel: list[Slice]) -> bool:
    """Whether the scaling gives fractions, or differs between slices (as in PET)."""
    rescales = {part.rescale for part in channel}
    return len(rescales) > 1 or not all(value.is_integer() for pair in rescales for value in pair)
