"""What is collected of a state, as JSON: the profiles themselves, so that features may change."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.advice_tasks import Seen
from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.batch.jobs import Job, stream
from fewslice.metrics.overlap import dice
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import inplane_axes

Row = dict[str, Any]

_SUMS = ("expected", "doubt", "spread", "present")
_SAID = ("drawn", "empty")


def as_row(seen: Seen, mask: BoolArray) -> Row:
    """Return what is known of a state, and how good its answer is: as a whole and on each slice.

    answer: what that says of itself. slice_dice: None where neither answer nor truth hold anything.
    holds: 1 for each slice of the main axis that holds the structure.
    """
    found, answer = seen.profiles, seen.answer
    others = inplane_axes(found.main)
    both = (answer & mask).sum(axis=others)
    total = answer.sum(axis=others) + mask.sum(axis=others)
    return {
        "profiles": {
            "axes": [_axis_row(axis) for axis in found.axes],
            "main": found.main,
            "contour": found.contour.tolist(),
            "area": found.area.tolist(),
        },
        "answer": _shortened(seen.told[0]),
        "dice": dice(answer, mask),
        "slice_dice": [
            2 * int(a) / int(b) if b else None for a, b in zip(both, total, strict=True)
        ],
        "holds": [int(one > 0) for one in mask.sum(axis=others)],
        "drawn": [],
        "empty": [],
    }


def run_row(answer: BoolArray, before: BoolArray, mask: BoolArray, last: SliceIndex) -> Row:
    """Return how an answer compares with the one before the slice `last` was drawn.

    areas: voxels of the answer on each slice of each axis. change: voxels of both answers, of the
    one before and of this one. last: of the last slice, voxels in the answer before and in the
    truth, in the answer before, and in the truth: how well it was foreseen.
    """
    place = on_slice(*last)
    return {
        "areas": [answer.sum(axis=inplane_axes(axis)).tolist() for axis in range(3)],
        "change": [int((answer & before).sum()), int(before.sum()), int(answer.sum())],
        "last": [
            int((before[place] & mask[place]).sum()),
            int(before[place].sum()),
            int(mask[place].sum()),
        ],
    }


def profiles_of(row: Row) -> Profiles:
    """Return the profiles of a row of one structure."""
    kept = row["profiles"]
    first, second, third = (_axis(axis) for axis in kept["axes"])
    return Profiles(
        (first, second, third), kept["main"], np.array(kept["contour"]), np.array(kept["area"])
    )


def _axis_row(axis: AxisProfile) -> Row:
    row: Row = {"step": axis.step, "pixel_area": axis.pixel_area}
    for name in _SUMS:
        row[name] = _shortened(getattr(axis, name)[0])
    for name in _SAID:
        row[name] = np.flatnonzero(getattr(axis, name)[0]).tolist()
    row["asked"] = np.flatnonzero(axis.asked).tolist()
    return row


def _axis(row: Row) -> AxisProfile:
    length = len(row["expected"])
    return AxisProfile(
        step=row["step"],
        pixel_area=row["pixel_area"],
        expected=np.array([row["expected"]], dtype=np.float64),
        doubt=np.array([row["doubt"]], dtype=np.float64),
        spread=np.array([row["spread"]], dtype=np.float64),
        present=np.array([row["present"]], dtype=np.float64),
        drawn=_flags(row["drawn"], length)[None],
        empty=_flags(row["empty"], length)[None],
        asked=_flags(row["asked"], length),
    )


def _flags(indices: list[int], length: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros(length, dtype=bool)
    flags[indices] = True
    return flags


def _shortened(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def collect(rows_of: Callable[..., list[Row]], jobs: Sequence[Job], file: Path) -> None:
    """Run jobs side by side, and write their rows to a packed file, in the order of the jobs."""
    found: dict[str, list[Row]] = {}
    for outcome in tqdm(stream(rows_of, jobs), total=len(jobs), desc=file.name):
        if outcome.failure:
            raise SystemExit(f"{outcome.key}: {outcome.failure}")
        found[outcome.key] = outcome.result
    lines = "".join(json.dumps(row) + "\n" for job in jobs for row in found[job.key])
    file.write_bytes(lzma.compress(lines.encode(), preset=9))
