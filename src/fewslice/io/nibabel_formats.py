"""What nibabel reads besides NIfTI in one file: MGH, Analyze, and NIfTI as a pair of files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.formats import PAIR_SUFFIXES, suffix_of
from fewslice.io.library_errors import damage_named, quiet_logger, read_to_end, require_size
from fewslice.io.nifti import geometry_fields, is_packed, name_remarks, stored_geometry
from fewslice.io.nifti_forms import forms_of
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image, StoredGeometry

LONGEST_FOOTER = 1 << 20  # bytes behind the voxels of .mgh that may matter

File = Any  # nibabel has no types of its own


def read(path: Path) -> Image:
    """Read a file of FreeSurfer (.mgh, .mgz), or a pair .hdr and .img. Raises ReadError."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.freesurfer.mghformat import MGHError
    from nibabel.spatialimages import HeaderDataError

    if suffix_of(path) in PAIR_SUFFIXES:
        _require_both(path)
    kinds = (ImageFileError, HeaderDataError, MGHError)
    with quiet_logger("nibabel.global"), damage_named(path, *kinds):
        file = _load(path, nibabel)
        shape, channels = _shape(path, file.shape)
        data = Path(file.file_map["image"].filename)
        packed = is_packed(data)
        needed = math.prod(map(int, file.shape)) * file.get_data_dtype().itemsize
        require_size(path, data, needed, packed=packed)
        array = _values(path, file)
        return _with_geometry(path, file, array.reshape((*shape, channels), order="F"))


def _load(path: Path, nibabel: Any) -> File:
    if suffix_of(path) in (".mgz", ".mgh"):  # nibabel goes by the name, which may be wrong
        return _load_mgh(path)
    return nibabel.load(path)


def _load_mgh(path: Path) -> File:
    import gzip
    from io import BytesIO

    from nibabel.freesurfer.mghformat import MGHHeader, MGHImage

    packed = is_packed(path)
    with gzip.open(path) if packed else path.open("rb") as stream:
        head = stream.read(MGHHeader.template_dtype.itemsize)
        header = MGHHeader.from_fileobj(BytesIO(head))
        sizes = [int(length) for length in header.get_data_shape()]  # of 32 bits there
        needed = header.get_data_offset() + math.prod(sizes) * header.get_data_dtype().itemsize
        require_size(path, path, needed, packed=packed)
        content = head + stream.read(needed - len(head) + LONGEST_FOOTER)
        if packed:
            read_to_end(path, stream)
    file = MGHImage.from_stream(BytesIO(content))
    file.file_map["image"].filename = str(path)
    return file


def _require_both(path: Path) -> None:
    """Raise ReadError unless header and voxels are both there."""
    suffix = suffix_of(path)
    other = suffix.replace("hdr", "img") if "hdr" in suffix else suffix.replace("img", "hdr")
    stem = path.name[: -len(suffix)]
    names = {each.name.lower() for each in path.parent.iterdir()}
    if f"{stem}{other}".lower() not in names:
        raise ReadError(
            f"{path} is one of two files, and {stem}{other} is missing; copy both into the same "
            "folder."
        )


def _shape(path: Path, shape: tuple[int, ...]) -> tuple[tuple[int, int, int], int]:
    i, j, k, *rest = [*shape, 1, 1, 1][: max(len(shape), 3)]
    several = [length for length in rest if length > 1]
    if len(several) > 1 or min(shape, default=0) < 1:
        raise ReadError(
            f"{path} has axes of lengths {shape}; expected one volume or one axis of channels."
        )
    return (i, j, k), several[0] if several else 1


def _values(path: Path, file: File) -> Array:
    array: Array = np.asanyarray(file.dataobj)
    if array.dtype.kind not in "iuf":
        raise ReadError(
            f"{path} holds voxels of type {array.dtype}; expected one real number per voxel."
        )
    kind = np.dtype(np.float32) if array.dtype == np.float64 else array.dtype.newbyteorder("=")
    return array.astype(kind, copy=False)


def _with_geometry(path: Path, file: File, array: Array) -> Image:
    """Return the image of an array (i, j, k, channel)."""
    from nibabel.freesurfer.mghformat import MGHImage
    from nibabel.nifti1 import Nifti1Pair

    shape = (array.shape[0], array.shape[1], array.shape[2])
    channels = array[..., 0] if array.shape[3] == 1 else np.moveaxis(array, -1, 0)
    if isinstance(file, Nifti1Pair):
        fields = geometry_fields(path, file.header, 1)
        forms = forms_of(path, fields, shape)
        return Image(channels, forms.used, stored_geometry(fields, forms), forms.remarks)
    geometry = Geometry(shape, np.array(file.affine, np.float64))
    if isinstance(file, MGHImage):
        remarks = name_remarks(path, is_packed(path))
        return Image(channels, geometry, StoredGeometry("mgh", {}), remarks)
    known = bool((np.abs(file.header.get_zooms()[:3]) != 1).any())
    remark = Remark(
        "sides-unknown",
        f"{path} is an Analyze file, which does not say which side is left; its first axis is "
        "taken to run from right to left, as its rule was.",
    )
    return Image(channels, geometry, StoredGeometry("analyze", {}, known, placed=False), (remark,))
