"""NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz), read and written by nibabel.

The header is checked here first, without nibabel's repairs: they would hide a spacing of zero, and
the geometry fields are written back bit for bit.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError, ReadError, Remark
from fewslice.io.library_errors import damage_named, read_to_end, require_size
from fewslice.io.nifti_forms import (
    GEOMETRY_FIELDS,
    ITK,
    QFORM,
    SFORM,
    Forms,
    forms_of,
    header_class,
)
from fewslice.volumes.image import Array, Image, LabelMap, StoredGeometry

Header = Any  # nibabel has no types of its own

VERSIONS = {348: 1, 540: 2}  # by the length of the header


def read(path: Path) -> Image:
    """Read a file with its stored type, or as float32 if it holds scaled values.

    Raises ReadError or GeometryError.
    """
    from nibabel.arrayproxy import ArrayProxy

    packed = is_packed(path)
    with damage_named(path), gzip.open(path) if packed else path.open("rb") as stream:
        header = _header(path, stream.read(540))
        shape, channels = _shape(path, header)
        dtype = _dtype(path, header)
        offset = _offset(path, header)
        fields = geometry_fields(path, header, VERSIONS[header.sizeof_hdr])
        forms = forms_of(path, fields, shape)
        require_size(
            path, path, offset + math.prod(shape) * channels * dtype.itemsize, packed=packed
        )
        proxy = ArrayProxy(stream, ((*shape, channels), dtype, offset), mmap=False)
        array = _scaled(path, header, proxy.get_unscaled())
        if packed:
            read_to_end(path, stream)
    array = array[..., 0] if channels == 1 else np.moveaxis(array, -1, 0)
    stored = stored_geometry(fields, forms)
    return Image(array, forms.used, stored, (*name_remarks(path, packed), *forms.remarks))


def stored_geometry(fields: dict[str, Any], forms: Forms) -> StoredGeometry:
    """Return what a header says of its grid."""
    placed = bool(fields["sform_code"] > 0 or fields["qform_code"] > 0)
    known = says_spacing(fields)
    return StoredGeometry("nifti", fields, known, readings=forms.readings, placed=placed)


def is_packed(path: Path) -> bool:
    """Whether a file is compressed with gzip, whatever its name says."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def name_remarks(path: Path, packed: bool) -> tuple[Remark, ...]:
    """Say so if the name of a file is wrong about its compression."""
    named = path.name.lower().endswith((".gz", ".mgz"))
    if named == packed:
        return ()
    found, right = ("is", "with") if packed else ("is not", "without")
    return (
        Remark(
            "name-misleads",
            f"{path} {found} compressed with gzip, other than its name says; it is read as it is. "
            f"Other programs want a name {right} .gz.",
        ),
    )


def write(path: Path, volume: Image | LabelMap) -> None:
    """Write a file without scaling; the geometry is the stored one if it came from a NIfTI file."""
    from nibabel.nifti1 import Nifti1Image
    from nibabel.nifti2 import Nifti2Image
    from nibabel.openers import ImageOpener

    version = _version(volume)
    header = header_class(version)(endianness="<")
    for name, value in _fields_to_write(volume).items():
        header[name] = value
    array = volume.array if volume.array.ndim == 3 else np.moveaxis(volume.array, 0, -1)
    header.set_data_dtype(array.dtype)
    kind = Nifti1Image if version == 1 else Nifti2Image
    with ImageOpener(path, "wb") as stream:  # to_filename leaves it open if the disk is full
        kind(array, None, header, dtype=array.dtype).to_stream(stream)


def _header(path: Path, head: bytes) -> Header:
    """Interpret the first bytes of a file without nibabel's silent repairs."""
    for kind in map(header_class, (1, 2)):
        if kind.may_contain_header(head):
            order = "<" if int.from_bytes(head[:4], "little") == kind.sizeof_hdr else ">"
            header = kind(head[: kind.sizeof_hdr], endianness=order, check=False)
            if header["magic"].item() == kind.single_magic:
                return header
    raise ReadError(
        f"{path} is not a NIfTI file or is cut off within its header; expected a single-file "
        "NIfTI header (magic n+1 or n+2): convert or copy the file again."
    )


def _shape(path: Path, header: Header) -> tuple[tuple[int, int, int], int]:
    """Return the grid's shape and the number of channels; a 2-D image is one slice."""
    count = int(header["dim"][0])
    dims = [int(n) for n in header["dim"][1 : 1 + max(count, 0)]]
    if not 2 <= count <= 7 or min(dims) < 1:
        raise ReadError(
            f"{path} has {count} axes with lengths {dims}; expected 2 to 7 axes of at least one "
            "voxel: its header is damaged, copy the file again."
        )
    i, j, k, *rest = [*dims, 1][: max(count, 3)]
    several = [n for n in rest if n > 1]
    if len(several) > 1:
        raise ReadError(
            f"{path} has {count} axes with lengths {dims}; expected one volume or one axis of "
            "channels or time points: extract the part to segment."
        )
    return (i, j, k), several[0] if several else 1


