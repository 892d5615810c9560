"""A label map and its scan brought onto the label map's grid, if they are the same voxels.

Programs store the same voxels in other words: with axes reversed or exchanged, cropped or padded,
with rounded headers, by one of two forms that contradict each other, without the tilt of a gantry.
None of that needs resampling. The scan is put into the order and extent of its label map, so that
an answer lies on the label map's grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from fewslice.errors import GeometryError
from fewslice.volumes.geometry import Geometry, disagreement
from fewslice.volumes.image import UNKNOWN, Image, LabelMap, StoredGeometry
from fewslice.volumes.orientation import Turn
from fewslice.volumes.pairing_remarks import SHAPE, Fit, Names, capital, pairing_remarks
from fewslice.volumes.placement import Placement, find_placement
from fewslice.volumes.readings import (
    OWN,
    UNTILTED,
    contradicts_itself,
    is_placed,
    readings,
    without_tilt,
)
from fewslice.volumes.respacing import own_geometry, respaced

_SAME_SPACING = 0.01


def paired(
    image: Image, labels: LabelMap, spacing: Sequence[float] | None, names: Names
) -> tuple[Image, LabelMap]:
    """Return scan and label map on one grid: the label map's, with its order and extent.

    spacing: mm per array axis of the scan, in place of what both say. What had to be assumed is
    among the label map's remarks. Raises GeometryError if they are not the same voxels.
    """
    plain = not (contradicts_itself(image) or contradicts_itself(labels))
    if spacing is None and plain and image.geometry.same_grid(labels.geometry):
        return image, labels  # whatever spacing was given before, it was given for both
    fit = (
        _find_fit(image, labels, names)
        or _by_spacing(image, labels, spacing)
        or _by_shape(image, labels)
    )
    if fit is None:
        raise GeometryError(_no_fit(image, labels, names))
    _require_inside(labels, fit.placement, names)
    if labels.stored is not None and not labels.stored.whole:
        labels, fit = _on_whole_scan(labels, fit)
    spacing = _given(image, labels, fit.placement) if spacing is None else spacing
    alike = fit == Fit(fit.placement, OWN, OWN) and fit.placement.is_identity(labels.geometry.shape)
    if alike and plain and own_geometry(image).same_grid(own_geometry(labels)):
        if spacing is None:
            return image, labels
        return respaced(image, spacing), respaced(labels, spacing)
    remarks = pairing_remarks(image, labels, fit, names)
    placed = _on_its_grid(image, labels, fit.placement)
    if spacing is not None:
        turned = [0.0, 0.0, 0.0]
        for to, axis in enumerate(fit.placement.turn.axes):
            turned[axis] = spacing[to]
        placed = respaced(placed, turned)
    placed = replace(placed, remarks=(*labels.remarks, *remarks))
    return _on_grid_of(image, placed, fit.placement), placed


def _no_fit(image: Image, labels: LabelMap, names: Names) -> str:
    """Return the sentence for a label map that does not fit its scan."""
    mine, theirs = own_geometry(image), own_geometry(labels)
    if not _place_made_up(image, labels) or mine.shape == theirs.shape:
        return disagreement(mine, theirs, names.scan, names.labels)
    advice = f"give labels of all of {names.scan}, or files that say so"
    if sorted(mine.shape) == sorted(theirs.shape):
        advice = "bring the axes of one into the order of the other"
    return (
        f"{capital(names.labels)} has {theirs.describe('shape')} voxels, {names.scan} has "
        f"{mine.describe('shape')}, and not both say where they lie; expected the same shape then: "
        f"{advice}."
    )


def _place_made_up(image: Image, labels: LabelMap) -> bool:
    """Whether one of both has its place from its reader alone, so that no crop follows from it.

    3D Slicer stores what is drawn, at the place where it shows the scan; where a header gives none,
    it is known which one that is (`readings`).
    """
    shown = labels.stored is not None and not labels.stored.whole and contradicts_itself(image)
    return not (is_placed(labels) and (shown or is_placed(image)))


def _given(image: Image, labels: LabelMap, placement: Placement) -> Sequence[float] | None:
    """Return the spacing that a person gave before, per array axis of the scan."""
    if image.stored is not None and image.stored.geometry is not None:
        return image.geometry.spacing
    if labels.stored is not None and labels.stored.geometry is not None:
        return [labels.geometry.spacing[axis] for axis in placement.turn.axes]
    return None


def _find_fit(image: Image, labels: LabelMap, names: Names) -> Fit | None:
    """Return how the label map lies in the scan. Raises GeometryError if that is ambiguous."""
    scans, drawn = readings(image), readings(labels)
    own = find_placement(drawn[OWN], scans[OWN])
    shape = labels.geometry.shape
    if own is not None and own.is_identity(shape) and drawn[OWN].same_grid(scans[OWN]):
        return Fit(own, OWN, OWN)
    whole = _place_made_up(image, labels)
    fits = _fits(scans, drawn, whole)
    mappings = {(fit.placement.turn, fit.placement.offset) for fit in fits}
    if len(mappings) > 1:
        if own is not None and own.is_identity(shape):
            return Fit(own, OWN, OWN)
        which = " and ".join(sorted({fit.scan for fit in fits} | {fit.labels for fit in fits}))
        raise GeometryError(
            f"{capital(names.labels)} fits {names.scan} in {len(mappings)} ways, as headers "
            f"contradict themselves ({which.replace(OWN, 'the one in use')}), and its voxels would "
            "lie elsewhere in each; set sform and qform of both files to the right one."
        )
    if not fits:
        fits = _fits(_untilted(scans), drawn, whole) + _fits(scans, _untilted(drawn), whole)
    return min(fits, key=lambda fit: (fit.placement.off, fit.scan != OWN), default=None)


def _fits(scans: dict[str, Geometry], drawn: dict[str, Geometry], whole: bool) -> list[Fit]:
    """Return how the label map lies in the scan by each pair of readings.

    whole: leave out where it is cropped or padded.
    """
    found = []
    for (scan_name, scan), (labels_name, labels) in product(scans.items(), drawn.items()):
        place = find_placement(labels, scan)
        if place is not None and (place.is_whole(labels.shape) or not whole):
            found.append(Fit(place, scan_name, labels_name))
    return found


def _untilted(grids: dict[str, Geometry]) -> dict[str, Geometry]:
    """Return grids without the tilt of a gantry, of those that have one."""
    straight = [each for grid in grids.values() for each in without_tilt(grid)]
    return {f"{UNTILTED} {number}": grid for number, grid in enumerate(straight)}


def _by_spacing(image: Image, labels: LabelMap, spacing: Sequence[float] | None) -> Fit | None:
    """Return how both lie if a spacing that a person gave is that of both."""
    if spacing is None:
        return None
    mine, theirs = respaced(image, spacing).geometry, respaced(labels, spacing).geometry
    if not mine.same_grid(theirs):
        return None
    placement = find_placement(theirs, mine)
    return None if placement is None else Fit(placement, OWN, OWN)


def _by_shape(image: Image, labels: LabelMap) -> Fit | None:
    """Return how both lie if one does not say where, and nothing but its place speaks against it.

    Then it is what an array is: the voxels of the other, if it has its shape.
    """
    if is_placed(image) and is_placed(labels):
        return None
    mine, theirs = own_geometry(image), own_geometry(labels)
    known = all(each.stored is None or each.stored.spacing_known for each in (image, labels))
    if mine.shape != theirs.shape:
        return None
    if known and not np.allclose(mine.spacing, theirs.spacing, rtol=_SAME_SPACING, atol=0):
        return None
    identity = Turn((0, 1, 2), (False, False, False))
    return Fit(Placement(identity, (0, 0, 0), mine.shape, 0.0), OWN, SHAPE)


def _require_inside(labels: LabelMap, placement: Placement, names: Names) -> None:
    """Raise GeometryError if something is drawn beyond the scan: it belongs to another one."""
    if placement.shape == labels.geometry.shape:
        return
    drawn = (labels.array != 0) & (labels.array != UNKNOWN)
    beyond = int(np.count_nonzero(drawn)) - int(
        np.count_nonzero(drawn[placement.covered(labels.geometry.shape)])
    )
    if beyond:
        raise GeometryError(
            f"{capital(names.labels)} holds {beyond} drawn voxels beyond {names.scan}; expected "
            "one that was drawn on it: give the scan it belongs to, or the whole scan if this one "
            "is cropped."
        )


def _on_whole_scan(labels: LabelMap, fit: Fit) -> tuple[LabelMap, Fit]:
    """Return labels that were stored as far as they are drawn, as large as their scan."""
    place, shape = fit.placement, labels.geometry.shape
    turned = place.turn.geometry(own_geometry(labels))
    start = [-first for first in place.offset]
    stop = [first + length for first, length in zip(start, place.shape, strict=True)]
    geometry = place.turn.inverse.geometry(turned.cropped(start, stop))
    array = np.zeros(geometry.shape, labels.array.dtype)
    whole = replace(place, offset=(0, 0, 0))
    drawn = place.covered(shape)
    array[_covered_by(place, shape)] = labels.array[drawn]
    stored = labels.stored and replace(labels.stored, whole=True, geometry=None)
    return (
        replace(labels, array=array, geometry=geometry, stored=stored),
        replace(fit, placement=whole),
    )


def _covered_by(place: Placement, shape: tuple[int, int, int]) -> tuple[slice, ...]:
    """Return the part of the scan, in the label map's order, that the label map covers."""
    parts = []
    for axis, length in enumerate(shape):
        to = place.turn.axes.index(axis)
        start = max(place.offset[to], 0)
        stop = min(place.offset[to] + length, place.shape[to])
        whole = place.shape[to]
        parts.append(
            slice(whole - stop, whole - start) if place.turn.flipped[to] else slice(start, stop)
        )
    return tuple(parts)


