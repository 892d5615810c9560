"""Which file names the structures of a label map: the nearest that leaves no doubt.

First what the label map's own file holds; then a table of its name (CASE.txt, CASE.label, CASE.tsv,
CASE.ctbl, CASE.json), then the only table or dataset.json in its folder, then a dataset.json in the
folder above.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from fewslice.errors import ReadError, Remark
from fewslice.io.channels import DESCRIPTION, name_of, read_description
from fewslice.io.formats import suffix_of
from fewslice.io.names import freesurfer, nnunet, tables
from fewslice.volumes.image import UNKNOWN, LabelMap
from fewslice.volumes.segments import Segment

TABLE_SUFFIXES = (".txt", ".label", ".lut", ".ctbl", ".tsv")

_LARGEST = 1_000_000  # bytes; FreeSurfer's table has 100,000
_MOST_TRIED = 20  # tables in a folder; more are not names of structures

Segments = tuple[Segment, ...]


def read_names(path: str | os.PathLike[str]) -> Segments:
    """Read names and colours of structures that a person named a file for.

    Raises ReadError if there is no such file, or it names no structure.
    """
    path = Path(path)
    if not path.is_file():
        raise ReadError(f"{path} is no file; expected one that names structures: check the path.")
    found = _structures(path)
    if not found:
        raise ReadError(
            f"{path} names no structures in a way that is known; expected an ITK-SNAP label "
            "description, a colour table of FreeSurfer or 3D Slicer, a BIDS table, or nnU-Net's "
            "dataset.json."
        )
    return found


def with_names(labels: LabelMap, path: Path) -> LabelMap:
    """Return a label map with the names that are found for it, if it has none itself.

    Only structures that are in it are named. A remark says so where two files could be meant.
    """
    if labels.segments:
        return labels
    there = frozenset({*labels.values, UNKNOWN})
    found, remarks = _found(path, there)
    segments = tuple(each for each in found if each.value in there)
    remarks = (*labels.remarks, *remarks, *_to_ignore(path, labels))
    return replace(labels, segments=segments, remarks=remarks)


def _to_ignore(path: Path, labels: LabelMap) -> tuple[Remark, ...]:
    """Say so where a label that nnU-Net is told to ignore is a structure here."""
    folder = path.absolute().parent
    for description in (folder / DESCRIPTION, folder.parent / DESCRIPTION):
        value = nnunet.ignored_label(read_description(description))
        if value in labels.values:
            return (
                Remark(
                    "label-to-ignore",
                    f"{DESCRIPTION} says to ignore label {value} of {path}; here it is a structure "
                    f"like others unless --ignore-label {value} (in Python: ignore_label={value}) "
                    "is given.",
                ),
            )
    return ()


def _found(path: Path, there: frozenset[int]) -> tuple[Segments, tuple[Remark, ...]]:
    """Return the structures named, and what is unclear. there: the labels to name."""
    if suffix_of(path) in (".mgz", ".mgh"):
        inside = freesurfer.embedded_table(path)
        if inside:
            return inside, ()
    tables_here = _tables(path.parent)
    own = [each for each in tables_here if name_of(each) == name_of(path)]
    own.append(path.with_name(f"{name_of(path)}.json"))
    for table in own:
        segments = _structures(table)
        if segments:
            return segments, ()
    return _shared(path, [*tables_here, path.parent / DESCRIPTION], there)


def _shared(
    path: Path, candidates: list[Path], there: frozenset[int]
) -> tuple[Segments, tuple[Remark, ...]]:
    """Return what is named for all label maps of a folder; tables, which have colours, first."""
    named = [(each, _structures(each)) for each in candidates]
    usable = [(each, segments) for each, segments in named if segments]
    said = {
        frozenset((each.value, each.name) for each in segments if each.value in there)
        for _, segments in usable
    }
    if len(said) > 1:
        first, second = (each.name for each, _ in usable[:2])
        remark = Remark(
            "names-unclear",
            f"Both {first} and {second} beside {path} name structures, and differ; neither is "
            "used: say which with --names.",
        )
        return (), (remark,)
    if usable:
        return usable[0][1], ()
    return _structures(path.absolute().parent.parent / DESCRIPTION), ()


def _tables(folder: Path) -> list[Path]:
    """Return the files of a folder that may be tables; none of more than a few."""
    try:
        found = [each for each in sorted(folder.iterdir()) if _is_table(each)]
    except OSError:
        return []
    return found if len(found) <= _MOST_TRIED else []


def _is_table(path: Path) -> bool:
    return suffix_of(path) in TABLE_SUFFIXES and path.is_file()


def _structures(path: Path) -> Segments:
    """Return the structures that a file names; () if it names none, or cannot be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ()
        if suffix_of(path) == ".json":
            return nnunet.segments_of(read_description(path))
        if suffix_of(path) == ".annot":
            return freesurfer.read_annot(path)
        if suffix_of(path) in (".mgz", ".mgh"):
            return freesurfer.embedded_table(path)
        return tables.parse(path.read_text(encoding="utf-8", errors="replace")) or ()
    except OSError:
        return ()
