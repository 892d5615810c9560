"""What a network expects and answers, as a small JSON file beside it says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import WeightsError
from fewslice.typing import Float32Array

FORMAT = "fewslice-prompted-network-1"
CHANNELS = ("image", "inside", "outside")
"""What a channel of the input can be: the scan, 1 where the structure is drawn, 1 where it is known
not to be."""
OUTPUTS = ("logits", "probabilities")
_KINDS = {"window": 2, "percentiles": 2, "standardise": 0}
_LETTERS = ({"L", "R"}, {"P", "A"}, {"I", "S"})


@dataclass(frozen=True)
class Intensity:
    """How intensities are scaled: a window or two percentiles to 0 and 1, clipped; or to mean 0 and
    standard deviation 1 over the scan.
    """

    kind: str = "percentiles"
    levels: tuple[float, ...] = (0.5, 99.5)

    def __post_init__(self) -> None:
        if _KINDS.get(self.kind) != len(self.levels):
            raise ValueError(
                f"intensity {self.kind!r} with {len(self.levels)} levels; expected window or "
                "percentiles with two, or standardise with none"
            )
        if self.levels and not self.levels[0] < self.levels[1]:
            raise ValueError(f"intensity levels {list(self.levels)}; expected two that ascend")
        if self.kind == "percentiles" and not (self.levels[0] >= 0 and self.levels[1] <= 100):
            raise ValueError(f"percentiles {list(self.levels)}; expected two from 0 to 100")

    def scaled(self, channel: Float32Array) -> Float32Array:
        """Return intensities (i, j, k) as the network knows them; all 0 if they are constant."""
        if self.kind == "standardise":
            mean, spread = float(channel.mean()), float(channel.std())
            return (channel - np.float32(mean)) / np.float32(spread or 1.0)
        low, high = self.levels
        if self.kind == "percentiles":
            low, high = (float(level) for level in np.percentile(channel, self.levels))
        if not high > low:
            return np.zeros_like(channel)
        return np.asarray(np.clip((channel - low) / (high - low), 0, 1), dtype=np.float32)


@dataclass(frozen=True)
class Description:
    """What a network takes, (batch, channel, *patch), and gives, (batch, 1 or 2, *patch).

    dimensions: 2 for slices, 3 for volumes. channels: of the input, each one of `CHANNELS`. patch:
    its sides in voxels. spacing: mm along them; None for that of the scan. axes: directions in
    which the axes of a volume grow, such as "RAS"; None for those of the scan. output: of one
    channel, the structure's; of two, background first.

    Raises ValueError, whose text says what was found and what was expected.
    """

    dimensions: int
    channels: tuple[str, ...]
    patch: tuple[int, ...]
    spacing: tuple[float, ...] | None = None
    axes: str | None = None
    intensity: Intensity = Intensity()
    output: str = "logits"

    def __post_init__(self) -> None:
        if self.dimensions not in {2, 3}:
            raise ValueError(f"dimensions {self.dimensions!r}; expected 2 or 3")
        wrong = [each for each in self.channels if each not in CHANNELS]
        if wrong or not {"image", "inside"} <= set(self.channels):
            raise ValueError(
                f"channels {', '.join(map(str, self.channels)) or 'none'}; expected image, inside "
                "and perhaps outside, in the network's order"
            )
        whole = all(isinstance(side, int) and side > 0 for side in self.patch)
        if len(self.patch) != self.dimensions or not whole:
            raise ValueError(
                f"patch {list(self.patch)}; expected {self.dimensions} sides in voxels"
            )
        if self.spacing is not None and (
            len(self.spacing) != self.dimensions
            or not all(0 < step < math.inf for step in self.spacing)
        ):
            raise ValueError(
                f"spacing {list(self.spacing)}; expected {self.dimensions} numbers in mm"
            )
        if self.axes is not None and (self.dimensions == 2 or not _are_axes(self.axes)):
            raise ValueError(f"axes {self.axes!r}; expected those of a volume, such as RAS")
        if self.output not in OUTPUTS:
            raise ValueError(f"output {self.output!r}; expected logits or probabilities")


def _are_axes(text: str) -> bool:
    return len(text) == 3 and all(len(set(text) & pair) == 1 for pair in _LETTERS)


def read_description(path: Path) -> Description:
    """Read a description. Raises WeightsError if it is missing or says what cannot be."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path} does not exist; write there what the network expects, such as "
            f'{{"format": "{FORMAT}", "dimensions": 3, "channels": ["image", "inside"], '
            '"patch": [64, 64, 64]}.'
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        found = given.get("format") if isinstance(given, dict) else type(given).__name__
        raise WeightsError(
            f"{path} has the format {found!r}; this version of fewslice knows {FORMAT!r}."
        )
    return described(path, {name: value for name, value in given.items() if name != "format"})


def described(path: Path, given: Mapping[str, Any]) -> Description:
    """Return the description of a network from plain values. path: where they are from.

    Raises WeightsError that names it and what is wrong.
    """
    known = {field.name for field in fields(Description)}
    unknown = sorted(set(given) - known)
    missing = sorted({"dimensions", "channels", "patch"} - set(given))
    if unknown or missing:
        what = f"lacks {missing[0]!r}" if missing else f"holds {unknown[0]!r}, which is not known"
        raise WeightsError(f"{path} {what}; expected {', '.join(sorted(known))}.")
    try:
        values = {name: _frozen(value) for name, value in given.items() if value is not None}
        if "intensity" in values:
            values["intensity"] = _intensity(given["intensity"])
        return Description(**values)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes a network with {error}.") from error


def _intensity(given: Any) -> Intensity:
    if not isinstance(given, Mapping) or not set(given) <= {"kind", "levels"}:
        raise ValueError(f"intensity {given!r}; expected kind and levels")
    kind = given.get("kind", "percentiles")
    levels = given.get("levels", Intensity().levels if kind == "percentiles" else ())
    return Intensity(kind, tuple(float(level) for level in levels))


def _frozen(value: Any) -> Any:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return tuple(value) if is_list else value
