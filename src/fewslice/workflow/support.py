"""Support scans: other scans with labels, made ready for an engine to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, SliceIndex, blank_annotation, drawn_voxels
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis
from fewslice.engines import Scan, SupportScan
from fewslice.errors import InputError, Remark
from fewslice.io.scan_files import ScanFiles, read_pair
from fewslice.volumes.coerce import AnyArray, on_one_grid, require_array
from fewslice.volumes.geometry import Geometry, inplane_axes
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.masked import unmasked_image
from fewslice.volumes.orientation import turn_towards
from fewslice.volumes.respacing import own_geometry
from fewslice.volumes.spacing import Spacing, with_assumed_spacing

# Of slices in a row: that many are a whole body, or that many if the ends are so much smaller.
_LONG_RUN = 5
_SHORT_RUN = 3
_TAPERED = 0.75

_SAME_SPACING = 1e-3  # of two files, which round

Pair = tuple[Image, LabelMap]

Paths = tuple[tuple[ScanFiles, str], ...]
"""Of each support scan, its files and the path of its labels."""


def support_pairs(
    support: Sequence[tuple[Image | AnyArray, LabelMap | AnyArray]], image: Image
) -> tuple[Pair, ...]:
    """Give every support scan and its labels a grid, and check them against the scan to segment.

    Plain arrays are taken to lie as the scan does: with its spacing and its directions. Where
    another spacing was given for the scan, it is also that of support scans that say the same as
    the scan does itself, or nothing; others keep their own. Raises
    GeometryError or InputError, naming the number of the support scan, counted from 1.
    """
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in support):
        raise InputError(
            "Support scans are given otherwise than in pairs; expected a list with (scan, labels) "
            "for each of them, such as support=[(scan, labels)]."
        )
    return tuple(
        _checked(*pair, image, f"support scan {number}")
        for number, pair in enumerate(support, start=1)
    )


def assumed_of(support: Sequence[SupportScan]) -> tuple[Remark, ...]:
    """Say how the labels of support scans were understood, where that is not plain."""
    return tuple(
        each.after(f"Support scan {number}: ")
        for number, scan in enumerate(support, start=1)
        for each in scan.annotation.remarks
    )


def _checked(scan: Image | AnyArray, labels: LabelMap | AnyArray, image: Image, name: str) -> Pair:
    require_array(scan, Image, name, "read_image")
    if not isinstance(scan, Image) and not isinstance(labels, LabelMap):
        array = unmasked_image(scan)
        if array.ndim in (3, 4):
            scan = Image(array, Geometry(array.shape[-3:], image.geometry.affine))
    scan, labels = on_one_grid(
        scan,
        labels,
        _spacing_given(scan, labels, image),
        image_is=name,
        labels_are=f"the label map of {name}",
    )
    scan = with_assumed_spacing(scan)
    mine, theirs = len(image.channels), len(scan.channels)
    if mine != theirs:
        raise InputError(
            f"{name[0].upper()}{name[1:]} has {theirs} channels, the scan to segment {mine}; give "
            "scans with the same channels in the same order."
        )
    if not drawn_voxels(labels.array).any():
        raise InputError(
            f"The labels of {name} hold no structure (every voxel is 0 or 255); leave it out, or "
            "give the labels that belong to it."
        )
    return scan, labels


@lru_cache(maxsize=1)  # a worker answers for many scans from the same support
def read_support(paths: Paths) -> tuple[tuple[Image, LabelMap], ...]:
    """Read support scans with their labels. paths: (scan, labels) of each."""
    return tuple(read_pair(scan, Path(labels)) for scan, labels in paths)


def _spacing_given(
    scan: Image | AnyArray, labels: LabelMap | AnyArray, image: Image
) -> Spacing | None:
    """Return the spacing given for the scan to segment, if the support scan needs it as well."""
    if image.stored is None or image.stored.geometry is None:
        return None
    source = scan if isinstance(scan, Image) else labels
    if not isinstance(source, Image | LabelMap):
        return None
    unknown = source.stored is not None and not source.stored.spacing_known
    own = own_geometry(image).spacing
    alike = np.allclose(source.geometry.spacing, own, rtol=_SAME_SPACING, atol=0)
    return image.geometry.spacing if unknown or alike else None


def support_scans(
    pairs: Sequence[Pair], geometry: Geometry, axis: int, *, strict: bool = False
) -> tuple[SupportScan, ...]:
    """Return support scans as engines take them: turned to run as the scan to segment does.

    geometry: of the scan to segment. axis: across which the slices of complete labels lie (see
    `support_annotation`), an axis of the scan to segment. strict: as in `find_annotation`.
    """
    return tuple(_support_scan(*pair, geometry, axis, strict) for pair in pairs)


def _support_scan(
    image: Image, labels: LabelMap, like: Geometry, axis: int, strict: bool
) -> SupportScan:
    turn = turn_towards(image.geometry, like)
    grid = turn.geometry(image.geometry)
    annotation = support_annotation(turn.array(labels.array), grid, axis, strict=strict)
    return SupportScan(Scan(turn.array(image.channels), grid), annotation)


def support_annotation(
    labels: AnyArray, geometry: Geometry, axis: int, *, strict: bool = False
) -> Annotation:
    """Return what the labels of a support scan say.

    Complete labels say something of every voxel: all slices of the scan count as annotated, across
    `axis`, so that beyond its ends a structure is known not to be there. Complete are labels that
    go from slice to slice without a gap, each time at least five slices, or three that become
    smaller towards both ends. Others are taken as those of the scan to segment are.
    """
    found = find_annotation(labels, geometry, strict=strict)
    if len(found.axes) > 1 or found.planes or not _whole_bodies(labels, found):
        return found
    whole = tuple((axis, index) for index in range(labels.shape[axis]))
    # Nothing has to be assumed of complete labels; slips of a hand they may hold all the same.
    slips = tuple(each for each in found.remarks if each.code == "few-voxels-in-all")
    return Annotation(labels, whole, remarks=slips)


def _whole_bodies(labels: AnyArray, found: Annotation) -> bool:
    """Whether every run of neighbouring annotated slices can be a whole body, not part of one."""
    indices = found.along(found.axis)
    others = inplane_axes(found.axis)
    areas = np.count_nonzero(drawn_voxels(labels), axis=others)[list(indices)]
    breaks = [n for n, (a, b) in enumerate(pairwise(indices), 1) if b != a + 1]
    runs = (areas[start:stop] for start, stop in pairwise([0, *breaks, len(indices)]))
    return all(len(run) >= _LONG_RUN or _tapers(run) for run in runs)


def _tapers(areas: npt.NDArray[np.intp]) -> bool:
    ends = max(areas[0], areas[-1])
    return len(areas) >= _SHORT_RUN and bool(ends < _TAPERED * areas.max())


def supported_annotation(
    labels: LabelMap,
    geometry: Geometry,
    named: Sequence[SliceIndex],
    pairs: Sequence[Pair],
    *,
    strict: bool = False,
) -> tuple[Annotation, tuple[SupportScan, ...]]:
    """Return the annotation of the scan to segment, and its support scans ready for an engine.

    named, strict: as in `find_annotation`. The annotation has the labels its support holds as well.
    Without a label and without a named slice it has no slices, and its main axis is that of most
    support scans.
    """
    usual = annotation_axis(geometry)
    own = (
        find_annotation(labels.array, geometry, named, strict=strict)
        if drawn_voxels(labels.array).any()
        else None
    )
    axis = own.axis if own else named[0][0] if named else usual
    support = support_scans(pairs, geometry, axis, strict=strict)
    values = sorted({value for each in support for value in each.annotation.values})
    if own:
        return own.with_values(values), support
    if named:
        return find_annotation(labels.array, geometry, named, values), support
    counts = Counter(each.annotation.axis for each in support)
    most = max(counts, key=lambda axis: (counts[axis], axis == usual))
    return blank_annotation(labels.array, most, values), support
