"""DICOM SEG as labels: binary, label map, and fractional where all fractions are 0 or 1."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError, InputError, ReadError, Remark
from fewslice.io.dicom.display_colour import lab_colour
from fewslice.io.dicom.files import damage_named
from fewslice.io.dicom.kinds import read_whole
from fewslice.io.dicom.planes import Dataset, Plane, placement_of, planes_of
from fewslice.io.dicom.segments import label_text
from fewslice.io.itk import Grid
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import MAX_LABEL, UNKNOWN, Array, Image, LabelArray, LabelMap
from fewslice.volumes.respacing import own_geometry
from fewslice.volumes.segments import Segment, named_segments

SAME_DIRECTION = 1e-3  # of a direction cosine
OFF_STEP = 0.1  # of a step between slices
SAME_PLACE = 1e-3  # mm

_OWN_VALUE = re.compile(r"label (\d+)")


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of a SEG. planes: of each frame. segments: its segment number, 0 for all."""

    path: Path
    dataset: Dataset
    planes: list[Plane]
    segments: list[int]

    def pixels(self, chosen: Sequence[int]) -> Iterator[tuple[int, Array]]:
        """Yield the numbers of frames with their (row, column) pixels, one at a time."""
        from pydicom.pixels.utils import iter_pixels

        packed = int(self.dataset.BitsAllocated) == 1
        if packed and not self.dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            yield from ((number, self._unpacked(number)) for number in chosen)
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield from zip(chosen, iter_pixels(self.dataset, indices=chosen), strict=True)
        except (RuntimeError, ValueError, NotImplementedError, AttributeError) as error:
            raise ReadError(
                f"{self.path} has pixels that cannot be decoded ({type(error).__name__}); copy or "
                "export it again."
            ) from error

    def _unpacked(self, number: int) -> Array:
        """Return a frame of single bits; frames follow each other without filling up bytes."""
        rows, columns = self.planes[number].matrix
        start = number * rows * columns
        stop = start + rows * columns
        packed = np.frombuffer(self.dataset.PixelData, np.uint8)[start // 8 : -(-stop // 8)]
        bits = np.unpackbits(packed, bitorder="little")[start % 8 :][: rows * columns]
        if bits.size < rows * columns:
            raise ReadError(f"{self.path} is truncated; copy or export it again.")
        return bits.reshape(rows, columns)


def read(path: Path, scan: Image | None = None) -> LabelMap:
    """Read a SEG onto the grid of its scan, or onto one of its own, as far as its frames reach.

    Where segments overlap, the one of fewer voxels counts and a remark says so. A segment gives
    labels of its number, or the value that this library wrote (its tracking ID "label 7"). Raises
    ReadError, InputError, and GeometryError if frames do not lie on the voxels of the scan.
    """
    with damage_named(path):
        return _read(path, scan)


def _read(path: Path, scan: Image | None) -> LabelMap:
    frames = _frames(path, read_whole(path))
    geometry = _own_grid(frames) if scan is None else own_geometry(scan)
    values, named = _values(path, frames.dataset)
    array, overlapping = _labels(frames, geometry, values)
    remarks: tuple[Remark, ...] = ()
    if overlapping:
        remarks = (
            Remark(
                "segments-overlap",
                f"{path} has {overlapping} voxels in several segments; a voxel has one label here, "
                "and that of the segment with fewer voxels counts.",
            ),
        )
    return LabelMap(array, geometry, None if scan is None else scan.stored, remarks, named)


def _frames(path: Path, dataset: Dataset) -> Frames:
    if "PixelData" not in dataset or "Rows" not in dataset:
        raise ReadError(f"{path} is a DICOM SEG without pixels; copy or export it again.")
    planes = planes_of(dataset)
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    found = [plane for plane in planes if plane is not None]
    if len(found) != count:
        raise ReadError(
            f"{path} holds {count} frames but says of {len(found)} where they lie; expected the "
            "position, orientation and spacing of each: export it again."
        )
    whole = str(dataset.get("SegmentationType", "")) == "LABELMAP"
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [None] * count
    segments = [0 if whole else _segment(path, dataset, group) for group in groups]
    return Frames(path, dataset, found, segments)


def _segment(path: Path, dataset: Dataset, group: Dataset | None) -> int:
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for place in (group, *shared):
        sequence = place.get("SegmentIdentificationSequence") if place is not None else None
        if sequence:
            return int(sequence[0].ReferencedSegmentNumber)
    numbers = [int(item.SegmentNumber) for item in dataset.get("SegmentSequence") or []]
    if len(numbers) == 1:
        return numbers[0]
    raise ReadError(
        f"{path} does not say which of its {len(numbers)} segments a frame belongs to; export it "
        "again."
    )


def _values(path: Path, dataset: Dataset) -> tuple[dict[int, int], tuple[Segment, ...]]:
    """Return segment number to label, and the names and colours of those that have a name."""
    segments = [
        (int(item.SegmentNumber), item)
        for item in dataset.get("SegmentSequence") or []
        if int(item.SegmentNumber) > 0  # 0 is the background of a label map
    ]
    own = [_OWN_VALUE.fullmatch(str(item.get("TrackingID", ""))) for _, item in segments]
    stated = [int(match[1]) for match in own if match]
    numbers = [number for number, _ in segments]
    use = stated if len(set(stated)) == len(numbers) else numbers
    wrong = [value for value in use if not 0 < value <= MAX_LABEL or value == UNKNOWN]
    if wrong:
        raise InputError(
            f"{path} has a segment of the number {wrong[0]}; expected 1 to {MAX_LABEL:,} without "
            f"{UNKNOWN}, which stands for 'not looked at' here: number its segments anew."
        )
    names = {
        value: label_text(item.get("SegmentLabel"))
        for value, (_, item) in zip(use, segments, strict=True)
    }
    colours = {
        value: lab_colour(item.get("RecommendedDisplayCIELabValue"))
        for value, (_, item) in zip(use, segments, strict=True)
    }
    named = named_segments({value: name for value, name in names.items() if name}, colours)
    return dict(zip(numbers, use, strict=True)), named


def _labels(frames: Frames, geometry: Geometry, values: dict[int, int]) -> tuple[LabelArray, int]:
    """Return the labels on a grid, and how many voxels lie in several segments."""
    most = max(values.values(), default=0)
    array = np.zeros(geometry.shape, np.uint8 if most <= 255 else np.uint16)
    sizes: Counter[int] = Counter()
    for segment in sorted(set(frames.segments)):
        mine = [n for n, other in enumerate(frames.segments) if other == segment]
        sizes[segment] = _paste(frames, mine, geometry, array, values)
    if sum(sizes.values()) == np.count_nonzero(array):
        return array, 0
    overlapping = np.zeros(geometry.shape, bool)
    array[:] = 0
    for segment, _ in sizes.most_common():  # the largest first, smaller ones over it
        mine = [n for n, other in enumerate(frames.segments) if other == segment]
        layer = np.zeros_like(array)
        _paste(frames, mine, geometry, layer, values)
        overlapping |= (array != 0) & (layer != 0)
        np.copyto(array, layer, where=layer != 0)
    return array, int(np.count_nonzero(overlapping))


def _paste(
    frames: Frames,
    chosen: Sequence[int],
    geometry: Geometry,
    array: LabelArray,
    values: dict[int, int],
) -> int:
    """Put frames into an array; return how many of their pixels are not 0."""
    count = 0
    top = int(frames.dataset.get("MaximumFractionalValue", 1) or 1)
    for number, pixels in frames.pixels(chosen):
        found = [int(value) for value in np.flatnonzero(np.bincount(pixels.ravel())) if value]
        if not found:
            continue
        placement = placement_of(frames.planes[number], geometry)
        if placement is None:
            raise _misplaced(frames.path, "does not lie on the voxels of the scan")
        segment = frames.segments[number]
        if segment and found not in ([1], [top]):
            raise InputError(
                f"{frames.path} is a fractional DICOM SEG with values between 0 and 1; expected "
                "labels: threshold its probabilities first."
            )
        for value in found:
            label = values.get(segment or value)
            if label is None:
                raise ReadError(
                    f"{frames.path} has pixels of a segment {segment or value} that it does not "
                    "describe; export it again."
                )
            if not placement.paste(pixels == value, array, label):
                raise _misplaced(frames.path, "holds labels outside of the scan")
            count += int(np.count_nonzero(pixels == value))
    return count


def _misplaced(path: Path, what: str) -> GeometryError:
    return GeometryError(
        f"{path} {what}; expected a segmentation of this very scan, voxel on voxel: resample it to "
        "the scan, or give the series that it was drawn on."
    )


def _own_grid(frames: Frames) -> Geometry:
    """Return the grid from the first to the last frame: i along rows, j along columns, k across."""
    first = frames.planes[0]
    for plane in frames.planes:
        turned = np.abs(plane.orientation - first.orientation).max() > SAME_DIRECTION
        if turned or not np.allclose(plane.spacing, first.spacing, rtol=1e-4, atol=0):
            raise _no_stack(frames.path, "in different directions or spacings")
    heights = np.array([plane.normal @ plane.position for plane in frames.planes])
    order = np.argsort(heights, kind="stable")
    low, high = frames.planes[order[0]], frames.planes[order[-1]]
    span = float(heights[order[-1]] - heights[order[0]])
    step = _step(frames.dataset, heights[order])
    places = (heights - heights[order[0]]) / step
    count = round(span / step) + 1
    if np.abs(places - np.rint(places)).max() > OFF_STEP:
        raise _no_stack(frames.path, "at uneven distances")
    across = (high.position - low.position) / (count - 1) if count > 1 else first.normal * step
    rows, columns = first.matrix
    affine = Grid.from_steps(low.position, np.column_stack([first.steps, across])).affine
    return Geometry((columns, rows, count), affine)


def _step(dataset: Dataset, heights: Float64Array) -> float:
    """Return the mm between slices: the smallest gap, or a stated one that divides it."""
    gaps = np.diff(heights)
    gaps = gaps[gaps > SAME_PLACE]
    stated = _stated(dataset, "SpacingBetweenSlices")
    if not gaps.size:
        return stated or _stated(dataset, "SliceThickness") or 1.0
    smallest = float(gaps.min())
    times = smallest / stated if stated else 0.0
    if times >= 1 - OFF_STEP and abs(times - round(times)) <= OFF_STEP:
        return smallest / round(times)
    return smallest


def _stated(dataset: Dataset, tag: str) -> float:
    for group in dataset.get("SharedFunctionalGroupsSequence") or []:
        for measures in group.get("PixelMeasuresSequence") or []:
            return max(float(measures.get(tag) or 0), 0.0)
    return 0.0


def _no_stack(path: Path, how: str) -> GeometryError:
    return GeometryError(
        f"{path} holds frames {how}; expected one stack of slices: give it together with its scan, "
        "or convert it."
    )
