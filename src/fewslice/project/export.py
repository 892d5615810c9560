"""Writing a project out in nnU-Net's layout, with a file that says where each slice comes from.

``imagesTr/CASE_0000.nii.gz`` holds a channel, ``labelsTr/CASE.nii.gz`` the labels,
``dataset.json`` the names, ``provenance/CASE.json`` who drew what. What nobody looked at has
nnU-Net's ignore label, the highest one; labels of structures stay as they were drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError, ReadError, Remark
from fewslice.io import write_image, write_labels
from fewslice.io.atomic import atomic_folder, make_parent
from fewslice.project.answers import Answer, latest_answer
from fewslice.project.consensus import annotators
from fewslice.project.consensus import consensus as joint_drawing
from fewslice.project.database import Project
from fewslice.project.drawings import blame, drawing
from fewslice.project.scans import ScanRow, list_scans, read_scan
from fewslice.project.settings import project_name
from fewslice.project.structures import Structure, list_structures
from fewslice.volumes.image import UNKNOWN, Image, LabelArray, LabelMap
from fewslice.volumes.segments import named_segments

HUMAN, ALL = "human", "all"

_SUFFIX = ".nii.gz"


@dataclass(frozen=True)
class Exported:
    """What was written.

    cases: names of the scans. ignore_label: what nobody looked at; None if everything is labelled.
    unreadable: names of scans that are left out although something is drawn on them, since their
    files are missing or have changed; remarks say more.
    """

    folder: Path
    cases: tuple[str, ...]
    ignore_label: int | None
    remarks: tuple[Remark, ...]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Case:
    """A scan that is exported, its labels 255 where unknown."""

    scan: ScanRow
    labels: LabelArray
    provenance: dict[str, Any]


def export_project(
    project: Project,
    out: str | Path,
    what: str = HUMAN,
    consensus: str | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write scans and labels in nnU-Net's layout.

    Parameters
    ----------
    out
        A new folder, or an empty one. It is complete or not there.
    what
        "human": only what people drew, corrected or accepted; "all": the engine's latest answer,
        and over it what people drew.
    consensus
        "majority" or "staple", for scans that several people annotate independently; without it,
        each slice's newest version counts.
    report
        Called with how many scans are done, of how many.

    Raises
    ------
    InputError
        If there is nothing to export, or the folder is not empty.
    ReadError
        If what was drawn is missing or damaged, or no scan can be read: others are written without
        those that cannot.
    WriteError
        If something cannot be written.
    """
    if what not in (HUMAN, ALL):
        raise InputError(f"There is no export of '{what}'; expected '{HUMAN}' or '{ALL}'.")
    folder = Path(out).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and not empty; choose another folder.")
    make_parent(folder)
    with atomic_folder(folder) as temporary:
        exported = _export(project, temporary, (what, consensus), report)
    return replace(exported, folder=folder)


def _export(
    project: Project,
    folder: Path,
    options: tuple[str, str | None],
    report: Callable[[int, int], None],
) -> Exported:
    structures = list_structures(project)
    scans = sorted(list_scans(project), key=lambda scan: scan.id)
    ignore = max([each.value for each in structures], default=0) + 1
    for part in ("imagesTr", "labelsTr", "provenance"):
        (folder / part).mkdir(parents=True)
    remarks, cases, partly = _gaps(structures), [], False
    unreadable = dict[str, ReadError]()
    for number, scan in enumerate(scans):
        case = _case(project, scan, *options)
        image = None if case is None else _image(project, scan, unreadable)
        if case is None:
            remarks.append(
                Remark("nothing-to-export", f"Nothing is drawn on '{scan.name}'; it is left out.")
            )
        elif image is not None:
            partly = partly or bool((case.labels == UNKNOWN).any())
            _write_case(folder, case, image, (structures, ignore))
            cases.append(scan)
        report(number + 1, len(scans))
    if not cases:
        raise next(iter(unreadable.values()), _nothing_drawn())
    remarks += [
        Remark("scan-unreadable", f"The scan '{name}' is left out: {error}")
        for name, error in unreadable.items()
    ]
    _write_json(
        folder / "dataset.json",
        _dataset(project_name(project), cases, structures, ignore if partly else None),
    )
    names = tuple(scan.name for scan in cases)
    label = ignore if partly else None
    return Exported(folder, names, label, tuple(remarks), tuple(unreadable))


