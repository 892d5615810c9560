"""Scans that a model brings along, so that they can answer as support where it does worse.

From few slices, a network learns less than registration carries over. Each scan is kept with labels
completed from its drawn slices (by `auto`), cut out around its structures: on twelve unseen
hippocampi completed labels of six scans with four slices each had a Dice of 0.775, the drawn slices
alone 0.728 (`benchmarks/promotion.py`).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation, blank_annotation, drawn_voxels
from fewslice.engines import find_engine
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    silent,
)
from fewslice.engines.composed import composed
from fewslice.engines.predictions import around, slice_of
from fewslice.errors import WeightsError
from fewslice.segmentation.assemble import assemble_labels
from fewslice.training.choice import Choice
from fewslice.training.grid import Turned, as_stored, turned
from fewslice.training.scan import TaskScan
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelArray
from fewslice.volumes.memo import Memo
from fewslice.volumes.orientation import turn_towards
from fewslice.volumes.region import bounding_region

MOST_SCANS = 16
"""Scans kept; those with most drawn slices."""

_MARGIN = 30.0  # mm kept around the structures, for registration
_ENGINE = "auto"
_SAME_GRID = 1e-3


@dataclass(frozen=True, eq=False)
class KeptScan:
    """A part of a scan with labels of all its voxels.

    channels: (channel, i, j, k). labels: (i, j, k). axis: across which slices were drawn.
    """

    channels: npt.NDArray[Any]
    labels: LabelArray
    geometry: Geometry
    axis: int

    def turned(self, like: Geometry) -> SupportScan:
        """Return it as engines take it, with axes that run as those of a scan to segment."""
        turn = turn_towards(self.geometry, like)
        labels = turn.array(self.labels)
        axis = turn.axes.index(self.axis)
        every = tuple((axis, index) for index in range(labels.shape[axis]))
        scan = Scan(turn.array(self.channels), turn.geometry(self.geometry))
        return SupportScan(scan, Annotation(labels, every))

    def part_of(self, scan: Scan) -> bool:
        """Whether these voxels were cut out of that scan."""
        turn = turn_towards(self.geometry, scan.geometry)
        grid = turn.geometry(self.geometry)
        to_voxels = np.linalg.inv(scan.geometry.affine) @ grid.affine
        start = np.rint(to_voxels[:3, 3]).astype(int)
        stop = start + grid.shape
        same_grid = np.allclose(to_voxels[:3, :3], np.eye(3), atol=_SAME_GRID)
        if not same_grid or (start < 0).any() or (stop > scan.shape).any():
            return False
        place = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        return np.array_equal(scan.channels[(slice(None), *place)], turn.array(self.channels))


@dataclass(frozen=True, eq=False)
class ModelSupport:
    """The scans a model brings along. choice: whether they answer alone or beside the network."""

    scans: tuple[KeptScan, ...]
    choice: Choice

    def answer(self, scan: Scan, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Answer a scan from these, and from what is drawn on it if anything is.

        Engines see it turned as the network does: registration would end a little differently with
        other axes.
        """
        how = turned(scan.geometry)
        seen = _as_seen(scan, how)
        given = [each.turned(how.geometry) for each in self.scans]
        asked = composed(find_engine(_ENGINE)).prepare(seen, given)
        return as_stored(asked.predict(annotation.turned(how.turn), progress), how)

    def without(self, scan: Scan) -> ModelSupport | None:
        """Return what is left without the parts of a scan itself; None if nothing is."""
        others = tuple(each for each in self.scans if not each.part_of(scan))
        return replace(self, scans=others) if others else None


@dataclass(frozen=True, eq=False)
class _Seen:
    """A scan with other axes than the one whose memo keeps it."""

    scan: Scan

    @property
    def nbytes(self) -> int:
        """How much memory it takes, with what was found out about it."""
        memo = self.scan.memo
        return self.scan.channels.nbytes + (memo.nbytes if memo else 0)


