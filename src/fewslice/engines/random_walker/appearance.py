"""How each class looks, learned from the annotated slices: a small classifier of intensities.

This is the prior model of Grady 2005 with a forest of extremely randomised trees (Geurts et al.
2006) in place of an intensity density, as interactive tools such as ilastik use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.typing import Float32Array
from fewslice.volumes.distance import distance_to
from fewslice.volumes.geometry import inplane_axes

# A slice's neighbouring voxels are not independent witnesses: more than this is not more evidence.
_MOST_LOG_RATIO = 4.0
_FEWEST_SAMPLES = 5


@dataclass(frozen=True)
class AppearanceSettings:
    """How appearance is learned.

    trees, smallest_leaf: of the forest. samples: most voxels learned from. band: background is
    learned as far from a structure as this fraction of its radius, where confusion matters.
    """

    trees: int = 60
    smallest_leaf: int = 20
    samples: int = 8000
    band: float = 0.5


def local_features(channels: Float32Array, axis: int) -> Float32Array:
    """Return per-voxel features of the slices across `axis`: (feature, i, j, k).

    channels: (channel, i, j, k). For each channel: intensity, Gaussian means at 1, 2 and 4 voxels,
    gradient magnitude at 1 voxel, standard deviation at 2 voxels; all within the slice.
    """
    from scipy import ndimage

    def within(sigma: float) -> list[float]:
        return [0.0 if other == axis else sigma for other in range(3)]

    found: list[npt.NDArray[Any]] = []
    for channel in channels:
        mean = {sigma: ndimage.gaussian_filter(channel, within(sigma)) for sigma in (1, 2, 4)}
        square = ndimage.gaussian_filter(channel**2, within(2))
        found += [
            channel,
            mean[1],
            mean[2],
            mean[4],
            ndimage.gaussian_gradient_magnitude(channel, within(1)),
            np.sqrt(np.maximum(square - mean[2] ** 2, 0.0)),
        ]
    return np.stack(found).astype(np.float32)


def background_band(
    seeds: npt.NDArray[np.intp], axis: int, spacing: tuple[float, float, float], width: float
) -> npt.NDArray[np.bool_]:
    """Return the known background within `width` mm of a structure on the same slice.

    seeds: (i, j, k) class numbers, 0 background, -1 unknown. spacing: mm. At least four voxels
    wide.
    """
    steps = [spacing[other] for other in inplane_axes(axis)]
    width = max(width, 4 * min(steps))
    band = np.zeros(seeds.shape, dtype=bool)
    slices = np.moveaxis(seeds, axis, 0)
    both = np.any(slices > 0, axis=(1, 2)) & np.any(slices == 0, axis=(1, 2))
    if both.any():
        labels = slices[both]
        # In one call, and so far apart that nothing on one slice is near what is on another.
        near = distance_to(labels > 0, [4 * width, *steps], 2 * width) <= width
        np.moveaxis(band, axis, 0)[both] = near & (labels == 0)
    return band


@dataclass(frozen=True, eq=False)
class LearningTask:
    """What a classifier of appearance learns from and where it is asked.

    features: (feature, i, j, k) from `local_features`. seeds: (i, j, k) class numbers, -1 unknown.
    band: which background voxels to learn from. asked: where an answer is wanted.
    """

    features: Float32Array
    seeds: npt.NDArray[np.intp]
    band: npt.NDArray[np.bool_]
    asked: npt.NDArray[np.bool_]


def appearance_log_odds(
    task: LearningTask, classes: int, settings: AppearanceSettings
) -> Float32Array:
    """Return how much likelier each class makes the appearance of each voxel: (class, i, j, k).

    Logarithms of likelihoods relative to the average, where the best class has 0 and the others
    at least -4. Everything is 0 where nothing was asked, where fewer than two classes have voxels
    enough to learn from, and a class that was not learned counts as average.
    """
    shape = task.seeds.shape
    targets = task.seeds.ravel()
    chosen = np.flatnonzero((task.seeds > 0) | task.band)
    counts = np.bincount(targets[chosen], minlength=classes)
    learned = np.flatnonzero(counts >= _FEWEST_SAMPLES)
    asked = np.flatnonzero(task.asked)
    result = np.zeros((classes, targets.size), dtype=np.float32)
    if len(learned) < 2 or asked.size == 0:
        return result.reshape(classes, *shape)
    chosen = chosen[np.isin(targets[chosen], learned)]
    if len(chosen) > settings.samples:
        chosen = np.random.default_rng(0).choice(chosen, settings.samples, replace=False)
    flat = task.features.reshape(len(task.features), -1)
    learnt, log = _forest_log_ratios(flat[:, chosen], targets[chosen], flat[:, asked], settings)
    log_all = np.zeros((classes, asked.size), dtype=np.float32)
    log_all[learnt] = log
    result[:, asked] = np.maximum(log_all - log_all.max(axis=0), -_MOST_LOG_RATIO)
    return result.reshape(classes, *shape)


def _forest_log_ratios(
    examples: Float32Array,
    targets: npt.NDArray[np.intp],
    asked: Float32Array,
    settings: AppearanceSettings,
) -> tuple[npt.NDArray[np.intp], Float32Array]:
    """Learn from (feature, example) and return the classes and (class, voxel) log ratios."""
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(
        settings.trees, min_samples_leaf=settings.smallest_leaf, random_state=0, n_jobs=1
    )
    forest.fit(examples.T, targets)
    share = np.bincount(targets)[forest.classes_] / len(targets)
    probability = np.clip(forest.predict_proba(asked.T), 0.01, 0.99)
    return forest.classes_, np.log(probability / share).T.astype(np.float32)