def _on_its_grid(image: Image, labels: LabelMap, placement: Placement) -> LabelMap:
    """Return a label map with the header to write.

    That is its own, but where its header or that of the scan contradicts itself: then it is the
    scan's in the order of the label map, so that the two lie on each other in every program.
    """
    own = labels.stored and replace(labels.stored, geometry=None)
    if not is_placed(labels):
        stored = image.stored and replace(image.stored, geometry=None)
        return _from_scan(image, labels, placement, stored)
    if not (contradicts_itself(image) or contradicts_itself(labels)):
        return replace(labels, geometry=own_geometry(labels), stored=own)
    return _from_scan(image, labels, placement, image.stored)


def _from_scan(
    image: Image, labels: LabelMap, placement: Placement, stored: StoredGeometry | None
) -> LabelMap:
    """Return a label map with the header of its scan, in the order of the label map."""
    shape = labels.geometry.shape
    geometry = placement.geometry(own_geometry(image), shape)
    if stored is None or placement.is_identity(shape):
        stored = stored and replace(stored, geometry=None)
        return replace(labels, geometry=geometry, stored=stored)
    grids = {name: placement.geometry(grid, shape) for name, grid in stored.readings.items()}
    placed = StoredGeometry(f"placed {stored.kind}", stored.fields, stored.spacing_known)
    return replace(labels, geometry=geometry, stored=replace(placed, readings=grids))


def _on_grid_of(image: Image, labels: LabelMap, placement: Placement) -> Image:
    """Return the scan on the grid of its label map; beyond its end it is as dark as it gets."""
    shape = labels.geometry.shape
    array = image.array
    if not placement.is_identity(shape):
        array = placement.taken(array, shape, array.min())
    stored = image.stored
    if stored is not None:
        kept = labels.stored or StoredGeometry("array", {})
        known = stored.spacing_known or (not stored.placed and kept.spacing_known)
        stored = replace(kept, spacing_known=known)
    return replace(image, array=array, geometry=labels.geometry, stored=stored)
