"""A second pass at the scan's own voxels, where an answer from a coarser grid changes class.

An engine that answers on a coarser working grid (`fewslice.volumes.working_grid`) places boundaries
to about one of its voxels. Here only the voxels in a band around these boundaries are asked again,
by a random walk with priors (Grady 2005) among them; all others keep their answer and hold the rim.
The prior is the coarse answer times the intensity model of the classes nearby: a Gaussian of the
intensities of each class, fitted in a window around every voxel (a relative of the guided filter,
He et al. 2013). How much intensities are worth is learned on the annotated slices, where the truth
is known: next to nothing where a boundary is a convention, and much at a sharp edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, as_half, silent
from fewslice.engines.predictions import likeliest
from fewslice.engines.random_walker.band_walk import walk_within
from fewslice.engines.random_walker.intensity_model import FAINT, IntensityModel, averaged
from fewslice.engines.seeds import UNSEEDED, seeds_on_grid
from fewslice.engines.threads import in_threads
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.geometry import inplane_axes
from fewslice.volumes.intensity_range import IntensityRange
from fewslice.volumes.working_grid import WorkingGrid

Box = tuple[slice, slice, slice]

_WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)  # that intensities may be found worth
_BLURS = (0.0, 0.7)  # standard deviations in voxels, for scans with little and with much noise
_JUDGED = 8  # annotated slices that the intensity model is judged on, at most
_SAMPLED = 16  # slices that intensities are scaled by
_HALO = 2  # slices solved beyond either end of a piece, so that pieces meet without a seam


@dataclass(frozen=True)
class RefineSettings:
    """Settings of the second pass; the defaults were chosen on the training data sets.

    band: half its width, in voxels of the coarse grid. window: half the side of the window in which
    the intensities of each class are measured, in the same unit. edge: difference of intensity that
    weakens an edge by a factor e, in standard deviations of the difference that noise makes between
    neighbours. smoothing: the walk smooths over 1/smoothing voxels of the coarse grid.
    spread: smallest variance of a class, with intensities scaled to 0 to 1. decisive: intensities
    change log-odds by at most this. most_numbers: probabilities worked on at once; each takes about
    60 bytes.
    """

    band: float = 1.5
    window: float = 2.0
    edge: float = 1.2
    smoothing: float = 2.0
    spread: float = 1e-3
    decisive: float = 4.0
    most_numbers: int = 6_000_000


_DEFAULT = RefineSettings()


def refined(  # noqa: PLR0913, PLR0917 - what an engine was asked, what it answered, and how
    prediction: Prediction,
    scan: Scan,
    annotation: Annotation,
    grid: WorkingGrid,
    settings: RefineSettings = _DEFAULT,
    progress: Progress = silent,
) -> Prediction:
    """Return the prediction with its boundaries placed anew at the scan's own voxels.

    prediction: interpolated from `grid`, over the grid's region. The grid keeps all slices across
    `annotation.axis`, so the band lies in the slices. Only voxels in the band change; those that a
    person drew become what was drawn. A prediction from a native grid is returned as it is.
    """
    assert prediction.region == grid.region  # noqa: S101 - ours to hold
    if grid.is_native:
        return prediction
    axis = annotation.axis
    coarse = np.moveaxis(prediction.probability, 1 + axis, 0)
    sides = _inplane(grid, axis)
    band = _changing(coarse, [_side(settings.band, side) for side in sides])
    if not band.any():
        return prediction
    problem = _Problem.pose(scan, annotation, grid, coarse, band)
    model = _judged(_windows(settings, sides), problem)
    probability = np.empty_like(prediction.probability)
    fine = np.moveaxis(probability, 1 + axis, 0)
    for at in np.flatnonzero(~band.any(axis=(1, 2))):
        fine[at] = coarse[at]

    def refine(piece: tuple[int, int, Box]) -> int:
        first, stop, box = piece
        fine[first:stop] = coarse[first:stop]
        _refine_piece(problem, box, model, settings, fine[first:stop], first)
        return stop

    for stop in in_threads(refine, _pieces(band, coarse.shape[1], model, settings)):
        progress(stop / len(band))
    return Prediction(prediction.region, prediction.values, probability, prediction.remarks)


def _inplane(grid: WorkingGrid, axis: int) -> list[float]:
    """Return how many voxels of the scan a voxel of the grid spans, along rows and columns."""
    return [grid.region.shape[other] / grid.shape[other] for other in inplane_axes(axis)]


def _side(half: float, voxels: float) -> int:
    """Return the odd number of voxels of a window reaching `half` coarse voxels to both sides."""
    return 2 * int(np.ceil(half * voxels)) + 1


def _changing(coarse: npt.NDArray[np.float16], sides: list[int]) -> BoolArray:
    """Return where the likeliest class (slice, row, column) changes inside a window of the slice.

    coarse: (slice, class, row, column). A slice at a time, and there only around what is not
    background: all else is alike.
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    band = np.zeros((len(coarse), *coarse.shape[2:]), dtype=bool)

    def mark(at: int) -> None:
        labels = likeliest(coarse[at])
        if not labels.any():
            return
        place = _crop(labels[None] > 0, (sides[0], sides[1]))
        high = low = labels[place]
        for axis, side in enumerate(sides):
            high = maximum_filter1d(high, side, axis=axis, mode="nearest")
            low = minimum_filter1d(low, side, axis=axis, mode="nearest")
        band[at][place] = high != low

    for _ in in_threads(mark, range(len(coarse))):
        pass
    return band


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is known of the region, slices first.

    channels: (channel, slice, row, column), the scan's own values. low, width: (channel,), what
    becomes 0 and 1. noise: standard deviation of differences between neighbours, so scaled.
    coarse: (slice, class, row, column). band: (slice, row, column), where to ask again.
    drawn: class numbers, -1 where unknown. judged: annotated slices the band runs through.
    spacing: mm, of the scan; reach: side of a coarse voxel in units of its finest spacing.
    """

    channels: npt.NDArray[Any]
    low: Float32Array
    width: Float32Array
    noise: float
    coarse: npt.NDArray[np.float16]
    band: BoolArray
    drawn: npt.NDArray[np.signedinteger]
    judged: tuple[int, ...]
    spacing: tuple[float, float, float]
    reach: float

    @staticmethod
    def pose(
        scan: Scan,
        annotation: Annotation,
        grid: WorkingGrid,
        coarse: npt.NDArray[np.float16],
        band: BoolArray,
    ) -> _Problem:
        """Bring everything into one order of axes, and measure the scale of intensities."""
        axis, region = annotation.axis, grid.region
        channels = np.moveaxis(scan.channels[(slice(None), *region.slices)], 1 + axis, 1)
        native = WorkingGrid(region, region.shape, grid.native_spacing)
        drawn = np.moveaxis(seeds_on_grid(annotation, native, np.int16), axis, 0)
        inside = [index - region.start[axis] for index in annotation.along(axis)]
        judged = [at for at in inside if 0 <= at < len(band) and band[at].any()]
        low, width, noise = _scale(channels, band)
        others = list(inplane_axes(axis))
        native_steps = [grid.native_spacing[other] for other in others]
        return _Problem(
            channels,
            low,
            width,
            noise,
            coarse,
            band,
            drawn,
            tuple(_spread_out(np.array(judged, dtype=np.intp), _JUDGED).tolist()),
            (grid.native_spacing[axis], native_steps[0], native_steps[1]),
            min(grid.spacing[other] for other in others) / min(native_steps),
        )

    def intensities(self, box: Box, blur: float) -> Float32Array:
        """Return scaled intensities (channel, slice, row, column), blurred within slices."""
        from scipy.ndimage import gaussian_filter

        raw = self.channels[(slice(None), *box)]
        values = np.empty(raw.shape, dtype=np.float32)
        # Channels lie in memory in the file's order, whose slices may be scattered.
        for row in range(raw.shape[2]):
            values[:, :, row] = raw[:, :, row]
        for channel, low, width in zip(values, self.low, self.width, strict=True):
            for at, one in enumerate(channel):
                np.subtract(one, low, out=one)
                np.divide(one, width, out=one)
                np.clip(one, -0.25, 1.25, out=one)
                if blur:
                    channel[at] = gaussian_filter(one, blur)
        return values

    def chances(self, box: Box) -> tuple[npt.NDArray[np.intp], Float32Array]:
        """Return the classes found in a box, and their coarse probability, classes first."""
        coarse = self.coarse[box[0], :, box[1], box[2]]
        # Halves from 0 on compare as their bits do, many times faster (see `likeliest`).
        highest = coarse.view(np.int16).max(axis=(0, 2, 3)).view(np.float16)
        found = np.flatnonzero(highest > FAINT)
        chosen = np.empty((len(found), len(coarse), *coarse.shape[2:]), dtype=np.float32)
        for at, one in enumerate(coarse):
            chosen[:, at] = one[found]
            chosen[:, at] /= np.maximum(chosen[:, at].sum(axis=0), 1e-6)
        return found, chosen


def _spread_out(numbers: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """Return at most so many of the numbers, evenly spread."""
    if len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).round().astype(np.intp)]


def _scale(channels: npt.NDArray[Any], band: BoolArray) -> tuple[Float32Array, Float32Array, float]:
    """Return the 2nd percentile, the way to the 98th, and the noise, all within the band.

    The noise is that of the noisiest channel: a robust standard deviation (Hampel 1974) of
    differences between neighbours, which an edge here and there does not change.
    """
    slices = _spread_out(np.flatnonzero(band.any(axis=(1, 2))), _SAMPLED)
    near = band[slices]
    low, width, noise = [], [], 0.0
    for channel in channels:
        values = channel[slices].astype(np.float32)
        found = IntensityRange.of(values[near])
        low.append(found.low)
        width.append(found.width)
        steps = np.concatenate(
            [
                np.diff(values, axis=1)[near[:, 1:]],
                np.diff(values, axis=2)[near[:, :, 1:]],
            ]
        )
        if steps.size:
            noise = max(noise, 1.4826 * float(np.median(np.abs(steps))) / width[-1])
    return np.array(low, np.float32), np.array(width, np.float32), noise


def _windows(settings: RefineSettings, sides: list[float]) -> IntensityModel:
    """Return the intensity model of a grid whose voxels span so many of the scan's, unjudged."""
    rows, columns = (_side(settings.window, side) for side in sides)
    voxel = [_side(1.0, side) for side in sides]
    return IntensityModel((rows, columns), (voxel[0], voxel[1]), settings.spread, settings.decisive)


