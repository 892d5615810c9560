"""Any nnInteractive server as an engine: drawn slices are sent, and a volume comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.field_of_view import drawn_region
from fewslice.engines.logits import ABSENT, NO_EXAMPLE, fused, one_channel
from fewslice.engines.nninteractive.interactions import interactions
from fewslice.engines.predictions import around
from fewslice.errors import InputError, Remark
from fewslice.typing import BoolArray, Float32Array
from fewslice.volumes.region import Region, bounding_region

if TYPE_CHECKING:
    from fewslice.volumes.region import Triple

_MARGIN = 4  # voxels around what came back; further away the answer is sure of background
_PER_VOXEL = 2.0  # logit of a voxel's depth in what came back, so that at its edge 1 in 9 is doubt

YES_OR_NO = Remark(
    "yes-or-no",
    "The server says yes or no of each voxel: uncertainty is the distance to the edge of its "
    "answer, and not how sure it was.",
)


@dataclass(frozen=True)
class NNInteractive:
    """Ask a server that speaks nnInteractive's protocol (Isensee, Rokuss et al. 2025).

    Each structure is an object of its own: its outlines are sent as lassos, slices without it as
    lassos of what it is not, scribbles as scribbles. Where answers for several structures overlap,
    a voxel goes to the one in which it lies deepest. The scan is sent to that address.

    server: its address, such as http://127.0.0.1:1527. channel: the one that is sent, counted from
    0, since nnInteractive's model sees one. timeout: seconds that one answer may take.
    """

    server: str | None = None
    channel: int = 0
    timeout: float = 600.0

    @property
    def uses_support(self) -> bool:
        """Its protocol knows one scan."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedNNInteractive:
        """Return the scan, which is sent with each question. Raises InputError without a server."""
        if self.server is None:
            raise InputError(
                "The engine nninteractive needs the address of a server; give it (--server "
                "http://127.0.0.1:1527)."
            )
        image, remarks = one_channel(scan, self.channel)
        return PreparedNNInteractive(self, self.server, image, scan.spacing, remarks)


@dataclass(frozen=True, eq=False)
class PreparedNNInteractive:
    """A scan to send. image: (i, j, k). spacing: mm per array axis."""

    engine: NNInteractive
    server: str
    image: Float32Array
    spacing: tuple[float, float, float]
    remarks: tuple[str, ...] = ()

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`). Raises ServerError."""
        masks = self._answers(annotation, progress) if annotation.drawn_values else {}
        region = self._region(annotation, masks)
        remarks = [*self.remarks, YES_OR_NO]
        if set(annotation.values) - set(masks):
            remarks.append(NO_EXAMPLE)
        logits = {value: self._depth(masks.get(value), region) for value in annotation.values}
        return fused(region, annotation.axis, logits, tuple(remarks))

    def _answers(self, annotation: Annotation, progress: Progress) -> dict[int, BoolArray]:
        """Return what the server says of each structure that is drawn, bool (i, j, k)."""
        from fewslice.engines.nninteractive.connection import connected

        found: dict[int, BoolArray] = {}
        with connected(self.server, self.engine.timeout) as session:
            session.set_image(self.image[None], {"spacing": list(self.spacing)})
            answer = np.zeros(self.image.shape, dtype=np.uint8)
            session.set_target_buffer(answer)
            for number, value in enumerate(annotation.drawn_values, start=1):
                session.reset_interactions()  # the answer, too, is all 0 again
                _say(session, annotation, value)
                found[value] = answer > 0
                progress(number / len(annotation.drawn_values))
        return found

    def _region(self, annotation: Annotation, masks: Mapping[int, BoolArray]) -> Region:
        shape: Triple = (self.image.shape[0], self.image.shape[1], self.image.shape[2])
        if annotation.blank:
            return Region((0, 0, 0), shape)
        boxes = [bounding_region(mask) for mask in masks.values() if mask.any()]
        return around([drawn_region(annotation), *boxes]).grown([_MARGIN] * 3, shape)

    def _depth(self, mask: BoolArray | None, region: Region) -> Float32Array:
        """Return a mask as logits over a region, which grow with the distance to its edge."""
        from fewslice.volumes.distance import signed_distance

        inside = None if mask is None else mask[region.slices]
        if inside is None or not inside.any():
            return np.full(region.shape, ABSENT, dtype=np.float32)
        unit = min(self.spacing)
        farthest = 20 * unit
        depth = signed_distance(inside, ~inside, self.spacing, farthest) / unit
        return np.asarray(_PER_VOXEL * depth, dtype=np.float32)


def _say(session: Any, annotation: Annotation, value: int) -> None:
    """Send all that is known of a structure, and have it answered once."""
    said = interactions(annotation, value)
    for number, one in enumerate(said, start=1):
        mask, box = one.boxed()
        send = (
            session.add_lasso_interaction
            if one.kind == "lasso"
            else session.add_scribble_interaction
        )
        send(
            mask.astype(np.uint8),
            one.include,
            run_prediction=number == len(said),
            interaction_bbox=box,
        )
