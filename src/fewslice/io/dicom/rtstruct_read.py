"""RT Structure Set as labels on the voxels of its scan: only the slices that were outlined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, InputError, ReadError, Remark
from fewslice.io.dicom.display_colour import rgb_colour
from fewslice.io.dicom.files import damage_named
from fewslice.io.dicom.kinds import read_whole
from fewslice.io.dicom.outlines import filled
from fewslice.io.dicom.planes import Dataset
from fewslice.io.dicom.segments import label_text
from fewslice.io.itk import LPS_TO_RAS
from fewslice.typing import BoolArray, Float64Array
from fewslice.volumes.colours import Colour
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import MAX_LABEL, UNKNOWN, Image, LabelMap
from fewslice.volumes.respacing import own_geometry
from fewslice.volumes.segments import named_segments

OFF_SLICE = 0.25
"""So far, in slices, an outline may lie from the slice that it is taken for."""

PLANAR = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "")


def read(path: Path, scan: Image | None) -> LabelMap:
    """Read outlines onto the voxels of a scan: a voxel is inside if its centre is, or on an edge.

    Outlines within others are holes. Labels are the ROI numbers, or 1 and up in their order where
    those are no labels. Where ROIs overlap, the one of fewer voxels counts. Raises ReadError,
    InputError without a scan, and GeometryError if outlines do not lie on its slices.
    """
    if scan is None:
        raise InputError(
            f"{path} is an RTSTRUCT, which holds outlines but no voxels; give it together with the "
            "scan that it was drawn on."
        )
    with damage_named(path):
        return _read(path, scan)


def _read(path: Path, scan: Image) -> LabelMap:
    dataset = read_whole(path)
    rois = _rois(path, dataset)
    geometry = own_geometry(scan)
    left_out: list[str] = []
    masks = {}
    for label, (_, _, contours) in rois.items():
        masks[label] = _mask(path, contours, geometry, left_out)
    if not any(mask.any() for mask in masks.values()):
        raise InputError(f"{path} holds no closed outline on the scan; outline a structure there.")
    array = np.zeros(geometry.shape, np.uint8 if max(rois) <= UNKNOWN else np.uint16)
    overlapping = np.zeros(geometry.shape, bool)
    for label in sorted(masks, key=lambda each: -np.count_nonzero(masks[each])):
        overlapping |= (array != 0) & masks[label]
        array[masks[label]] = label
    remarks = _remarks(path, left_out, int(np.count_nonzero(overlapping)))
    names = {label: name for label, (name, _, _) in rois.items() if name}
    colours = {label: colour for label, (_, colour, _) in rois.items()}
    return LabelMap(array, geometry, scan.stored, remarks, named_segments(names, colours))


def _rois(path: Path, dataset: Dataset) -> dict[int, tuple[str, Colour | None, list[Dataset]]]:
    """Return the name, the colour and the contours of each ROI that has some, by label."""
    names = {
        int(roi.ROINumber): label_text(roi.get("ROIName"))
        for roi in dataset.get("StructureSetROISequence") or []
    }
    contours = {
        int(roi.ReferencedROINumber): list(roi.get("ContourSequence") or [])
        for roi in dataset.get("ROIContourSequence") or []
    }
    colours = {
        int(roi.ReferencedROINumber): rgb_colour(roi.get("ROIDisplayColor"))
        for roi in dataset.get("ROIContourSequence") or []
    }
    numbers = [number for number in names if contours.get(number)]
    if not numbers:
        raise ReadError(f"{path} is an RTSTRUCT without outlines; export it again.")
    fit = all(0 < number <= MAX_LABEL and number != UNKNOWN for number in numbers)
    labels = numbers if fit else [n + (n >= UNKNOWN) for n in range(1, len(numbers) + 1)]
    return {
        label: (names[number], colours.get(number), contours[number])
        for label, number in zip(labels, numbers, strict=True)
    }


def _mask(
    path: Path, contours: Sequence[Dataset], geometry: Geometry, left_out: list[str]
) -> BoolArray:
    """Return the voxels of one ROI. left_out: gets why contours say nothing here."""
    slices: dict[tuple[int, int], list[Float64Array]] = {}
    for points in _closed(path, contours, left_out):
        axis, index, outline = _on_slice(path, points, geometry)
        if 0 <= index < geometry.shape[axis]:
            slices.setdefault((axis, index), []).append(outline)
        else:
            left_out.append("outside of the scan")
    mask = np.zeros(geometry.shape, bool)
    for (axis, index), outlines in slices.items():
        rows, columns = inplane_axes(axis)
        drawn = filled(outlines, (geometry.shape[rows], geometry.shape[columns]))
        mask[(slice(None),) * axis + (index,)] |= drawn
    return mask


def _closed(path: Path, contours: Sequence[Dataset], left_out: list[str]) -> Iterator[Float64Array]:
    """Yield the points (n, 3) of closed outlines, LPS+ mm."""
    for contour in contours:
        if str(contour.get("ContourGeometricType", "") or "") not in PLANAR:
            left_out.append("points or open lines")
            continue
        try:
            points = np.array(contour.get("ContourData") or [], dtype=np.float64).reshape(-1, 3)
        except ValueError as error:
            raise ReadError(
                f"{path} has an outline that is not made of points in space; export it again."
            ) from error
        if len(points) < 3 or not np.isfinite(points).all():
            left_out.append("of fewer than three points")
            continue
        yield points


def _on_slice(
    path: Path, points: Float64Array, geometry: Geometry
) -> tuple[int, int, Float64Array]:
    """Return the array axis and index of the slice of an outline, and it as (column, row)."""
    inverse = np.linalg.inv(geometry.affine)
    voxels = (points * LPS_TO_RAS) @ inverse[:3, :3].T + inverse[:3, 3]
    extent = np.ptp(voxels, axis=0)
    axis = int(extent.argmin())
    index = round(float(voxels[:, axis].mean()))
    off = float(np.abs(voxels[:, axis] - index).max())
    if off > OFF_SLICE:
        raise GeometryError(
            f"{path} has an outline that lies {off:.2g} slices off those of the scan; expected "
            "outlines drawn on this very scan: give the series that they were drawn on."
        )
    rows, columns = inplane_axes(axis)
    return axis, index, voxels[:, [columns, rows]]


def _remarks(path: Path, left_out: list[str], overlapping: int) -> tuple[Remark, ...]:
    remarks = []
    for why in sorted(set(left_out)):
        count = left_out.count(why)
        number = "One outline" if count == 1 else f"{count} outlines"
        remarks.append(Remark("outlines-left-out", f"{number} in {path} left out: {why}."))
    if overlapping:
        remarks.append(
            Remark(
                "segments-overlap",
                f"{path} has {overlapping} voxels in several structures; a voxel has one label "
                "here, and that of the structure with fewer voxels counts.",
            )
        )
    return tuple(remarks)
