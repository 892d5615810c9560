"""An outline on one slice from a box around the structure, or from points on it.

What a person did not draw yet: the start for engines that answer from outlines. The inside of the
box, or of a disc around the points, is told apart from its surroundings by intensities, as GrabCut
does (Rother et al. 2004), with a random walker (Grady 2006) in place of graph cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.intensity_range import sliver

Box = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class OutlineSettings:
    """Settings; the defaults were chosen on training scans, see `benchmarks/outline.py`.

    rounds: how often intensities are learned anew from the outline. shape: log-odds of the
    structure in the middle of the box, and of background at its edge. decisive: intensities change
    log-odds by at most this. sure: log-odds beyond which a pixel is a seed of the walk. margin: of
    the surroundings looked at, in parts of the box. radii: of discs tried around points, in pixels.
    """

    rounds: int = 3
    shape: float = 4.0
    decisive: float = 1.5
    sure: float = 1.0
    beta: float = 400.0
    margin: float = 0.3
    bins: int = 32
    radii: tuple[float, ...] = (4, 6, 9, 13, 19, 28, 40, 57)


_DEFAULT = OutlineSettings()
_LEAST = 0.02  # chance that a walk leaves for either side
_DIRECT = 20_000  # pixels up to which the walk is solved directly


def outline_in_box(
    image: npt.NDArray[Any],
    box: Box,
    inside: BoolArray | None = None,
    settings: OutlineSettings = _DEFAULT,
) -> BoolArray:
    """Return the structure that a box holds, bool (rows, columns); nothing beyond the box.

    image: (channel, rows, columns), any real dtype. box: rows and columns, at least one pixel.
    inside: pixels known to be of the structure.
    """
    rows, columns = image.shape[1:]
    known = np.zeros((rows, columns), dtype=bool) if inside is None else inside
    crop = _around(box, (rows, columns), settings.margin)
    allowed = np.zeros((rows, columns), dtype=bool)
    allowed[box] = True
    prior = settings.shape * _ellipse(box, crop)
    scaled = _scaled(image[(slice(None), *crop)])
    found = _divided(scaled, prior, allowed[crop], known[crop], settings)
    result = np.zeros((rows, columns), dtype=bool)
    result[crop] = _one_piece(found, box, crop, known[crop])
    return result | (known & allowed)


def outline_around(
    image: npt.NDArray[Any], points: BoolArray, settings: OutlineSettings = _DEFAULT
) -> BoolArray:
    """Return the structure that points or a scribble lie on, bool (rows, columns).

    How large it is nobody said: of outlines in boxes of several sizes the one counts along which
    intensities change most, compared with its inside. image: as in `outline_in_box`. points: bool
    (rows, columns), at least one.
    """
    at = np.argwhere(points)
    low, high = at.min(axis=0), at.max(axis=0) + 1
    best, most = points.copy(), -np.inf
    scaled = _scaled(image)
    for radius in settings.radii:
        box = _widened((low, high), radius, points.shape)
        found = outline_in_box(image, box, points, settings)
        score = _edge(scaled, found)
        if score > most:
            best, most = found, score
    return best


def _around(box: Box, shape: tuple[int, int], margin: float) -> Box:
    """Return a box with a margin in parts of its sides, at least three pixels."""
    sides = []
    for part, length in zip(box, shape, strict=True):
        more = max(3, int(np.ceil(margin * (part.stop - part.start))))
        sides.append(slice(max(part.start - more, 0), min(part.stop + more, length)))
    return sides[0], sides[1]


def _widened(ends: tuple[Any, Any], radius: float, shape: tuple[int, ...]) -> Box:
    more = int(np.ceil(radius))
    sides = [
        slice(max(int(low) - more, 0), min(int(high) + more, length))
        for low, high, length in zip(*ends, shape, strict=True)
    ]
    return sides[0], sides[1]


def _ellipse(box: Box, crop: Box) -> Float32Array:
    """Return 1 in the middle of the box, 0 on the ellipse inscribed in it, -1 far outside."""
    distance = np.zeros(tuple(part.stop - part.start for part in crop), dtype=np.float32)
    for axis, (part, outer) in enumerate(zip(box, crop, strict=True)):
        middle, half = (part.start + part.stop - 1) / 2, max((part.stop - part.start) / 2, 0.5)
        along = (np.arange(outer.start, outer.stop) - middle) / half
        distance += np.expand_dims(along**2, 1 - axis)
    return np.asarray(np.clip(1 - np.sqrt(distance), -1, 1), dtype=np.float32)


def _scaled(image: npt.NDArray[Any]) -> Float32Array:
    """Return intensities (channel, rows, columns) from 0 to 1 between outer percentiles."""
    values = image.astype(np.float32)
    low, high = np.percentile(values, [1, 99], axis=(1, 2), keepdims=True)
    slivers = [sliver(*ends) for ends in zip(low.flat, high.flat, values, strict=True)]
    width = np.maximum(high - low, np.array(slivers, low.dtype).reshape(low.shape))
    scaled = np.clip((values - low) / width, 0, 1)
    return np.asarray(scaled, dtype=np.float32)


def _divided(
    image: Float32Array,
    prior: Float32Array,
    allowed: BoolArray,
    known: BoolArray,
    settings: OutlineSettings,
) -> BoolArray:
    """Return what belongs to the structure, learning intensities from the outline in turn."""
    chance = np.where(allowed, 1 / (1 + np.exp(-prior)), 0.0)
    chance[known] = 1
    for _ in range(settings.rounds):
        odds = prior + _intensity_odds(image, chance, settings)
        odds[~allowed] = -np.inf
        odds[known] = np.inf
        # What the walk leaves open the shape decides, which a box of few pixels needs most.
        walked = np.clip(_walked(image, odds, settings), _LEAST, 1 - _LEAST)
        chance = 1 / (1 + np.exp(-prior) * (1 - walked) / walked)
        chance[~allowed], chance[known] = 0, 1
    return np.asarray(chance >= 0.5)


def _intensity_odds(
    image: Float32Array, chance: npt.NDArray[np.floating[Any]], settings: OutlineSettings
) -> npt.NDArray[np.float64]:
    """Return log-odds of intensities: smoothed histograms of inside and outside, channels alike."""
    from scipy.ndimage import gaussian_filter1d

    total = np.zeros(chance.shape)
    for channel in image:
        bins = np.minimum((channel * settings.bins).astype(int), settings.bins - 1)
        density = []
        for weight in (chance, 1 - chance):
            counts = np.bincount(bins.ravel(), weight.ravel(), settings.bins)
            smooth = gaussian_filter1d(counts, 1.5, mode="nearest") + 0.5
            density.append(smooth / smooth.sum())
        total += np.log(density[0] / density[1])[bins]
    return np.clip(total / len(image), -settings.decisive, settings.decisive)


def _walked(
    image: Float32Array, odds: npt.NDArray[np.floating[Any]], settings: OutlineSettings
) -> npt.NDArray[np.float64]:
    """Return the chance of the structure where a walk from the sure pixels ends."""
    from skimage.segmentation import random_walker

    seeds = np.zeros(odds.shape, dtype=np.int32)
    seeds[odds >= settings.sure] = 1
    seeds[odds <= -settings.sure] = 2
    some = all((seeds == each).any() for each in (0, 1, 2))
    if not some or not image.std():
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), dtype=np.float64)
    walked = random_walker(
        np.moveaxis(image, 0, -1),
        seeds,
        beta=settings.beta,
        mode="bf" if seeds.size < _DIRECT else "cg_j",
        tol=1e-6,
        channel_axis=-1,
        return_full_prob=True,
    )
    return np.asarray(walked[0], dtype=np.float64)


def _one_piece(found: BoolArray, box: Box, crop: Box, known: BoolArray) -> BoolArray:
    """Return the piece with the most known pixels, else the largest; its holes are filled."""
    from scipy.ndimage import binary_fill_holes, label

    pieces, count = label(found)
    if count == 0:
        return found
    weight = np.bincount(pieces[known], minlength=count + 1) * found.size
    weight = weight + np.bincount(pieces.ravel(), minlength=count + 1)
    weight[0] = -1
    return np.asarray(binary_fill_holes(pieces == int(weight.argmax())))


def _edge(image: Float32Array, found: BoolArray) -> float:
    """Return how much steeper intensities are on an outline than inside of it."""
    from scipy.ndimage import binary_dilation, binary_erosion

    if not found.any():
        return -np.inf
    within = binary_erosion(found)
    rim = binary_dilation(found) & ~within
    steepness = np.hypot(*np.gradient(image, axis=(1, 2))).max(axis=0)
    inner = steepness[within if within.any() else found]
    return float(steepness[rim].mean() / (inner.mean() + 0.02))