def _as_seen(scan: Scan, how: Turned) -> Scan:
    """Return a scan turned, and in one order in memory, on which the last bits of sums depend.

    A session gets the same one again, with what was found out about it.
    """

    def turn() -> _Seen:
        channels = np.ascontiguousarray(how.turn.array(scan.channels))
        return _Seen(Scan(channels, how.geometry, scan.memo and Memo(channels)))

    if how.turn.changes_nothing and scan.channels.flags.c_contiguous:
        return scan
    return (scan.memo.of(scan.channels, "turned", turn) if scan.memo else turn()).scan


def kept_scans(scans: Sequence[TaskScan]) -> tuple[KeptScan, ...]:
    """Complete the labels of scans and cut them out; those on which no structure is drawn are left.

    Of more than `MOST_SCANS` those with most drawn slices are taken, in their order.
    """
    drawn = [scan for scan in scans if scan.annotation.drawn_values]
    order = sorted(range(len(drawn)), key=lambda n: -len(drawn[n].annotation.slices))
    return tuple(_kept(drawn[n]) for n in sorted(order[:MOST_SCANS]))


def completed(scan: Scan, annotation: Annotation) -> Prediction:
    """Answer a scan from what is drawn on it alone."""
    return composed(find_engine(_ENGINE)).prepare(scan).predict(annotation)


def _kept(scan: TaskScan) -> KeptScan:
    annotation = scan.annotation
    found = completed(scan.scan, annotation)
    labels = assemble_labels(found, annotation)
    box = bounding_region(drawn_voxels(labels))
    margin = np.ceil(_MARGIN / np.array(scan.geometry.spacing)).astype(int)
    start = np.maximum(np.array(box.start) - margin, 0)
    stop = np.minimum(np.array(box.stop) + margin, labels.shape)
    part = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    first = (int(start[0]), int(start[1]), int(start[2]))
    last = (int(stop[0]), int(stop[1]), int(stop[2]))
    return KeptScan(
        np.ascontiguousarray(scan.channels[(slice(None), *part)]),
        np.ascontiguousarray(labels[part]),
        scan.geometry.cropped(first, last),
        annotation.axis,
    )


def unanswered(scan: Scan, axis: int, values: Sequence[int]) -> Annotation:
    """Return the annotation of a scan on which nothing is drawn."""
    return blank_annotation(np.zeros(scan.shape, dtype=np.uint8), axis, values)


def mean_of(one: Prediction, other: Prediction, axis: int) -> Prediction:
    """Return the mean of two predictions; a structure only one of them knows has half of it."""
    values = tuple(sorted({*one.values, *other.values}))
    region = around([one.region, other.region])
    probability = empty_probability(len(values), region.shape, axis)
    by_slice = np.moveaxis(probability, 1 + axis, 0)
    for at in range(region.shape[axis]):
        index = region.start[axis] + at
        mean = np.zeros(by_slice.shape[1:], dtype=np.float32)
        for each in (one, other):
            rows = [values.index(value) for value in each.values]
            mean[rows] += 0.5 * slice_of(each, axis, index, region)
        by_slice[at] = as_half(mean)
    return Prediction(region, values, probability, (*one.remarks, *other.remarks))


def to_bytes(scans: Sequence[KeptScan]) -> bytes:
    """Return scans as a compressed file of numbers (npz, nothing pickled)."""
    arrays: dict[str, Any] = {}
    facts = []
    for number, scan in enumerate(scans):
        arrays[f"channels{number}"] = scan.channels
        arrays[f"labels{number}"] = scan.labels
        facts.append({"affine": scan.geometry.affine.tolist(), "axis": scan.axis})
    stream = io.BytesIO()
    np.savez_compressed(stream, facts=np.array(json.dumps(facts)), **arrays)
    return stream.getvalue()


def from_bytes(data: bytes) -> tuple[KeptScan, ...]:
    """Read what `to_bytes` wrote. Raises WeightsError if it is damaged."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            return tuple(
                KeptScan(
                    arrays[f"channels{number}"],
                    labels := arrays[f"labels{number}"],
                    Geometry(labels.shape, np.array(each["affine"], dtype=np.float64)),
                    int(each["axis"]),
                )
                for number, each in enumerate(facts)
            )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"The support scans of the model are damaged ({error}); copy its folder again or roll "
            "back to another version."
        ) from error
