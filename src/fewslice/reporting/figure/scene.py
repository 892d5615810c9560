"""What a picture shows: the scan, its segmentation, and how both are coloured and named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fewslice.reporting.figure.views import View, best_cut, field_of_view
from fewslice.segmentation.result import Segmentation
from fewslice.volumes.colours import Colour, structure_colour
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import UNKNOWN, Array, Image, LabelMap
from fewslice.volumes.region import Region

_MANY = 10
_SAMPLED = 2_000_000


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything the panels of a picture look at.

    image: one channel. box: the part of the scan shown. window: the intensities shown as black and
    as white. colours: of each structure.
    """

    image: Array
    segmentation: Segmentation
    reference: LabelMap | None
    uncertainty: npt.NDArray[np.float32]
    names: Mapping[int, str]
    box: Region
    window: tuple[float, float]
    colours: dict[int, Colour] = field(default_factory=dict)

    @property
    def geometry(self) -> Geometry:
        """The grid of the scan."""
        return self.segmentation.labels.geometry

    def view(self, axis: int, index: int | None = None) -> View:
        """Return a slice as it is shown; without an index the one that shows most."""
        if index is None:
            index = best_cut(self.segmentation, self.box, axis)
        return View(self.geometry, self.box, axis, index)

    def name(self, value: int) -> str:
        """Return the name of a structure, short enough for the key."""
        name = self.names.get(value, f"label {value}")
        most = 30 if len(self.colours) <= _MANY else 16
        return name if len(name) <= most else name[: most - 1] + "…"


def make_scene(
    image: Image,
    segmentation: Segmentation,
    reference: LabelMap | None = None,
    names: Mapping[int, str] | None = None,
) -> Scene:
    """Choose what to show of a segmentation: the surroundings of all structures."""
    channel = image.channels[0]
    shown = segmentation.labels.array != 0
    if reference is not None:
        shown |= (reference.array != 0) & (reference.array != UNKNOWN)
    if not shown.any():
        shown[...] = True
    box = field_of_view(shown, image.geometry)
    values, known = segmentation.label_values[1:], segmentation.labels.colours
    return Scene(
        image=channel,
        segmentation=segmentation,
        reference=reference,
        uncertainty=segmentation.uncertainty,
        names=names or {},
        box=box,
        window=_window(channel[box.slices]),
        colours={
            value: known.get(value, structure_colour(number)) for number, value in enumerate(values)
        },
    )


def _window(values: Array) -> tuple[float, float]:
    """Return the intensities shown as black and white: the 1st and 99th percentile."""
    step = max(1, round((values.size / _SAMPLED) ** (1 / 3)))
    low, high = np.percentile(values[::step, ::step, ::step], [1, 99]).astype(float)
    return (low, high) if high > low else (low - 1.0, low + 1.0)
