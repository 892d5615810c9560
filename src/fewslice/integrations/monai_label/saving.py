"""What a client sends of a scan becomes revisions: an answer that was edited, or drawn slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.planes import annotation_axis
from fewslice.errors import ConflictError
from fewslice.integrations.monai_label.label_maps import as_in_project, read_sent
from fewslice.integrations.monai_label.made_from import Origin, origin_of
from fewslice.project.database import Project
from fewslice.project.held import Brought, Held, held_on
from fewslice.project.importing import import_labels
from fewslice.project.reviews import OpenChoiceError, submit
from fewslice.project.revisions import ACCEPT, CORRECT, Revision, slice_heads
from fewslice.project.saving import save_revision
from fewslice.project.scans import ScanRow, read_scan
from fewslice.server.ras import RasView
from fewslice.typing import BoolArray
from fewslice.volumes import LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.image import UNKNOWN, LabelArray


@dataclass(frozen=True, eq=False)
class _Change:
    """What becomes of one slice. parent: what held on it when the answer was made."""

    action: str
    axis: int
    index: int
    labels: LabelArray
    parent: int | None


def save_label(  # noqa: PLR0913 - what a person sent, and whose it is
    project: Project,
    row: ScanRow,
    path: Path,
    by: int,
    *,
    final: bool,
    names: Mapping[int, str] | None = None,
) -> str:
    """Keep what a person saved; return why the scan cannot be handed in yet, else "".

    A label that shows most slices of an answer is that answer, edited: what differs from it was a
    person's work, and a final one accepts the rest as well and hands the scan in. Any other label
    is sparse: the slices that hold something were drawn, and an empty one was not looked at,
    whether it is final or not. One without 255 comes from a program that does not know it: its
    zeros say nothing where nobody looked. names: of the values, see `as_in_project`. Raises
    ReadError, InputError or GeometryError if it is no label map of this scan.
    """
    image = read_scan(project, row.id)
    given = as_in_project(project, read_sent(path, image), names or {})
    scan, labels = on_one_grid(image, given, None)
    origin = origin_of(project, row, labels, by) if scan is image else None
    if origin is None:
        tells_unknown = bool((given.array == UNKNOWN).any())
        called = str(path)
        import_labels(project, row.id, given, by, tells_unknown=tells_unknown, called=called)
        return ""
    for change in _changes(project, row, labels, origin, by, final=final):
        save_revision(project, row.id, by, **vars(change), tool="MONAI Label", apart=True)
    return _handed_in(project, row, by) if final else ""


def _handed_in(project: Project, row: ScanRow, by: int) -> str:
    """Hand a scan in, unless that is done; return why it cannot be, else ""."""
    try:
        submit(project, row.id, by, called=RasView.of_affine(row.shape, row.affine).called)
    except OpenChoiceError as error:
        return f"The labels are kept. {error}"
    except ConflictError:
        pass  # it was handed in before, and nothing has changed since
    return ""


def _changes(  # noqa: PLR0913 - what was sent, what it was made from, and whose it is
    project: Project, row: ScanRow, labels: LabelMap, origin: Origin, by: int, *, final: bool
) -> Iterator[_Change]:
    """Yield what an answer that comes back says of slices.

    Where a slice came as it was answered, nobody edited it: a drawing of it stays, and so does what
    was said of it since. Where it was edited, what was drawn since is for somebody to choose.
    """
    axis, held = annotation_axis(labels.geometry), held_on(project, row.id)
    heads = {each.place: each for each in slice_heads(project, row.id, by)}
    since = _drawn_across_since(labels, axis, held, heads, origin)
    tells_unknown = bool((labels.array == UNKNOWN).any())
    for index in range(labels.array.shape[axis]):
        place, part = (axis, index), on_slice(axis, index)
        came, answered = labels.array[part], origin.labels[part]
        drawn, seen = held.slices.get(place), origin.heads.get(place)
        tells = tells_unknown or (drawn is not None and _shows(answered, came, drawn == UNKNOWN))
        brought = held.with_brought(Brought(place, came, came, tells))
        if brought is None:
            continue
        edited = not np.array_equal(came, answered)
        as_seen = _shown(heads.get(place)) == _shown(seen)
        if edited or (final and drawn is None and as_seen):
            other = (came == answered) & (since[part] != UNKNOWN)
            yield _Change(
                CORRECT if edited else ACCEPT,
                axis,
                index,
                np.where(other, since[part], brought),
                None if seen is None else seen.id,
            )


def _shows(answered: LabelArray, came: LabelArray, there: BoolArray) -> bool:
    """Whether a slice shows something of an answer there; its zeros are the answer's, then."""
    return bool(((came == answered) & (came != 0))[there].any())


def _drawn_across_since(
    labels: LabelMap,
    axis: int,
    held: Held,
    heads: Mapping[SliceIndex, Revision],
    origin: Origin,
) -> LabelArray:
    """Return what was drawn in other planes since an answer was made, 255 elsewhere.

    The answer's slices do not know of it, and would cover it where they cross.
    """
    found = np.full(labels.array.shape, UNKNOWN, np.uint8)
    for place, drawn in held.slices.items():
        if place[0] != axis and _shown(heads.get(place)) != _shown(origin.heads.get(place)):
            np.copyto(found[on_slice(*place)], drawn, where=drawn != UNKNOWN)
    return found


def _shown(head: Revision | None) -> int | None:
    """Return the revision whose content a slice has."""
    return None if head is None else head.shows