def _judged(model: IntensityModel, problem: _Problem) -> IntensityModel:
    """Return the model with the weight and blur that say best what a person drew.

    On annotated slices, from an answer as uncertain as one between them: blurred over coarse
    voxels. Without such slices the weight stays 1.
    """
    losses: dict[tuple[float, float], float] = {}
    for at in problem.judged:
        box = (slice(at, at + 1), *_crop(problem.band[at : at + 1], model.window))
        known = problem.band[box] & (problem.drawn[box] != UNSEEDED)
        if not known.any():
            continue
        classes, chances = problem.chances(box)
        number = np.searchsorted(classes, problem.drawn[box][known])
        known_here = np.isin(problem.drawn[box][known], classes)
        number = np.where(known_here, number, 0)
        blurred = averaged(chances, (1, *model.coarse_voxel))
        log_prior = np.log(np.maximum(blurred[:, known], FAINT))
        for blur in _BLURS:
            share = model.log_likelihood(problem.intensities(box, blur), chances, 1, known)[0]
            for weight in _WEIGHTS:
                loss = _log_loss(log_prior + weight * share, number)[known_here].sum()
                losses[weight, blur] = losses.get((weight, blur), 0.0) + float(loss)
    if not losses:
        return model
    weight, blur = min(losses, key=lambda choice: losses[choice])
    return replace(model, weight=weight, blur=blur)


