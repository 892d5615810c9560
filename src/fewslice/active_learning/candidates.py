"""What a strategy looks at: a few numbers for every slice that may be asked.

`slice_facts` makes one row from the posterior samples of a slice, after which the samples can be
thrown away; `stack` puts rows together, of one scan or of a whole pool. A row takes a few kB, so a
pool is ranked without its probabilities ever being in memory together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.active_learning import scores
from fewslice.errors import InputError
from fewslice.typing import BoolArray, Float32Array, Float64Array, Int64Array

Probability = npt.NDArray[np.floating[Any]]

_CELLS = 8
"""Cells along rows and columns that hold one point for BatchBALD each, so 64 points at most."""


@dataclass(frozen=True)
class Place:
    """Where a slice is, and what asking for it means.

    scan: running number in the pool (0 for a single scan). axis: array axis the slice lies across.
    index: along that axis. position: mm along that axis. annotated: it may not be asked again.
    seconds: what a person needs for it; alike for all where that is not known. pixel_area: mm² of
    one voxel within the slice.
    """

    scan: int
    axis: int
    index: int
    position: float
    annotated: bool = False
    seconds: float = 1.0
    pixel_area: float = 1.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """N slices (or scans) among which a strategy chooses; every array has N rows.

    place: int64 (N, 3), scan number, array axis and index. position: float64, mm along the axis.
    voxels: int64, voxels of the slice. pixel_area: float32, mm² of one voxel within the slice.
    foreground: float32, expected voxels of structures, that is Σ over voxels of the mean over
    samples of 1 - p(background). present: float32 in [0, 1], share of the samples whose likeliest
    classes put a structure on the slice.
    entropy, margin, variance, mutual_information: float32, the scores of `scores.py` SUMMED over
    the slice's voxels (divide by `voxels` for the mean).
    class_entropy: float32 (N, C), Σ over voxels of p̄_c · H[p̄]; its sum over c is `entropy`.
    features: float32 (N, F), what the slice looks like; F may be 0.
    points: float16 (N, samples, C, P), probabilities at P <= 64 voxels, for BatchBALD.
    annotated: bool, may not be asked (again); strategies that spread out start from these rows.
    seconds: float32, what a person needs for it.
    """

    place: Int64Array
    position: Float64Array
    voxels: Int64Array
    pixel_area: Float32Array
    foreground: Float32Array
    present: Float32Array
    entropy: Float32Array
    margin: Float32Array
    variance: Float32Array
    mutual_information: Float32Array
    class_entropy: Float32Array
    features: Float32Array
    points: npt.NDArray[np.float16]
    annotated: BoolArray
    seconds: Float32Array

    def __len__(self) -> int:
        return len(self.place)

    @property
    def open(self) -> Int64Array:
        """Row numbers that may be asked, ascending."""
        return np.flatnonzero(~self.annotated).astype(np.int64)

    def take(self, rows: npt.ArrayLike) -> Candidates:
        """Return some rows (numbers or a mask), in the order given."""
        chosen = np.asarray(rows)
        return Candidates(*(getattr(self, field.name)[chosen] for field in fields(self)))


def slice_facts(
    probability: Probability,
    place: Place,
    features: npt.ArrayLike = (),
    points: Int64Array | None = None,
) -> Candidates:
    """Return the one row of a slice.

    probability: (sample, class, rows, columns), any float, in [0, 1], background first, summing to
    1 over classes. features: F numbers, such as `descriptor` or a network's (none: ()). points:
    (P, 2) rows and columns for BatchBALD, best of `informative_points` of the whole scan; chosen
    on the slice itself if None.
    """
    where = informative_points(probability[:, :, None]) if points is None else points
    unsure = (probability[:, 0] < 1).any(axis=0)
    # Only here can any score differ from 0; most voxels of a scan are certain in every sample.
    inner = np.asarray(probability[:, :, unsure], dtype=np.float32)
    mean = inner.mean(axis=0)
    entropy = scores.entropy(mean, axis=0)
    information = np.maximum(entropy - scores.expected_entropy(inner), 0)
    return Candidates(
        place=np.array([[place.scan, place.axis, place.index]], dtype=np.int64),
        position=np.array([place.position], dtype=np.float64),
        voxels=np.array([unsure.size], dtype=np.int64),
        pixel_area=_number(place.pixel_area),
        foreground=_number((1 - mean[0]).sum()),
        present=_number((inner.argmax(axis=1) > 0).any(axis=1).mean()),
        entropy=_number(entropy.sum()),
        margin=_number(scores.margin(mean[None]).sum()),
        variance=_number(scores.variance(inner).sum()),
        mutual_information=_number(information.sum()),
        class_entropy=(mean * entropy).sum(axis=1, dtype=np.float32)[None],
        features=np.asarray(features, dtype=np.float32).reshape(1, -1),
        points=_at(probability, where)[None],
        annotated=np.array([place.annotated]),
        seconds=_number(place.seconds),
    )


def scan_facts(
    probability: Probability, places: Sequence[Place], features: Sequence[npt.ArrayLike] = ()
) -> Candidates:
    """Return the rows of all slices of a scan, with the same points on each.

    probability: (sample, class, slice, rows, columns), as in `slice_facts`. places: one a slice.
    features: F numbers a slice, or none at all.
    """
    points = informative_points(probability)
    return stack(
        slice_facts(probability[:, :, index], place, features[index] if features else (), points)
        for index, place in enumerate(places)
    )


def stack(rows: Iterable[Candidates]) -> Candidates:
    """Put rows together, in order; each item may hold any number of rows.

    Items may know different numbers of classes, points or samples: missing classes have
    probability 0 and missing points are certain background, neither of which changes any score;
    samples at points are repeated in turn up to the greatest number. Raises InputError if there
    are no rows, or if they have different numbers of features.
    """
    items = list(rows)
    if not items:
        raise InputError("The pool is empty; give at least one scan with slices to choose from.")
    if len({item.features.shape[1] for item in items}) > 1:
        raise InputError(
            "Scans of the pool come with different numbers of features; compute them all with the "
            "same settings."
        )
    classes = max(item.class_entropy.shape[1] for item in items)
    samples = max(item.points.shape[1] for item in items)
    points = max(item.points.shape[3] for item in items)
    columns: dict[str, Any] = {
        field.name: np.concatenate([getattr(item, field.name) for item in items])
        for field in fields(Candidates)
        if field.name not in ("class_entropy", "points")
    }
    columns["class_entropy"] = np.concatenate(
        [_widened(item.class_entropy, classes) for item in items]
    )
    shape = (samples, classes, points)
    columns["points"] = np.concatenate([_padded(item.points, shape) for item in items])
    return Candidates(**columns)


def informative_points(probability: Probability) -> Int64Array:
    """Return up to 64 places (P, 2), rows and columns, where the samples disagree most.

    probability: (sample, class, slice, rows, columns). The slice is divided into 8 x 8 cells; of
    each the voxel is taken whose variance over samples, summed over slices, is greatest. The same
    places serve all slices of a scan, so that BatchBALD sees neighbouring slices repeat each other.
    """
    height, width = probability.shape[3:]
    disagreement = np.zeros((height, width), dtype=np.float32)
    for index in range(probability.shape[2]):
        disagreement += scores.variance(probability[:, :, index])
    return np.array(
        [
            _greatest(disagreement, (top, bottom), (left, right))
            for top, bottom in _edges(height)
            for left, right in _edges(width)
        ],
        dtype=np.int64,
    )


def descriptor(image: npt.ArrayLike, probability: Probability, cells: int = 8) -> Float32Array:
    """Return what a slice looks like where there are no network features: 2 · cells² numbers.

    image: (rows, columns), intensities, best scaled to about [0, 1] for the whole scan at once.
    probability: (sample, class, rows, columns). The numbers are means over a grid of cells, of the
    intensity and of the expected structure, each divided by `cells` so that both halves have
    Euclidean lengths up to 1.
    """
    expected = 1 - np.asarray(probability[:, 0], dtype=np.float32).mean(axis=0)
    parts = (_pooled(np.asarray(image, dtype=np.float32), cells), _pooled(expected, cells))
    return (np.concatenate(parts) / cells).astype(np.float32)


def _number(value: Any) -> Float32Array:
    return np.array([value], dtype=np.float32)


def _at(probability: Probability, points: Int64Array) -> npt.NDArray[np.float16]:
    return probability[:, :, points[:, 0], points[:, 1]].astype(np.float16)


def _edges(size: int, cells: int = _CELLS) -> list[tuple[int, int]]:
    cuts = np.linspace(0, size, min(size, cells) + 1).astype(int).tolist()
    return list(pairwise(cuts))


def _greatest(
    values: Float32Array, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[int, int]:
    cell = values[slice(*rows), slice(*columns)]
    row, column = np.unravel_index(int(cell.argmax()), cell.shape)
    return rows[0] + int(row), columns[0] + int(column)


def _pooled(values: Float32Array, cells: int) -> Float32Array:
    for axis, size in enumerate(values.shape):
        # Slices smaller than the grid repeat rows, so that all have the same number of cells.
        starts = (np.arange(cells) * size) // cells
        stops = np.maximum(((np.arange(cells) + 1) * size) // cells, starts + 1)
        values = np.stack(
            [
                values.take(range(start, stop), axis=axis).mean(axis=axis)
                for start, stop in zip(starts, stops, strict=True)
            ],
            axis=axis,
        )
    return values.ravel()


def _widened(values: Float32Array, classes: int) -> Float32Array:
    return np.pad(values, ((0, 0), (0, classes - values.shape[1])))


def _padded(
    points: npt.NDArray[np.float16], shape: tuple[int, int, int]
) -> npt.NDArray[np.float16]:
    rows, samples, known, given = points.shape
    result = np.zeros((rows, *shape), dtype=np.float16)
    result[:, :, 0, given:] = 1
    result[:, :, :known, :given] = points[:, np.arange(shape[0]) % samples]
    return result
