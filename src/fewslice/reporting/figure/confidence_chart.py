"""The chart of a picture: how sure each slice is, and who made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewslice.annotation.planes import plane_name
from fewslice.reporting.figure.colours import ANNOTATED, NOTHING, PREDICTED
from fewslice.reporting.figure.scene import Scene
from fewslice.segmentation.result import HUMAN
from fewslice.volumes.geometry import inplane_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def show_confidence(panel: Axes, scene: Scene) -> None:
    """Bars of the expected Dice per slice along the main axis; annotated slices are marked."""
    segmentation = scene.segmentation
    axis = segmentation.axis
    shown = np.arange(scene.box.start[axis], scene.box.stop[axis])
    human = np.array(segmentation.provenance)[shown] == HUMAN
    others = inplane_axes(axis)
    found = (segmentation.labels.array.max(axis=others) > 0)[shown]
    confidence = np.asarray(segmentation.confidence)[shown]
    for of, colour, name in (
        (human, ANNOTATED, "annotated"),
        (~human & found, PREDICTED, "predicted"),
        (~human & ~found, NOTHING, "predicted: nothing there"),
    ):
        if of.any():
            panel.bar(shown[of], confidence[of], width=0.85, color=colour, label=name)
    panel.set_xlim(shown[0] - 0.75, shown[-1] + 0.75)
    _frame(panel, plane_name(scene.geometry, axis))


def _frame(panel: Axes, plane: str) -> None:
    """Title, axes and key."""
    from matplotlib.ticker import MaxNLocator

    panel.set_ylim(0, 1.05)
    panel.set_title(
        f"Confidence of each {plane} slice (the Dice to expect on it)",
        fontsize=10, loc="left",
    )  # fmt: skip
    panel.set_xlabel(f"{plane} slice", fontsize=9, labelpad=1)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True))
    panel.tick_params(labelsize=8)
    panel.grid(axis="y", color="0.85", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(
        fontsize=8.5, frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
    )  # fmt: skip
