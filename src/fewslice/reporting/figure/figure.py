"""A picture of a segmentation for a quick look: three planes, how sure they are, what was drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fewslice.annotation.phrases import source_text
from fewslice.annotation.planes import PLANES, plane_axis
from fewslice.io.atomic import atomic_path
from fewslice.reporting.figure.colours import ANNOTATED, PAGE
from fewslice.reporting.figure.confidence_chart import show_confidence
from fewslice.reporting.figure.panels import show_annotated, show_result, show_uncertainty
from fewslice.reporting.figure.scene import Scene, make_scene
from fewslice.segmentation.result import Segmentation
from fewslice.volumes.geometry import require_same_grid
from fewslice.volumes.image import Image, LabelMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_INCHES = (15.0, 10.2)
_DOTS_PER_INCH = 100


def draw_picture(
    path: str | os.PathLike[str],
    image: Image,
    segmentation: Segmentation,
    *,
    reference: LabelMap | None = None,
    names: Mapping[int, str] | None = None,
) -> None:
    """Draw a PNG of 1500 x 1020 pixels that shows a segmentation.

    image: the scan that was segmented; of several channels the first is shown. reference: labels
    on the same grid to compare with, outlined in white. names: of the label values.

    Top: the three planes through the structures, off the annotated slices where possible, and one
    annotated slice. Middle: the same with the uncertainty. Bottom: confidence per slice.
    Raises WriteError, and GeometryError if the grids differ.
    """
    require_same_grid(image.geometry, segmentation.labels.geometry, "the image", "the labels")
    if reference is not None:
        require_same_grid(image.geometry, reference.geometry, "the image", "the reference")
    figure = make_figure(make_scene(image, segmentation, reference, names))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=PAGE)


def make_figure(scene: Scene) -> Figure:
    """Return the page with all panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, facecolor=PAGE)
    FigureCanvasAgg(figure)
    _lay_out(figure, scene)
    return figure


def _lay_out(figure: Figure, scene: Scene) -> None:
    grid = figure.add_gridspec(
        3, 4, height_ratios=(4.0, 4.0, 1.5), left=0.035, right=0.985, top=0.925, bottom=0.06,
        hspace=0.26, wspace=0.14,
    )  # fmt: skip
    for column, plane in enumerate(reversed(PLANES)):
        view = scene.view(plane_axis(scene.geometry, plane))
        show_result(figure.add_subplot(grid[0, column]), scene, view)
        show_uncertainty(figure.add_subplot(grid[1, column]), scene, view)
    show_annotated(figure.add_subplot(grid[0, 3]), scene)
    _show_key(figure, figure.add_subplot(grid[1, 3]), scene)
    show_confidence(figure.add_subplot(grid[2, :]), scene)
    _head(figure, scene.segmentation)


def _head(figure: Figure, segmentation: Segmentation) -> None:
    annotation = segmentation.annotation
    planes = len(annotation.planes)
    figure.suptitle(
        f"Engine {segmentation.engine}, from "
        f"{source_text(len(annotation.whole_slices), segmentation.support, planes)}",
        x=0.035, y=0.985, ha="left", fontsize=13, fontweight="bold",
    )  # fmt: skip
    figure.text(
        0.985, 0.985, "Radiological view: the patient's right (R) is on the left side",
        ha="right", va="top", fontsize=9, color="0.3",
    )  # fmt: skip


def _show_key(figure: Figure, panel: Axes, scene: Scene) -> None:
    """Colours of the structures, the other signs, and the colour bar of the uncertainty."""
    from matplotlib.cm import ScalarMappable

    panel.set_axis_off()
    keys = _keys(scene)
    columns = 1 + (len(keys) > 12) + (len(keys) > 28)
    panel.legend(
        handles=keys, loc="upper center", bbox_to_anchor=(0.5, 1.04), ncols=columns,
        fontsize=(9.5, 8, 6.5)[columns - 1], frameon=False, borderaxespad=0.0,
        columnspacing=0.8, handlelength=1.6,
    )  # fmt: skip
    bar = panel.inset_axes((0.05, 0.02, 0.9, 0.05))
    mappable = ScalarMappable(cmap="inferno")
    mappable.set_clim(0.0, 1.0)
    figure.colorbar(mappable, cax=bar, orientation="horizontal", ticks=[0, 0.5, 1])
    bar.tick_params(labelsize=8)
    bar.set_title("uncertainty (0 sure, 1 a guess)", fontsize=9)


def _keys(scene: Scene) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[Any] = [
        Patch(facecolor=(*colour, 0.5), edgecolor=colour, label=scene.name(value))
        for value, colour in scene.colours.items()
    ]
    if scene.segmentation.annotation.whole_slices:
        keys.append(Line2D([], [], color=ANNOTATED, linewidth=2, label="annotated slice"))
    if scene.reference is not None:
        keys.append(Line2D([], [], color="0.4", linestyle="--", label="reference (white, dashed)"))
    return keys
