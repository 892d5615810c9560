"""The panels of a picture: one view each, with the scan, the structures or the uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import on_slice
from fewslice.annotation.phrases import source_text
from fewslice.annotation.planes import plane_name
from fewslice.reporting.figure.colours import ANNOTATED, OUTLINE
from fewslice.reporting.figure.scene import Scene
from fewslice.reporting.figure.views import View
from fewslice.volumes.colours import CHOSEN
from fewslice.volumes.image import UNKNOWN, Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UNKNOWN_TINT = (1.0, 1.0, 1.0, 0.25)


def show_result(panel: Axes, scene: Scene, view: View) -> None:
    """Show the structures found, the reference, and where annotated slices cross."""
    drawn = (view.axis, view.index) in scene.segmentation.annotation.whole_slices
    by = "annotated" if drawn else "predicted"
    name = plane_name(view.geometry, view.axis).capitalize()
    _show_scan(panel, scene, view, f"{name} {view.index} ({by})")
    _show_labels(panel, scene, view, scene.segmentation.labels.array)
    _show_reference(panel, scene, view)
    _mark_annotated(panel, scene, view)


def show_uncertainty(panel: Axes, scene: Scene, view: View) -> None:
    """Show how unsure each voxel is, with the outlines of the structures found."""
    _frame(panel, view, f"Uncertainty, {plane_name(view.geometry, view.axis)} {view.index}")
    _imshow(panel, view, view.of(scene.uncertainty), cmap="inferno", vmin=0.0, vmax=1.0)
    outlined = view.of(scene.segmentation.labels.array)
    for value in scene.colours:
        _outline(panel, view, outlined == value, colors=[OUTLINE], linewidths=0.7)
    _mark_annotated(panel, scene, view)


def show_annotated(panel: Axes, scene: Scene) -> None:
    """Show the annotated slice on which most was drawn, with what the person drew."""
    annotation = scene.segmentation.annotation
    if not annotation.slices:
        _say_nothing_annotated(panel, scene)
        return
    axis = annotation.axis

    def drawn(index: int) -> int:
        labels = annotation.labels[on_slice(axis, index)]
        return int(((labels != 0) & (labels != UNKNOWN)).sum())

    index = max(annotation.along(axis), key=drawn)
    view = scene.view(axis, index)
    name = plane_name(scene.geometry, axis)
    _show_scan(panel, scene, view, f"Drawn by a person: {name} {index}")
    _show_labels(panel, scene, view, scene.segmentation.drawing)
    for spine in panel.spines.values():
        spine.set(color=ANNOTATED, linewidth=3)


def _say_nothing_annotated(panel: Axes, scene: Scene) -> None:
    """Say in the place of the annotated slice that there is none, and what was learned from."""
    panel.set_axis_off()
    panel.text(
        0.5, 0.6,
        f"No slice of this scan\nis annotated.\nLearned from\n"
        f"{source_text(0, scene.segmentation.support)}.",
        ha="center", va="center", fontsize=11, color="0.3", transform=panel.transAxes,
    )  # fmt: skip


def _frame(panel: Axes, view: View, title: str) -> None:
    """Title and direction letters outside of the picture, no ticks."""
    wider, higher = view.stretch
    factor = max(wider, higher)
    note = f", stretched {factor:.1f}x" if factor > 1.05 else ""
    panel.set_title(title + note, fontsize=10, pad=17)
    panel.set_xticks([])
    panel.set_yticks([])
    left, right = view.letters(view.across)
    top, bottom = view.letters(view.down)
    style: dict[str, Any] = {
        "xycoords": "axes fraction",
        "textcoords": "offset points",
        "ha": "center",
        "va": "center",
        "fontsize": 9,
        "color": "0.3",
    }
    panel.annotate(left, (0, 0.5), xytext=(-8, 0), **style)
    panel.annotate(right, (1, 0.5), xytext=(8, 0), **style)
    panel.annotate(top, (0.5, 1), xytext=(0, 7), **style)
    panel.annotate(bottom, (0.5, 0), xytext=(0, -8), **style)


def _imshow(panel: Axes, view: View, shown: Array, **style: Any) -> None:
    width, height = view.size
    style.setdefault("interpolation", "nearest")
    panel.set_anchor("N")  # so that the titles of a row line up
    wider, higher = view.stretch
    panel.imshow(
        np.ascontiguousarray(shown),
        extent=(0.0, width, height, 0.0),
        aspect=higher / wider,
        **style,
    )


def _show_scan(panel: Axes, scene: Scene, view: View, title: str) -> None:
    _frame(panel, view, title)
    low, high = scene.window
    shown = view.of(scene.image)
    _imshow(panel, view, shown, cmap="gray", vmin=low, vmax=high, interpolation="auto")


def _show_labels(panel: Axes, scene: Scene, view: View, labels: Array) -> None:
    """Tint every structure and draw its outline."""
    shown = view.of(labels)
    tint = np.zeros((*shown.shape, 4))
    for value, colour in scene.colours.items():
        tint[shown == value] = (*colour, 0.38)
    if UNKNOWN not in scene.colours:
        tint[shown == UNKNOWN] = _UNKNOWN_TINT
    _imshow(panel, view, tint)
    for value, colour in scene.colours.items():
        _outline(panel, view, shown == value, colors=[colour], linewidths=1.1)
    if len(scene.colours) > len(CHOSEN):
        _number(panel, view, shown, tuple(scene.colours))


def _number(panel: Axes, view: View, shown: Array, values: tuple[int, ...]) -> None:
    """Write the label into every structure: so many colours cannot be told apart by eye."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=1.5, foreground="black")]
    for value in values:
        rows, columns = np.nonzero(shown == value)
        if not len(rows):
            continue
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        x = (columns[middle] + 0.5) * view.geometry.spacing[view.across]
        y = (rows[middle] + 0.5) * view.geometry.spacing[view.down]
        panel.text(
            x, y, str(value), fontsize=6.5, color="white", ha="center", va="center",
            path_effects=halo, clip_on=True,
        )  # fmt: skip


def _show_reference(panel: Axes, scene: Scene, view: View) -> None:
    if scene.reference is None:
        return
    shown = view.of(scene.reference.array)
    for value in scene.colours:
        mask = shown == value
        _outline(panel, view, mask, colors=["black"], linewidths=1.6, alpha=0.6)
        _outline(panel, view, mask, colors=["white"], linewidths=1.1, linestyles=["dashed"])


def _outline(panel: Axes, view: View, mask: npt.NDArray[np.bool_], **style: Any) -> None:
    if not mask.any():
        return
    x, y = (
        (np.arange(-1, view.box.shape[axis] + 1) + 0.5) * view.geometry.spacing[axis]
        for axis in (view.across, view.down)
    )
    panel.contour(x, y, np.pad(mask, 1).astype(np.float32), levels=[0.5], **style)
    width, height = view.size
    panel.set_xlim(0, width)
    panel.set_ylim(height, 0)


def _mark_annotated(panel: Axes, scene: Scene, view: View) -> None:
    """Draw a line where each annotated slice of another plane crosses this one."""
    for axis, index in scene.segmentation.annotation.whole_slices:
        if axis == view.axis or not (scene.box.start[axis] <= index < scene.box.stop[axis]):
            continue
        draw = panel.axvline if axis == view.across else panel.axhline
        draw(view.position(axis, index), color=ANNOTATED, linewidth=1.0, alpha=0.8)
