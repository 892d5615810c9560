"""What a person should read about the scans that a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fewslice.annotation.phrases import counted
from fewslice.errors import Remark, without
from fewslice.training.scan import TaskScan, label_values
from fewslice.volumes.segments import Segment, merged, names_of


def known_segments(scans: Sequence[TaskScan], given: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return what the structures are called: as a person says, or as the first scan has it."""
    known = [scans[0].numbering.value(value) for value in label_values(scans)]
    found = merged(given, *(scan.segments for scan in scans))
    return tuple(each for each in found if each.value in known)


def training_remarks(
    scans: Sequence[TaskScan],
    given: tuple[Segment, ...],
    *,
    judged: bool,
    absent_unknown: bool,
) -> tuple[str, ...]:
    """Return what was assumed of the scans, and what their annotation does not teach.

    given: what a person calls the structures. judged: False where slices should have been held out
    to judge the model, but none could be. absent_unknown: as in `TrainSettings`.
    """
    names = names_of(known_segments(scans, given))
    told = partial(scans[0].numbering.told, names=names)
    remarks = [
        remark.after(f"{scan.name}: ")
        for scan in scans
        for remark in (*_of_reading(scan, given), *scan.annotation.remarks)
    ]
    if not judged:
        count = sum(len(scan.annotation.slices) for scan in scans)
        remarks.append(
            Remark(
                "nothing-held-out",
                f"With {counted(count, 'annotated slice')} none could be held out, so nobody knows "
                "how good this model is.",
            )
        )
    if not absent_unknown:
        remarks += _drawn_in_some(scans)
    return told(remarks)


def _of_reading(scan: TaskScan, given: tuple[Segment, ...]) -> tuple[Remark, ...]:
    return without(scan.remarks, "names-unclear") if given else scan.remarks


def _drawn_in_some(scans: Sequence[TaskScan]) -> list[Remark]:
    remarks = []
    for value in label_values(scans):
        there = sum(value in scan.annotation.drawn_values for scan in scans)
        if there < len(scans):
            remarks.append(
                Remark(
                    "drawn-in-some-scans",
                    f"Label {{}} is drawn in {there} of {len(scans)} scans; the annotated slices "
                    "of the others teach that it is not there (--absent-unknown if nobody looked "
                    "for it).",
                    (value,),
                )
            )
    return remarks
