"""3D Slicer's segmentations (.seg.nrrd): label maps with names, colours and layers.

Segments that overlap lie in different layers, a fourth axis, and may share a label value there; a
label map has one value a voxel, so layers are joined where they do not overlap. Slicer stores the
part of the scan that holds something drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import InputError, Remark
from fewslice.io import nrrd
from fewslice.io.library_errors import damage_named
from fewslice.volumes.colours import structure_colour
from fewslice.volumes.image import UNKNOWN, Array, Image, LabelMap, StoredGeometry, labels_of
from fewslice.volumes.segments import Segment

Header = dict[str, Any]

_KEY = re.compile(r"Segment(?P<number>\d+)_(?P<field>\w+)")


@dataclass(frozen=True)
class _Stored:
    """A segment as a header has it: its label value within its layer."""

    layer: int
    segment: Segment


def is_segmentation(header: Header) -> bool:
    """Whether a NRRD header describes segments."""
    return any(_KEY.fullmatch(key) for key in header)


def merge(path: Path, image: Image, header: Header) -> LabelMap:
    """Return the label map of a segmentation.

    image: as `nrrd.read` returns it, layers as channels. Raises InputError if segments overlap, or
    if there are voxels in a layer that no segment explains.
    """
    with damage_named(path):
        stored = _segments(header, len(image.channels))
    values = _values(stored)
    channels = [labels_of(layer, f"the label map {path}")[0] for layer in image.channels]
    labels = np.zeros(image.geometry.shape, np.uint16)
    for each, value in zip(stored, values, strict=True):
        if each.layer >= len(channels):
            raise InputError(
                f"The segment {each.segment.name!r} of {path} lies in layer {each.layer} of "
                f"{len(channels)}, counted from 0; save the segmentation again."
            )
        inside = channels[each.layer] == each.segment.value
        _require_free(path, labels, inside, each.segment.name)
        labels[inside] = value
    labels = _with_unnamed(path, labels, channels)
    segments = tuple(
        replace(each.segment, value=value) for each, value in zip(stored, values, strict=True)
    )
    geometry = image.stored or StoredGeometry("array", {})
    smallest = np.uint8 if labels.max(initial=0) <= 255 else np.uint16
    return LabelMap(
        labels.astype(smallest),
        image.geometry,
        replace(geometry, whole=False),
        (*image.remarks, *_renumbered(path, stored, segments)),
        segments,
    )


def _segments(header: Header, layers: int) -> list[_Stored]:
    """Return the segments of a header in its order.

    Slicer 4.10 and before gave every segment a layer of its own, without saying so.
    """
    fields: dict[int, dict[str, str]] = {}
    for key, value in header.items():
        match = _KEY.fullmatch(key)
        if match:
            text = nrrd.unescaped(str(value))
            fields.setdefault(int(match["number"]), {})[match["field"]] = text
    apart = layers > 1 and not any("Layer" in each for each in fields.values())
    return [
        _segment(number, {"Layer": str(number), "LabelValue": "1"} | each if apart else each)
        for number, each in sorted(fields.items())
    ]


def _segment(number: int, fields: dict[str, str]) -> _Stored:
    value, layer = int(fields.get("LabelValue", number + 1)), int(fields.get("Layer", 0))
    name = fields.get("Name", fields.get("ID", f"Segment_{number + 1}"))
    found = [float(part) for part in fields.get("Color", "").split()]
    colour = (found[0], found[1], found[2]) if len(found) == 3 else structure_colour(value - 1)
    return _Stored(layer, Segment(value, name, colour, fields.get("Tags", "")))


def _values(stored: list[_Stored]) -> list[int]:
    """Return the label of each segment: its own value, or its number if layers share values.

    Numbers leave 255 out, which means "not looked at".
    """
    own = [each.segment.value for each in stored]
    if len(set(own)) == len(own):
        return own
    return [number + (number >= UNKNOWN) for number in range(1, len(own) + 1)]


def _require_free(path: Path, labels: Array, inside: Array, name: str) -> None:
    overlap = int(np.count_nonzero(labels[inside]))
    if overlap:
        raise InputError(
            f"The segment {name!r} of {path} overlaps others in {overlap} voxels; expected one "
            "label per voxel: in the Segment Editor, erase the overlap (Masking: overwrite all), "
            "or save the segments in files of their own."
        )


def _with_unnamed(path: Path, labels: Array, channels: list[Array]) -> Array:
    """Add the values of a single layer that no segment names; of several, they mean nothing."""
    unnamed = [(layer != 0) & (labels == 0) for layer in channels]
    if not any(each.any() for each in unnamed):
        return labels
    if len(channels) > 1:
        raise InputError(
            f"{path} holds label values that none of its segments has; save the segmentation again."
        )
    return np.where(unnamed[0], channels[0], labels)


def _renumbered(
    path: Path, stored: list[_Stored], segments: tuple[Segment, ...]
) -> tuple[Remark, ...]:
    if all(one.segment.value == other.value for one, other in zip(stored, segments, strict=True)):
        return ()
    told = ", ".join(f"{each.name} {each.value}" for each in segments)
    return (
        Remark(
            "segments-renumbered",
            f"Segments of {path} share label values in different layers; they get labels of their "
            f"own: {told}.",
        ),
    )


def write(path: Path, volume: Image | LabelMap) -> None:
    """Write a label map as a segmentation of one layer, with a name and a colour for each label."""
    if not isinstance(volume, LabelMap):
        raise InputError(f"{path} is the name of a segmentation; write an image as .nrrd.")
    named = {each.value: each for each in volume.segments}
    values = sorted(set(volume.values) | named.keys())
    keys: dict[str, str] = {}
    for number, value in enumerate(values):
        segment = named.get(value) or Segment(value, f"Label {value}", structure_colour(value - 1))
        keys |= _keys(f"Segment{number}_", segment, volume.array)
    keys |= {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_SourceRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    nrrd.write(path, volume, keys)


def _keys(key: str, segment: Segment, labels: Array) -> dict[str, str]:
    return {
        f"{key}ID": f"Segment_{segment.value}",
        f"{key}Name": segment.name,
        f"{key}NameAutoGenerated": "0",
        f"{key}Color": " ".join(f"{part:.6g}" for part in segment.colour),
        f"{key}ColorAutoGenerated": "0",
        f"{key}LabelValue": str(segment.value),
        f"{key}Layer": "0",
        f"{key}Extent": _extent(labels == segment.value),
        f"{key}Tags": segment.tags or "Segmentation.Status:inprogress|",
    }


def _extent(inside: Array) -> str:
    """Return the first and last index along each axis; last before first if there is nothing."""
    ends = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(inside.any(axis=others))
        ends += [int(found[0]), int(found[-1])] if found.size else [0, -1]
    return " ".join(map(str, ends))
