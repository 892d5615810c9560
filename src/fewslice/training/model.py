"""A task's model: a network with all that is needed to ask it about any scan, as an engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import (
    Prediction,
    Progress,
    Scan,
    SupportScan,
    as_half,
    empty_probability,
    silent,
)
from fewslice.errors import InputError, Remark
from fewslice.training.grid import TaskGrid, as_stored, on_pixels, turned
from fewslice.training.intensity import Intensity
from fewslice.training.network import TaskNet, class_probability
from fewslice.training.slices import Stack, stack_of
from fewslice.training.support import ModelSupport, mean_of, unanswered
from fewslice.typing import Float32Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region, bounding_region
from fewslice.volumes.segments import Segment

_PIXELS_AT_ONCE = 200_000
_WHERE_DRAWN = "it is only where it was drawn"
_BY_DRAWING = "what is drawn on this scan alone answers for it"
_BARELY = 0.02  # probability of any structure below which a voxel need not be answered


@dataclass(frozen=True, eq=False)
class TaskModel:
    """A network, the grid it works on, the scale of intensities, and the label of each class.

    values: the label of each class, background (0) first, ascending. intensity: one a channel.
    stand_in: the value that stands for the structure 255 (see `fewslice.volumes.ignore_label`),
    None if that is none of its structures.
    segments: names and colours of the structures, where they are known.
    support: scans that answer in place of the network, or beside it, because they did better; None
    if the network answers alone.
    """

    network: TaskNet
    grid: TaskGrid
    intensity: tuple[Intensity, ...]
    values: tuple[int, ...]
    stand_in: int | None = None
    segments: tuple[Segment, ...] = ()
    support: ModelSupport | None = None

    @property
    def device(self) -> torch.device:
        """Where the network works."""
        return self.network.prompt.device

    @property
    def uses_support(self) -> bool:
        """A model knows its task already."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedModel:
        """Return the scan on the model's grid. Raises InputError if its channels do not fit."""
        return PreparedModel(self, scan, self.stack(scan))

    def stack(self, scan: Scan) -> Stack:
        """Bring a scan to the model's grid. Raises InputError if its channels do not fit."""
        if len(scan.channels) != len(self.intensity):
            raise InputError(
                f"The scan has {len(scan.channels)} channels, but the model was trained on "
                f"{len(self.intensity)}; give the same channels in the same order."
            )
        return stack_of(scan, self.grid, self.intensity)

    def axis(self, geometry: Geometry) -> int:
        """Return the array axis of a scan across which the model works slice by slice."""
        return turned(geometry).turn.axes[self.grid.plane]


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A scan on the grid of a model.

    What is drawn on the scan changes nothing in the network's answer; the model's support scans, if
    they are asked, go by it.
    """

    model: TaskModel
    scan: Scan
    stack: Stack

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities; labels the model does not know are likely nowhere.

        The region is the box outside of which no structure has a probability of 2 %.
        """
        support = self.model.support
        if support is None:
            return self._network(annotation, progress)
        carried = support.answer(self.scan, annotation, progress)
        if support.choice.chosen == "mean":
            carried = mean_of(self._network(annotation), carried, annotation.axis)
        else:
            unknown = _unknown_labels(self.model, annotation.values, _BY_DRAWING)
            carried = replace(carried, remarks=(*unknown, *carried.remarks))
        return replace(carried, remarks=(support.choice.remark, *carried.remarks))

    def _network(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        found = on_stack(self.model, self.stack, progress=progress)
        prediction = on_own_grid(self.model, self.stack, found)
        return _with_labels(self.model, prediction, annotation.values)


def answer_undrawn(model: TaskModel, scan: Scan) -> Prediction:
    """Answer a scan on which nothing is drawn, by whoever answers for this model."""
    if model.support is None:
        return predict(model, scan)
    annotation = unanswered(scan, model.axis(scan.geometry), model.values[1:])
    return model.prepare(scan).predict(annotation)


def _with_labels(model: TaskModel, prediction: Prediction, wanted: Sequence[int]) -> Prediction:
    """Return a prediction that has a class for every label, with a remark on unknown ones."""
    unknown = _unknown_labels(model, wanted, _WHERE_DRAWN)
    if not unknown:
        return prediction
    values = tuple(sorted({*prediction.values, *wanted}))
    probability = np.zeros((len(values), *prediction.region.shape), dtype=np.float16)
    for known, one in zip(prediction.values, prediction.probability, strict=True):
        probability[values.index(known)] = one
    return Prediction(prediction.region, values, probability, (*prediction.remarks, *unknown))


def _unknown_labels(model: TaskModel, wanted: Sequence[int], becomes: str) -> tuple[Remark, ...]:
    """Say of which labels a model knows nothing, and what becomes of them; nothing if of none."""
    unknown = [value for value in wanted if value not in model.values]
    if not unknown:
        return ()
    remark = Remark(
        "unknown-label",
        f"The model has never seen label {', '.join('{}' for _ in unknown)}: {becomes}; train the "
        "model on this scan as well.",
        unknown,
    )
    return (remark,)


def predict(model: TaskModel, scan: Scan, *, whole: bool = False) -> Prediction:
    """Return the network's class probabilities of a scan, on its own grid and with its own axes.

    whole: answer every voxel; otherwise the box outside of which no structure has a probability of
    2 %. Raises InputError if the channels are not the model's.
    """
    stack = model.stack(scan)
    return on_own_grid(model, stack, on_stack(model, stack), whole=whole)


@torch.inference_mode()
def on_stack(
    model: TaskModel,
    stack: Stack,
    *,
    at: npt.NDArray[np.intp] | None = None,
    progress: Progress = silent,
) -> Float32Array:
    """Return probabilities on a model's grid: float32 (slice, class, rows, columns).

    at: which slices; None for all.
    """
    model.network.eval()
    parts = []
    done = 0
    for some in batches(stack, at):
        images = torch.from_numpy(stack.seen(some)).to(model.device)
        places = torch.from_numpy(stack.places(some)).to(model.device)
        logits = model.network(images, places)
        parts.append(class_probability(logits).cpu().numpy())
        done += len(some)
        progress(done / (len(stack.images) if at is None else len(at)))
    return np.concatenate(parts)


def batches(stack: Stack, at: npt.NDArray[np.intp] | None = None) -> Iterator[npt.NDArray[np.intp]]:
    """Return the slices `at` (None: all) in parts that the network sees at once."""
    if at is None:
        at = np.arange(len(stack.images))
    rows, columns = stack.images.shape[2:]
    each = max(1, _PIXELS_AT_ONCE // (rows * columns))
    return (at[start : start + each] for start in range(0, len(at), each))


def on_own_grid(
    model: TaskModel,
    stack: Stack,
    found: npt.NDArray[np.floating[Any]],
    *,
    whole: bool = False,
) -> Prediction:
    """Bring probabilities from the model's grid to the scan's, slice by slice.

    found: (slice, class, rows, columns). whole: as in `predict`.
    """
    grid = stack.turned.geometry
    plane = model.grid.plane
    size = tuple(grid.shape[axis] for axis in model.grid.inplane)
    box = Region((0, 0, 0), grid.shape) if whole else _box(model, found, grid)
    result = empty_probability(len(model.values), box.shape, plane)
    rows, columns = (box.slices[axis] for axis in model.grid.inplane)
    for place, index in enumerate(range(box.start[plane], box.stop[plane])):
        full = on_pixels(found[index], (size[0], size[1]))[:, rows, columns]
        at = (slice(None), *(place if axis == plane else slice(None) for axis in range(3)))
        result[at] = as_half(full)
    return as_stored(Prediction(box, model.values, result), stack.turned)


def _box(model: TaskModel, found: npt.NDArray[np.floating[Any]], grid: Geometry) -> Region:
    """Return the box of a turned scan in which there may be a structure; never empty."""
    some = found[:, 0] < 1 - _BARELY
    if not some.any():
        return Region((0, 0, 0), (1, 1, 1))
    place = bounding_region(np.moveaxis(some, 0, model.grid.plane))
    start, stop = list(place.start), list(place.stop)
    for axis, length in zip(model.grid.inplane, found.shape[2:], strict=True):
        scale = grid.shape[axis] / length
        start[axis] = max(0, int(np.floor((start[axis] - 0.5) * scale)))
        stop[axis] = min(grid.shape[axis], int(np.ceil((stop[axis] + 0.5) * scale)))
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