def _dtype(path: Path, header: Header) -> np.dtype[np.generic]:
    """Return the stored type, or raise ReadError if it is not one real number per voxel."""
    try:
        dtype: np.dtype[np.generic] = header.get_data_dtype()
    except KeyError:
        dtype = np.dtype(np.void)
    if dtype.kind not in "iuf":
        raise ReadError(
            f"{path} holds voxels of NIfTI type {int(header['datatype'])} ({_type_name(dtype)}); "
            "expected one real number per voxel: convert colour or complex images first."
        )
    return dtype


def _type_name(dtype: np.dtype[np.generic]) -> str:
    if dtype.names:
        return "colour"
    return "complex" if dtype.kind == "c" else "unsupported"


def _offset(path: Path, header: Header) -> int:
    """Return the position of the voxels in the (unpacked) file."""
    offset = float(header["vox_offset"])
    if offset == 0:
        return int(header.single_vox_offset)  # some programs leave it empty
    if not header.sizeof_hdr <= offset <= 2**62:
        raise ReadError(
            f"{path} says its voxels begin at byte {offset:g}; expected at least "
            f"{header.sizeof_hdr}: its header is damaged, copy the file again."
        )
    return int(offset)


def _scaled(path: Path, header: Header, array: Array) -> Array:
    """Apply slope and intercept, slice by slice in double precision; float32 if there are any."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope) or (slope, inter) == (1, 0):
        wide = array.dtype.itemsize > 8
        return array.astype(np.float64 if wide else array.dtype.newbyteorder("="), copy=False)
    if not math.isfinite(inter):
        raise ReadError(
            f"{path} has the intercept {inter} in its header; expected a finite number: set "
            "scl_inter to 0 if the values need no scaling."
        )
    scaled = np.empty(array.shape, np.float32, order="F")
    with np.errstate(all="ignore"):  # what overflows becomes infinite and is reported as such
        for index in np.ndindex(array.shape[2:]):
            scaled[:, :, *index] = array[:, :, *index] * slope + inter
    return scaled


def geometry_fields(path: Path, header: Header, version: int) -> dict[str, Any]:
    """Copy the geometry fields and check the voxel sizes where the affine depends on them."""
    fields: dict[str, Any] = {"version": version}
    for name in GEOMETRY_FIELDS:
        value = np.array(header[name])
        fields[name] = value.astype(value.dtype.newbyteorder("="))
    pixdim = fields["pixdim"]
    if header["dim"][0] == 2 and not pixdim[3] > 0:
        pixdim[3] = 1  # a single image has no third voxel size
    sizes = pixdim[1:4]
    if fields["sform_code"] == 0 and not (np.isfinite(sizes) & (sizes != 0)).all():
        raise GeometryError(
            f"{path} has zero spacing, or none ({', '.join(f'{n:g}' for n in sizes)}); "
            "expected three positive numbers in pixdim: repair the header of the file."
        )
    return fields


def says_spacing(fields: dict[str, Any]) -> bool:
    """Whether somebody set the spacing: a header nobody touched has ones and no unit."""
    placed = bool(fields["sform_code"] or fields["qform_code"])
    unit = int(fields["xyzt_units"]) & 7
    return placed or unit != 0 or not (fields["pixdim"][1:4] == 1).all()


def _version(volume: Image | LabelMap) -> int:
    """Return the NIfTI version to write: the stored one, but 2 where 1 cannot hold the shape."""
    if max(volume.array.shape) > np.iinfo(np.int16).max:
        return 2
    stored = volume.stored
    return int(stored.fields["version"]) if stored and stored.kind == "nifti" else 1


def _fields_to_write(volume: Image | LabelMap) -> dict[str, Any]:
    """Return the geometry fields: those stored if they still tell where the volume lies."""
    geometry, stored = volume.geometry, volume.stored
    if stored is not None and stored.kind == "nifti":
        here = forms_of(Path("the stored header"), stored.fields, geometry.shape).used
        if np.array_equal(here.affine, geometry.affine):
            return {name: stored.fields[name] for name in GEOMETRY_FIELDS}
    readings = [stored and stored.reading(name, geometry) for name in (SFORM, QFORM, ITK)]
    sform, qform, itk = readings
    other = qform or itk
    header = header_class(_version(volume))()
    header.set_data_shape(geometry.shape)
    if stored and other:  # programs differ in where the scan lies, so they must here
        header.set_qform(
            other.affine, code=int(stored.fields["qform_code"]) if qform else "scanner"
        )
        # Beside an sform of another code than "scanner", ITK takes the qform.
        code = int(stored.fields["sform_code"]) if qform else "aligned"
        header.set_sform((sform or geometry).affine, code=code)
    else:
        header.set_sform(geometry.affine, code="scanner")
        header.set_qform(geometry.affine, code="scanner")
    expected = other or geometry
    size = min(expected.spacing)
    if not np.allclose(header.get_qform(), expected.affine, rtol=0, atol=1e-3 * size):
        header["qform_code"] = 0  # a sheared grid has no qform
    header["xyzt_units"] = 2  # mm
    return {name: np.array(header[name]) for name in GEOMETRY_FIELDS}
