"""What simulated annotation of other scans taught: the gain of a slice, ends, and quality.

Models are boosted regression trees (Friedman, Annals of Statistics 2001) and, for the Dice of a
scan's answer, a forest (Geurts et al., Machine Learning 2006). They were fitted with scikit-learn
by `benchmarks/advice.py` on scans that were annotated in simulation, and are kept as plain numbers
in a safetensors file: reading it runs nothing, and answering takes numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.errors import WeightsError
from fewslice.typing import Float64Array

GAIN_MODEL_FILE = Path(__file__).with_name("gain_model.safetensors")

_AT_ONCE = 2048
"""Rows that go down the trees together; more would only take memory."""

_PARTS = ("feature", "threshold", "below", "above", "value")


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of regression trees; arrays are (tree, node), node 0 the root.

    feature: int16, what a node looks at, -1 for a leaf. threshold: float32, up to which it goes
    to the node `below`, beyond it to `above` (int16). value: float32, what a leaf adds. base: what
    the sum begins with.
    """

    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    below: npt.NDArray[np.int16]
    above: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    base: float

    def predict(self, features: npt.ArrayLike) -> Float64Array:
        """Return one number a row of (row, feature)."""
        rows = np.asarray(features, dtype=np.float32)
        parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
        return np.concatenate([np.zeros(0), *(self._sums(part) for part in parts)])

    def _sums(self, rows: npt.NDArray[np.float32]) -> Float64Array:
        """Go down all trees at once with all rows: (row, tree)."""
        tree = np.arange(len(self.feature))
        every = np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(tree)), dtype=np.intp)
        feature = self.feature[tree, node]
        while (feature >= 0).any():
            down = rows[every, np.maximum(feature, 0)] <= self.threshold[tree, node]
            child = np.where(down, self.below[tree, node], self.above[tree, node])
            node = np.where(feature >= 0, child, node)
            feature = self.feature[tree, node]
        total: Float64Array = self.base + self.value[tree, node].sum(axis=1, dtype=np.float64)
        return total


@dataclass(frozen=True, eq=False)
class GainModel:
    """The fitted models.

    drawing: rise in Dice from `gain_features`. closing: rise in Dice by a "no, not on this slice"
    from `question_features`. ends: log-odds that a slice holds the structure,
    from the same. scan: logit of the Dice of a structure over the whole scan from
    `quality_features`, its median. scan_spread: from the same and
    that median, the logarithm of how many logits the 10th percentile lies below it. scan_promise:
    likewise, how many what may be promised lies below it (see `quality`). slice,
    slice_low: logit of the Dice of one slice from `draw_features` across the main axis, its median
    and its 10th percentile.
    """

    drawing: Trees
    closing: Trees
    ends: Trees
    scan: Trees
    scan_spread: Trees
    scan_promise: Trees
    slice: Trees
    slice_low: Trees

    def gain(self, features: Float64Array) -> Float64Array:
        """Return the expected rise in Dice of drawing each slice, float64 (n,)."""
        return self.drawing.predict(features)

    def closing_gain(self, features: Float64Array) -> Float64Array:
        """Return the expected rise in Dice if the structure is not on each slice, float64 (n,)."""
        return self.closing.predict(features)

    def presence(self, features: Float64Array) -> Float64Array:
        """Return the probability that each slice holds the structure, float64 (n,) in [0, 1]."""
        return _logistic(self.ends.predict(features))

    def scan_dice(self, features: Float64Array) -> tuple[float, float, float]:
        """Return the median and 10th percentile of one structure's Dice, and what to promise of it.

        The last is at least the second.
        """
        rows = np.asarray(features)[None]
        median = self.scan.predict(rows)
        asked = np.column_stack([rows, median])
        spread, promise = (
            np.exp(each.predict(asked)) for each in (self.scan_spread, self.scan_promise)
        )
        below = (np.zeros(1), spread, np.minimum(promise, spread))
        dice, low, promised = (float(_logistic(median - each)[0]) for each in below)
        return dice, low, promised

    def slice_dice(self, features: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return the median and 10th percentile of the Dice to expect on each slice."""
        median = _logistic(self.slice.predict(features))
        return median, np.minimum(_logistic(self.slice_low.predict(features)), median)


MODELS = ("drawing", "closing", "ends", "scan", "scan_spread", "scan_promise", "slice", "slice_low")


@cache
def shipped_gain_model() -> GainModel:
    """Return the models that come with fewslice. Raises WeightsError if the file is damaged."""
    return load_gain_model(GAIN_MODEL_FILE)


def load_gain_model(path: Path) -> GainModel:
    """Read models that `as_tensors` described. Raises WeightsError for anything else."""
    return GainModel(**_loaded(path, MODELS))


def load_trees(path: Path, name: str) -> Trees:
    """Read one of these models, whether or not others are there. Raises WeightsError."""
    return _loaded(path, (name,))[name]


def _loaded(path: Path, names: Sequence[str]) -> dict[str, Trees]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        return {name: _trees(tensors, name) for name in names}
    except (OSError, SafetensorError, KeyError) as error:
        raise WeightsError(
            f"The file {path.name} that holds what suggestions are made by cannot be read "
            f"({type(error).__name__}); install fewslice again."
        ) from error


def as_tensors(gain_model: GainModel) -> dict[str, npt.NDArray[np.generic]]:
    """Return the models as named arrays, for `safetensors.numpy.save_file`."""
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    for name in MODELS:
        trees: Trees = getattr(gain_model, name)
        for part in _PARTS:
            tensors[f"{name}.{part}"] = np.ascontiguousarray(getattr(trees, part))
        tensors[f"{name}.base"] = np.array([trees.base])
    return tensors


def _trees(tensors: Mapping[str, npt.NDArray[np.generic]], name: str) -> Trees:
    parts = {part: tensors[f"{name}.{part}"] for part in _PARTS}
    return Trees(**parts, base=float(tensors[f"{name}.base"][0]))  # type: ignore[arg-type]


def _logistic(values: Float64Array) -> Float64Array:
    result: Float64Array = 1.0 / (1.0 + np.exp(-np.clip(values, -30, 30)))
    return result
