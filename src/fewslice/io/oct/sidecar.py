"""What an OCT file says, kept beside a converted scan: SCAN.oct.json and SCAN.fundus.png."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.atomic import atomic_path
from fewslice.io.formats import suffix_of
from fewslice.io.oct import dicom
from fewslice.io.oct.info import OctInfo, oct_info
from fewslice.volumes.image import Image

_DAMAGE = (ValueError, KeyError, TypeError, AttributeError)


def find_info(path: Path, image: Image) -> OctInfo | None:
    """Return what is known of a scan: from its own file, from beside it, or from DICOM.

    path: of the scan. image: as it was read. Raises ReadError if the file beside it is damaged.
    """
    return oct_info(image) or _read(path) or dicom.read_info(path)


def write_info(scan: Path, info: OctInfo) -> tuple[Path, ...]:
    """Write what is known beside a scan, and return the files. Raises WriteError."""
    told, pictured = beside(scan)
    written = [told]
    with atomic_path(told) as temporary:
        temporary.write_text(json.dumps(as_dict(info), indent=1) + "\n", encoding="utf-8")
    if info.fundus is not None:
        from PIL import Image as Picture

        with atomic_path(pictured) as temporary:
            Picture.fromarray(info.fundus).save(temporary, format="PNG")
        written.append(pictured)
    return tuple(written)


def as_dict(info: OctInfo) -> dict[str, Any]:
    """Return what is known as plain values for JSON, without the fundus image."""
    return {
        "device": info.device,
        "laterality": info.laterality,
        "spacing_from": list(info.spacing_from),
        "directions_known": info.directions_known,
        "positions_mm": None if info.positions is None else info.positions.tolist(),
        "fundus_spacing_mm": info.fundus_spacing,
        "motion_voxels": None if info.motion is None else info.motion.tolist(),
        "remarks": [{"code": each.code, "sentence": str(each)} for each in info.remarks],
    }


def _read(scan: Path) -> OctInfo | None:
    told, pictured = beside(scan)
    if not told.is_file():
        return None
    try:
        info = _from_dict(json.loads(told.read_text(encoding="utf-8")))
    except _DAMAGE as error:
        raise ReadError(
            f"{told} is damaged ({error}); expected what fewslice oct convert wrote: convert the "
            "scan again, or remove the file."
        ) from error
    if not pictured.is_file():
        return info
    from PIL import Image as Picture

    with Picture.open(pictured) as picture:
        return replace(info, fundus=np.asarray(picture))


def _from_dict(told: dict[str, Any]) -> OctInfo:
    axis, depth, across = (str(each) for each in told["spacing_from"])
    positions, motion = told["positions_mm"], told["motion_voxels"]
    rows = told["fundus_spacing_mm"]
    return OctInfo(
        device=str(told["device"]),
        laterality=str(told["laterality"]),
        spacing_from=(axis, depth, across),
        directions_known=bool(told["directions_known"]),
        positions=None if positions is None else np.array(positions, dtype=np.float64),
        fundus_spacing=None if rows is None else (float(rows[0]), float(rows[1])),
        motion=None if motion is None else np.array(motion, dtype=np.int64),
        remarks=tuple(Remark(each["code"], each["sentence"]) for each in told["remarks"]),
    )


def beside(scan: Path) -> tuple[Path, Path]:
    """Return the names of the two files beside a scan."""
    name = scan.name[: -len(suffix_of(scan)) or None]
    return scan.with_name(f"{name}.oct.json"), scan.with_name(f"{name}.fundus.png")
