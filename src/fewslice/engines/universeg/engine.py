"""UniverSeg as an engine: slices answered one by one from drawn slices, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.annotation import Annotation, on_slice
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, part, silent
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.logits import ABSENT, NO_EXAMPLE, fused, one_channel, scaled_to_unit
from fewslice.engines.universeg.examples import Labelled, examples_of, has_unknown, square_of
from fewslice.errors import InputError, Remark
from fewslice.typing import Float32Array
from fewslice.volumes.region import Region

if TYPE_CHECKING:
    from fewslice.networks.universeg import UniverSegNet

SIDE = 128  # pixels of the slices that UniverSeg was trained on
_INPLANE, _REACH = 1.0, 2.0  # of the field of view, see `field_of_view`

FILLED = Remark(
    "unknown-filled",
    "UniverSeg has no word for what was not looked at: on slices that were looked at in part, "
    "pixels count as the nearest one that was.",
)


@dataclass(frozen=True)
class UniverSeg:
    """Ask UniverSeg's network for every slice, with drawn slices as its examples.

    Slices are padded to squares and resized to 128 pixels, as the network was trained; intensities
    between the scan's 0.5th and 99.5th percentile become 0 to 1. It sees whole slices, and is
    believed as far around what was drawn as its size, and across slices twice the gap between them.
    Where slices of several planes are drawn it is asked along each, and the logits are averaged.
    See Butoi, Ortiz et al. 2023 (arXiv 2304.06131).

    weights: a file in UniverSeg's published format; none comes with fewslice. most_slices: examples
    at most, this scan's first; time and memory grow with them, and the authors went up to 64.
    most_support: how many of the most similar scans. channel: the one it sees, counted from 0.
    device: None takes a GPU if there is one.
    """

    weights: Path | None = None
    most_slices: int = 16
    most_support: int = 8
    channel: int = 0
    device: str | None = None

    @property
    def uses_support(self) -> bool:
        """Slices of other scans are examples like those of this one."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedUniverSeg:
        """Read the weights, and scale intensities.

        Raises InputError if no weights were given, WeightsError if they are not UniverSeg's.
        """
        if self.weights is None:
            raise InputError(
                "The engine universeg needs weights in UniverSeg's format, which do not come with "
                "fewslice; give their file (--weights FILE)."
            )
        from fewslice.engines.atlas.selection import most_similar
        from fewslice.engines.network.inference import best_device
        from fewslice.networks.universeg import load_universeg

        network = load_universeg(self.weights).to(self.device or best_device())
        chosen = most_similar(scan, support, self.most_support) if support else ()
        image, remarks = one_channel(scan, self.channel)
        others = tuple(
            Labelled(
                scaled_to_unit(one_channel(each.scan, self.channel)[0]),
                each.scan.spacing,
                each.annotation,
            )
            for each in chosen
        )
        return PreparedUniverSeg(
            scaled_to_unit(image), scan.spacing, others, network, self.most_slices, remarks
        )


@dataclass(frozen=True, eq=False)
class PreparedUniverSeg:
    """A scan, its support, and the network that is asked. image: (i, j, k) in [0, 1]."""

    image: Float32Array
    spacing: tuple[float, float, float]
    support: tuple[Labelled, ...]
    network: UniverSegNet
    most_slices: int
    remarks: tuple[str, ...] = ()

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`)."""
        region = self._region(annotation)
        remarks = list(self.remarks)
        if has_unknown(annotation):
            remarks.append(FILLED)
        logits = {}
        for at, value in enumerate(annotation.values):
            share = part(progress, at / len(annotation.values), (at + 1) / len(annotation.values))
            logits[value] = self._structure(annotation, value, region, share)
            if logits[value] is None and NO_EXAMPLE not in remarks:
                remarks.append(NO_EXAMPLE)
        progress(1.0)
        nothing = np.full(region.shape, ABSENT, dtype=np.float32)
        found = {value: nothing if one is None else one for value, one in logits.items()}
        return fused(region, annotation.axis, found, tuple(remarks))

    def _region(self, annotation: Annotation) -> Region:
        """Return where it is believed: all of the scan if a structure is known from support."""
        if set(annotation.values) > set(annotation.drawn_values):
            i, j, k = self.image.shape
            return Region((0, 0, 0), (i, j, k))
        return field_of_view(annotation, self.spacing, _INPLANE, _REACH)

    def _structure(
        self, annotation: Annotation, value: int, region: Region, progress: Progress
    ) -> Float32Array | None:
        """Return logits of one structure over a region, None if there is no example of it."""
        own = Labelled(self.image, self.spacing, annotation)
        axes = sorted({axis for axis in range(3) if own.slices_with(axis, value)})
        axes = axes or [annotation.axis]
        scans = (own, *self.support)
        asked = [
            (axis, examples)
            for axis in axes
            if len(examples := examples_of(scans, axis, value, self.most_slices, SIDE))
        ]
        total = np.zeros(region.shape, dtype=np.float32)
        for at, (axis, examples) in enumerate(asked):
            share = part(progress, at / len(asked), (at + 1) / len(asked))
            total += self._along(axis, examples, region, share) / len(asked)
        return total if asked else None

    def _along(
        self, axis: int, examples: Float32Array, region: Region, progress: Progress
    ) -> Float32Array:
        """Return logits over a region, slice by slice across an axis."""
        import torch

        found = np.empty(region.shape, dtype=np.float32)
        by_slice = np.moveaxis(found, axis, 0)
        rows, columns = (cut for at, cut in enumerate(region.slices) if at != axis)
        weights = next(self.network.parameters())
        with torch.inference_mode():
            support = torch.from_numpy(examples).to(weights)
            square = square_of(self.image, self.spacing, axis, SIDE)
            for at, index in enumerate(range(region.start[axis], region.stop[axis])):
                image = torch.from_numpy(square.down(self.image[on_slice(axis, index)]))
                logits = self.network(image.to(weights), support).float().cpu().numpy()
                by_slice[at] = square.up(logits)[rows, columns]
                progress((at + 1) / region.shape[axis])
        return found
