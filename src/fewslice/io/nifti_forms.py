"""The two places a NIfTI header can give a volume, sform and qform, and who uses which.

nibabel takes the sform where its code is set, else the qform, else an upright grid around the
middle. ITK (3D Slicer, ITK-SNAP, ANTs) takes the sform only if it has code 1 or is alone, and never
one without right angles, and always with the voxel sizes of pixdim; without any code its grid
begins at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import GeometryError, Remark
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.placement import farthest_apart

Fields = dict[str, Any]
Shape = tuple[int, int, int]
Header = Any  # nibabel has no types of its own

QFORM_FIELDS = ("qform_code", "quatern_b", "quatern_c", "quatern_d")
OFFSET_FIELDS = ("qoffset_x", "qoffset_y", "qoffset_z")
SFORM_FIELDS = ("sform_code", "srow_x", "srow_y", "srow_z")
GEOMETRY_FIELDS = ("pixdim", "xyzt_units", *QFORM_FIELDS, *OFFSET_FIELDS, *SFORM_FIELDS)
MILLIMETRES = {1: 1000.0, 3: 0.001}  # xyzt_units in metres and micrometres; all others are mm

SFORM, QFORM, ITK, UPRIGHT = "sform", "qform", "itk", "upright"

_SCANNER = 1  # the code of a form that says where in the scanner a voxel was
_RIGHT_ANGLES = 1e-3  # of a cosine; ITK itself asks for as much


@dataclass(frozen=True)
class Forms:
    """The grids of a header. used: the one taken. readings: each, by name, if they differ."""

    used: Geometry
    readings: dict[str, Geometry]
    remarks: tuple[Remark, ...] = ()


def header_class(version: int) -> Any:
    """Return nibabel's class for the header of a version, 1 or 2."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    return Nifti1Header if version == 1 else Nifti2Header


def forms_of(path: Path, fields: Fields, shape: Shape) -> Forms:
    """Return the grids that a header gives a volume of that shape.

    A form that is impossible is left out if the other one is there. Raises GeometryError if no grid
    is left.
    """
    header = _filled(fields, shape)
    remarks = _negative_sizes(path, fields)
    makers: dict[str, Callable[[], Float64Array]] = {
        SFORM: header.get_sform,
        QFORM: partial(_qform, path, header),
    }
    named = [name for name in makers if fields[f"{name}_code"] > 0]
    found, errors = {}, {}
    for name in named:
        try:
            found[name] = Geometry(shape, _in_mm(makers[name](), fields))
        except GeometryError as error:
            errors[name] = error
    if named and not found:
        raise errors[named[0]]
    if not named:
        return _unplaced(path, header, fields, shape, remarks)
    used = next(iter(found.values()))
    for name in errors:
        remarks.append(_impossible(path, name, next(iter(found))))
    readings = {**found, **_itk_reading(fields, found)}
    if all(used.same_grid(each) for each in readings.values()):
        return Forms(used, {}, tuple(remarks))
    remarks.append(_contradiction(path, fields, used, readings))
    return Forms(used, readings, tuple(remarks))


def _filled(fields: Fields, shape: Shape) -> Header:
    """Return a header of nibabel with these fields, as nibabel repairs them while it loads."""
    header = header_class(fields["version"])(endianness="<")
    header["dim"][:4] = [3, *shape]
    for name in GEOMETRY_FIELDS:
        header[name] = fields[name]
    if abs(header["pixdim"][0]) != 1:
        header["pixdim"][0] = 1  # the standard: any other qfac means 1
    header["pixdim"][1:4] = np.abs(header["pixdim"][1:4])
    return header


def _qform(path: Path, header: Header) -> Float64Array:
    from nibabel.spatialimages import HeaderDataError

    try:
        with np.errstate(all="ignore"):
            return np.array(header.get_qform(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise GeometryError(
            f"{path} has a qform that is no rotation ({error}); repair the header of the file."
        ) from error


def _in_mm(affine: Float64Array, fields: Fields) -> Float64Array:
    affine = np.array(affine, dtype=np.float64)
    affine[:3] *= MILLIMETRES.get(int(fields["xyzt_units"]) & 7, 1.0)
    return affine


def _unplaced(
    path: Path, header: Header, fields: Fields, shape: Shape, remarks: list[Remark]
) -> Forms:
    """Return the grids of a header that says nothing of where its volume lies."""
    used = Geometry(shape, _in_mm(header.get_base_affine(), fields))
    upright = np.diag([-1.0, -1.0, 1.0, 1.0]) * np.array([*header["pixdim"][1:4], 1.0])
    itk = Geometry(shape, _in_mm(upright, fields))
    remarks.append(
        Remark(
            "place-unknown",
            f"{path} does not say where it lies (its sform and qform have code 0); its first axis "
            "is taken to run from right to left, as nibabel takes it.",
        )
    )
    return Forms(used, {UPRIGHT: used, ITK: itk}, tuple(remarks))


def _itk_reading(fields: Fields, found: dict[str, Geometry]) -> dict[str, Geometry]:
    """Return the grid that programs built on ITK see; empty if they refuse the file."""
    sform, qform = found.get(SFORM), found.get(QFORM)
    usable = sform is not None and _has_right_angles(sform)
    if sform is not None and usable and (qform is None or fields["sform_code"] == _SCANNER):
        scale = MILLIMETRES.get(int(fields["xyzt_units"]) & 7, 1.0)
        sizes = np.abs(fields["pixdim"][1:4].astype(np.float64)) * scale
        return {ITK: sform.with_spacing(sizes) if (sizes > 0).all() else sform}
    return {} if qform is None else {ITK: qform}


def _has_right_angles(geometry: Geometry) -> bool:
    unit = geometry.affine[:3, :3] / np.array(geometry.spacing)
    return bool(np.abs(unit.T @ unit - np.eye(3)).max() < _RIGHT_ANGLES)


def _negative_sizes(path: Path, fields: Fields) -> list[Remark]:
    sizes = fields["pixdim"][1:4]
    if not (sizes < 0).any() or (fields["sform_code"] > 0 and fields["qform_code"] == 0):
        return []
    return [
        Remark(
            "spacing-negative",
            f"{path} has negative voxel sizes ({', '.join(f'{n:g}' for n in sizes)}); they are "
            "taken as positive, since the directions of axes are stored elsewhere.",
        )
    ]


def _impossible(path: Path, broken: str, used: str) -> Remark:
    return Remark(
        "form-impossible",
        f"{path} has a {broken} that is no grid; its {used} is used.",
    )


def _contradiction(
    path: Path, fields: Fields, used: Geometry, readings: dict[str, Geometry]
) -> Remark:
    """Say which of the forms is used, why, and how far they are apart."""
    name = next(iter(readings))
    apart = max(farthest_apart(used, each) for each in readings.values())
    both = SFORM in readings and QFORM in readings
    codes = f"sform (code {fields['sform_code']})"
    codes += f" and qform (code {fields['qform_code']})" if both else " and voxel sizes"
    why = (
        "as nibabel and most programs for research do; those built on ITK (3D Slicer, ITK-SNAP, "
        "ANTs) may take the other"
    )
    return Remark(
        "header-contradiction",
        f"The {codes} of {path} put voxels up to {apart:.3g} mm apart; the {name} is used, {why}, "
        "and what is written repeats both.",
    )