def _image(project: Project, scan: ScanRow, unreadable: dict[str, ReadError]) -> Image | None:
    """Return a scan; of one that cannot be read, note why."""
    try:
        return read_scan(project, scan.id)
    except ReadError as error:
        unreadable[scan.name] = error
        return None


def _nothing_drawn() -> InputError:
    return InputError("Nothing is drawn in the project yet; draw something before exporting.")


def _case(project: Project, scan: ScanRow, what: str, consensus: str | None) -> _Case | None:
    """Return what is known of a scan, or None if that is nothing."""
    drawn = drawing(project, scan.id).drawing
    if consensus is not None:
        drawn = joint_drawing(project, scan.id, consensus)
    answer = latest_answer(project, scan.id) if what == ALL else None
    if not drawn.slices and answer is None:
        return None
    labels = np.full(scan.shape, UNKNOWN, np.uint8) if answer is None else _narrow(answer)
    return _Case(
        scan, put_over(labels, drawn), _provenance(project, scan, drawn, answer, consensus)
    )


def put_over(labels: LabelArray, drawn: Drawing) -> LabelArray:
    """Return labels with drawn slices over them, where these were looked at."""
    result = labels.copy()
    for each in drawn.slices:
        np.copyto(result[on_slice(*each.place)], each.labels, where=each.labels != UNKNOWN)
    return result


def _narrow(answer: Answer) -> LabelArray:
    labels: LabelArray = answer.labels.astype(np.uint8)  # structures are 1 to 254
    return labels


def _write_case(
    folder: Path, case: _Case, image: Image, names: tuple[list[Structure], int]
) -> None:
    structures, ignore = names
    name = case.scan.name
    for number, channel in enumerate(image.channels):
        path = folder / "imagesTr" / f"{name}_{number:04d}{_SUFFIX}"
        write_image(path, replace(image, array=channel))
    labels = np.where(case.labels == UNKNOWN, ignore, case.labels).astype(np.uint8)
    segments = named_segments({each.value: each.name for each in structures})
    write_labels(
        folder / "labelsTr" / f"{name}{_SUFFIX}",
        LabelMap(labels, image.geometry, image.stored, segments=segments),
    )
    _write_json(folder / "provenance" / f"{name}.json", case.provenance)


def _provenance(
    project: Project, scan: ScanRow, drawn: Drawing, answer: Answer | None, consensus: str | None
) -> dict[str, Any]:
    places = set(drawn.places) | drawn.present
    together = annotators(project, scan.id) if consensus is not None else {}
    lanes: list[int | None] = list(together) or [None]
    slices = [
        {
            "axis": place[0],
            "index": place[1],
            "kind": origin.kind,
            "person": origin.person,
            "time": origin.time.isoformat(),
            "tool": origin.tool,
            "active_seconds": origin.active_seconds,
            "revision": origin.revision,
        }
        for lane in lanes
        for place, origin in sorted(blame(project, scan.id, lane).items())
        if place in places
    ]
    return {
        "scan": scan.name,
        "files": [path.name for path in scan.paths],
        "sha256": scan.hash,
        "shape": list(scan.shape),
        "status": scan.status,
        "slices": slices,
        "consensus": {"method": consensus, "people": list(together.values())} if together else None,
        "engine": None
        if answer is None
        else {
            "name": answer.engine,
            "revision": answer.revision,
            "time": answer.time.isoformat(),
        },
    }


def _dataset(
    name: str, scans: list[ScanRow], structures: list[Structure], ignore: int | None
) -> dict[str, Any]:
    channels = max(scan.channels for scan in scans)
    only_ct = {scan.modality for scan in scans} == {"CT"}
    labels = {"background": 0} | {each.name: each.value for each in structures}
    return {
        "name": name,
        # nnU-Net keeps HU only of a channel that is called CT.
        "channel_names": {
            str(number): "CT" if only_ct else f"channel {number}" for number in range(channels)
        },
        "labels": labels if ignore is None else labels | {"ignore": ignore},
        "numTraining": len(scans),
        "file_ending": _SUFFIX,
    }


def _gaps(structures: list[Structure]) -> list[Remark]:
    """Return a remark if labels have gaps, which nnU-Net refuses."""
    values = [each.value for each in structures]
    if values == list(range(1, len(values) + 1)):
        return []
    return [
        Remark(
            "label-gaps",
            f"The labels are {', '.join(map(str, values))}; they are exported as they are, but "
            "nnU-Net expects 1, 2, 3 and so on without gaps.",
        )
    ]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