def _log_loss(logs: Float32Array, number: npt.NDArray[np.intp]) -> Float32Array:
    """Return -log of the softmax (class, voxel) at the true class of each voxel."""
    top = logs.max(axis=0)
    total = top + np.log(np.exp(logs - top).sum(axis=0))
    return np.asarray(total - np.take_along_axis(logs, number[None], axis=0)[0], dtype=np.float32)


def _crop(band: BoolArray, margins: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns that the band touches, with margins in voxels."""
    found = []
    for place, margin in enumerate(margins, start=1):
        others = inplane_axes(place)
        touched = np.flatnonzero(band.any(axis=others))
        first, stop = int(touched[0]) - margin, int(touched[-1]) + 1 + margin
        found.append(slice(max(first, 0), min(stop, band.shape[place])))
    return found[0], found[1]


def _pieces(
    band: BoolArray, classes: int, model: IntensityModel, settings: RefineSettings
) -> Iterator[tuple[int, int, Box]]:
    """Yield runs of slices, first and stop, and the box to solve for them, with its halo."""
    touched = np.flatnonzero(band.any(axis=(1, 2)))
    rows, columns = _crop(band, model.window)
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    length = max(1, settings.most_numbers // (area * classes) - 2 * _HALO)
    for first in range(int(touched[0]), int(touched[-1]) + 1, length):
        stop = min(first + length, int(touched[-1]) + 1)
        if band[first:stop].any():
            solved = slice(max(first - _HALO, 0), min(stop + _HALO, len(band)))
            yield first, stop, (solved, *_crop(band[solved], model.reach))


def _refine_piece(  # noqa: PLR0913, PLR0917 - private, and all of it differs from piece to piece
    problem: _Problem,
    box: Box,
    model: IntensityModel,
    settings: RefineSettings,
    fine: npt.NDArray[np.float16],
    first: int,
) -> None:
    """Solve one box and put the band's probabilities of the slices from `first` on in `fine`."""
    classes, chances = problem.chances(box)
    drawn, band = problem.drawn[box], problem.band[box]
    known = drawn != UNSEEDED
    # Class by class: masks are many times faster on arrays of their own shape.
    for number, one in zip(classes, chances, strict=True):
        one[known] = drawn[known] == number
    intensities = problem.intensities(box, model.blur)
    free = band & ~known
    if free.any():
        prior = model.prior(intensities, chances, free)
        scale = max(settings.edge * problem.noise * (0.5 if model.blur else 1.0), 0.02)
        features = intensities
        features /= np.float32(scale * np.sqrt(len(intensities)))
        pull = (settings.smoothing / problem.reach) ** 2
        answers = walk_within(features, problem.spacing, free, chances, prior, pull)
        for one, answer in zip(chances, answers, strict=True):
            one[free] = answer
    start = first - box[0].start
    inside = band[start : start + len(fine)]
    for number, into in enumerate(np.moveaxis(fine[:, :, box[1], box[2]], 1, 0)):
        into[inside] = 0
        if number in classes:
            one = chances[classes.searchsorted(number)]
            into[inside] = as_half(one[start : start + len(fine)][inside])
