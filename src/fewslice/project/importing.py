"""Bringing labels from elsewhere into a project, as slices that somebody drew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis
from fewslice.errors import InputError, Remark
from fewslice.io import read_labels
from fewslice.project.database import Project
from fewslice.project.held import Brought, held_on
from fewslice.project.revisions import IMPORT, Revision, history, revision_labels
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan, read_scan
from fewslice.project.structures import MAX_STRUCTURES, Structure, add_structure, list_structures
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.ignore_label import Numbering, ignore_remarks
from fewslice.volumes.image import UNKNOWN, Image, LabelArray, LabelMap


@dataclass(frozen=True)
class Imported:
    """What was imported.

    slices: those that were annotated. conflicts: slices that somebody else has drawn, or that were
    changed since they were as they came; they stay as they are until somebody chooses. added:
    structures that the project did not have. unchanged: of the slices, those that hold just that
    already, and stay whose they are.
    """

    slices: tuple[SliceIndex, ...]
    conflicts: tuple[Revision, ...]
    added: tuple[Structure, ...]
    remarks: tuple[Remark, ...]
    unchanged: tuple[SliceIndex, ...] = ()


def import_labels(  # noqa: PLR0913 - what can be said of labels
    project: Project,
    scan_id: int,
    source: str | Path | LabelMap,
    by: int,
    *,
    complete: bool = False,
    strict: bool = False,
    tells_unknown: bool = True,
    called: str = "",
) -> Imported:
    """Import a label map of a scan.

    Parameters
    ----------
    source
        Any format that `fewslice.io.read_labels` reads, or what it has read. The labels may lie in
        another order or extent than the scan, as for `segment`.
    by
        Who drew them, or brings them in.
    complete
        Whether every slice was looked at, so that empty ones are empty; else the labels are sparse,
        and which slices were annotated is found as `segment` finds it.
    strict
        As in `segment`: take every 0 on a slice that holds a label as background.
    tells_unknown
        Whether they come from a program that knows 255. Of others a 0 says nothing where the
        project knows that nobody looked.
    called
        What messages call the labels; the file, unless this is given.

    Raises
    ------
    ReadError, GeometryError, InputError
        If the labels cannot be read, do not fit the scan, are empty, or hold too many structures.
    """
    image = read_scan(project, scan_id)
    given = source if isinstance(source, LabelMap) else read_labels(source, image)
    called = called or ("that was given" if isinstance(source, LabelMap) else str(source))
    labels, remarks = _on_scan(image, given, called, UNKNOWN if complete else 0)
    added = _with_structures(project, labels)
    if complete:
        axis, known = annotation_axis(image.geometry), labels.array
        places = [(axis, index) for index in range(known.shape[axis])]
        slices = tuple(place for place in places if (known[on_slice(*place)] != UNKNOWN).any())
    else:
        known, slices, found = _sparse(labels, strict)
        remarks = (*remarks, *found)
    held, conflicts, unchanged = held_on(project, scan_id, by), [], []
    for axis, index in slices:
        part = on_slice(axis, index)
        came = Brought((axis, index), labels.array[part], known[part], tells_unknown)
        brought = held.with_brought(came)
        if brought is None:
            unchanged.append(came.place)
            continue
        older = _older(project, scan_id, by, came)
        saved = save_revision(
            project,
            scan_id,
            by,
            action=IMPORT,
            axis=axis,
            index=index,
            labels=brought,
            parent=older,
            tool="import",
            apart=older is not None,
        )
        if saved.conflict is not None:
            conflicts.append(saved.revision)
    return Imported(slices, tuple(conflicts), added, remarks, tuple(unchanged))


def _older(project: Project, scan_id: int, by: int, came: Brought) -> int | None:
    """Return the revision since which a slice that comes as it once was has been changed, if any.

    Who has an older state of the scan, and adds to it, does not mean to take the newer one back.
    """
    lane = by if get_scan(project, scan_id).independent else 0
    for each in reversed(history(project, scan_id, *came.place)):
        if each.lane != lane or each.conflict is not None:
            continue  # it never held here
        labels = revision_labels(project, each)
        if labels is not None and came.says_nothing_of(labels):
            return each.id
    return None


def _on_scan(
    image: Image, labels: LabelMap, path: str, elsewhere: int
) -> tuple[LabelMap, tuple[Remark, ...]]:
    """Return labels in the order and extent of the scan. elsewhere: label of what they leave out.

    `on_one_grid` brings a scan to its label map; numbers in place of the scan's voxels tell where
    each label came from. Beyond the scan it repeats the lowest number, so voxels are numbered
    upwards and downwards: only those of the scan have two numbers that make up the same sum.
    """
    shape = image.geometry.shape
    upwards = np.arange(1, np.prod(shape) + 1, dtype=np.int64).reshape(shape)
    numbers = np.stack([upwards, upwards[::-1, ::-1, ::-1]])
    numbered = Image(numbers, image.geometry, image.stored)
    placed, fitting = on_one_grid(numbered, labels, labels_are=f"the label map {path}")
    inside = placed.array.sum(axis=0) == upwards.size + 1
    array = np.full(shape, elsewhere, dtype=fitting.array.dtype)
    array.reshape(-1)[placed.array[0][inside] - 1] = fitting.array[inside]
    moved = LabelMap(array, image.geometry, image.stored, segments=labels.segments)
    remarks = (*fitting.remarks, *ignore_remarks(labels, UNKNOWN))
    return moved, _of_import(remarks, path)


def _of_import(remarks: tuple[Remark, ...], path: str) -> tuple[Remark, ...]:
    """Return remarks as an import means them: the labels are brought to the scan's order."""
    others = {
        "labels-reordered": f"The label map {path} holds the voxels of the scan in another order; "
        "its labels are put where they belong in the scan's.",
        "labels-extent": f"The label map {path} does not cover the same voxels as the scan; its "
        "labels are put where they belong in the scan.",
        "255-may-be-a-structure": f"The label map {path} holds 255 as if it were a structure, "
        "with a name or beside other high labels; in a project 255 means that nobody looked. If it "
        "is a structure, give it another number.",
    }
    return tuple(
        Remark(each.code, others[each.code]) if each.code in others else each for each in remarks
    )


def _with_structures(project: Project, labels: LabelMap) -> tuple[Structure, ...]:
    """Add the structures of a label map that the project does not have."""
    present = list_structures(project)
    known, names = {each.value for each in present}, {each.name for each in present}
    missing = [value for value in labels.values if value not in known]
    if missing and missing[-1] > MAX_STRUCTURES:
        raise InputError(
            f"The label map holds the label {missing[-1]}; expected at most {MAX_STRUCTURES}, as "
            "many as a project can hold: renumber its labels."
        )
    added = []
    for value in missing:
        name = labels.names.get(value, "")
        name = name if name and name not in names else f"structure {value}"
        added.append(add_structure(project, Structure(value, name)))
        names.add(name)
    return tuple(added)


def _sparse(
    labels: LabelMap, strict: bool
) -> tuple[LabelArray, tuple[SliceIndex, ...], tuple[Remark, ...]]:
    """Return what is known, on which slices, and how that was found out.

    Where it is in doubt whether somebody looked for a structure on a slice, only what is labelled
    there counts: a revision cannot say of one structure alone that it was not looked for.
    """
    found = find_annotation(labels.array, labels.geometry, strict=strict)
    known = found.labels.copy()
    for place in {place for place, _ in found.doubts}:
        part = known[on_slice(*place)]
        part[part == 0] = UNKNOWN
    return known, found.slices, Numbering().told(found.remarks, labels.names)
