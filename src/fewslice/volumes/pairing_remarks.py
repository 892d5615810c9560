"""What people should know of how a label map was brought onto its scan's grid."""

from __future__ import annotations

from dataclasses import dataclass

from fewslice.errors import Remark
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.placement import Placement
from fewslice.volumes.readings import OWN, UNTILTED, is_placed
from fewslice.volumes.respacing import own_geometry

SHAPE = "shape"  # stands for a reading: as an array is read


_WORTH_SAYING = 0.05  # voxels


@dataclass(frozen=True)
class Fit:
    """How a label map lies in its scan, by one reading of each header."""

    placement: Placement
    scan: str
    labels: str


@dataclass(frozen=True)
class Names:
    """What scan and label map are, for messages, such as "the image"."""

    scan: str = "the image"
    labels: str = "the label map"


def pairing_remarks(image: Image, labels: LabelMap, fit: Fit, names: Names) -> list[Remark]:
    """Say how a label map was understood, beginning with what is least to be expected."""
    found = [
        _reading_remark(fit, names),
        _shape_remark(labels, fit, names),
        _order_remark(image, labels, fit, names),
        _place_remark(image, labels, fit, names),
    ]
    return [each for each in found if each is not None]


def _reading_remark(fit: Fit, names: Names) -> Remark | None:
    """Say which form of the headers, other than their own, made them fit."""
    if fit.scan.startswith(UNTILTED) or fit.labels.startswith(UNTILTED):
        return Remark(
            "gantry-tilt",
            f"The slices of {names.scan} are shifted by the tilt of the gantry, and only one of "
            f"the two headers says so; {names.labels} is taken voxel by voxel.",
        )
    if (fit.scan, fit.labels) in ((OWN, OWN), (OWN, SHAPE)):
        return None
    named = [
        f"the {name if name != 'itk' else 'place that ITK reads'} of {whose}"
        for name, whose in ((fit.scan, names.scan), (fit.labels, names.labels))
        if name != OWN
    ]
    return Remark(
        "other-form",
        f"{capital(names.labels)} lies on {names.scan} by {' and '.join(named)}; what is written "
        f"says all that {names.scan} says of its place.",
    )


def _shape_remark(labels: LabelMap, fit: Fit, names: Names) -> Remark | None:
    if fit.labels != SHAPE:
        return None
    silent = names.labels if not is_placed(labels) else names.scan
    return Remark(
        "labels-by-shape",
        f"The header of {silent} does not say where it lies; {names.labels} has the shape of "
        f"{names.scan} and is taken voxel by voxel.",
    )


def _order_remark(image: Image, labels: LabelMap, fit: Fit, names: Names) -> Remark | None:
    if fit.placement.turn.changes_nothing:
        return None
    order, scan_order = ("".join(own_geometry(each).axis_codes) for each in (labels, image))
    return Remark(
        "labels-reordered",
        f"{capital(names.labels)} holds the voxels of {names.scan} in another order ({order}, not "
        f"{scan_order}); the result has that order, and slices count in it.",
    )


def _place_remark(image: Image, labels: LabelMap, fit: Fit, names: Names) -> Remark | None:
    """Say which part of the scan a label map covers, or else how far off its grid it lies."""
    if not fit.placement.is_whole(labels.geometry.shape):
        mine, theirs = (each.geometry.describe("shape") for each in (image, labels))
        return Remark(
            "labels-extent",
            f"{capital(names.labels)} covers {theirs} voxels, {names.scan} {mine}; the result "
            "covers what the label map does, so nothing beyond that is segmented.",
        )
    if fit.placement.off <= _WORTH_SAYING:
        return None
    return Remark(
        "labels-rounded",
        f"{capital(names.labels)} lies up to {fit.placement.off:.2g} voxels off the grid of "
        f"{names.scan}, as rounding in headers does; it is taken voxel by voxel.",
    )


def capital(name: str) -> str:
    """Return what a scan or label map is called at the beginning of a sentence."""
    return name[0].upper() + name[1:]
