"""A picture of a segmentation for a quick look: three planes, how sure they are, what was drawn.

Radiological convention: the patient's right is on the left of axial and coronal views, sagittal
views look from the left side (front on the left). Oblique scans are shown along their own axes,
with the letters of the nearest anatomical directions.
"""

from __future__ import annotations

import colorsys
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fewslice.assembly.segmentation import HUMAN, Segmentation
from fewslice.slices.annotation import on_slice
from fewslice.slices.planes import PLANES, plane_axis, plane_name
from fewslice.slices.region import Region, bounding_region
from fewslice.volumes.atomic import atomic_path
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import UNKNOWN, Array, Image, LabelMap
from fewslice.workflow.inspect import slice_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_INCHES = (15.0, 10.2)
_DOTS_PER_INCH = 100
_MARGIN = 0.35  # around what was found, as a fraction of its largest side
_LONGEST_PANEL = 4.0  # panels that are more elongated are stretched, and say so
_ANNOTATED = "#ffe14d"
_PREDICTED = "#3b6ea8"
_NOTHING = "#c5d5e6"
_PAGE = "#ffffff"
_LETTERS = (
    ("R", "L"),
    ("A", "P"),
    ("S", "I"),
)  # per world axis: left or top end of a view, right or bottom end
_COLOURS = (
    "#e6194b", "#3cb44b", "#4aa3ff", "#ff9a1f", "#b05cff", "#2fd6d6", "#ff6fcf", "#b4e034",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Subject:
    """Everything the panels look at. box: the part of the scan shown."""

    image: Array
    segmentation: Segmentation
    reference: LabelMap | None
    uncertainty: npt.NDArray[np.float32]
    names: Mapping[int, str]
    box: Region
    window: tuple[float, float]
    colours: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def geometry(self) -> Geometry:
        return self.segmentation.labels.geometry


@dataclass(frozen=True)
class _View:
    """One slice as it is shown: across which array axis, at which index."""

    geometry: Geometry
    box: Region
    axis: int
    index: int

    @property
    def across(self) -> int:
        """The array axis from left to right."""
        return self._inplane[0]

    @property
    def down(self) -> int:
        """The array axis from top to bottom."""
        return self._inplane[1]

    @property
    def _inplane(self) -> list[int]:
        others = [axis for axis in range(3) if axis != self.axis]
        return sorted(others, key=lambda axis: self.geometry.world_axes[axis])

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        width, height = (
            self.box.shape[axis] * self.geometry.spacing[axis] for axis in self._inplane
        )
        return width, height

    @property
    def stretch(self) -> tuple[float, float]:
        """By how much the panel is widened and heightened so that it can be seen at all."""
        width, height = self.size
        longest = max(width, height) / _LONGEST_PANEL
        return max(1.0, longest / width), max(1.0, longest / height)

    def of(self, array: Array) -> Array:
        """Return the shown part of a (i, j, k) array as (down, across)."""
        shown = array[self.box.slices][on_slice(self.axis, self.index - self.box.start[self.axis])]
        if self.across < self.down:
            shown = shown.T
        upright: Array = shown[:: self._step(self.down), :: self._step(self.across)]
        return upright

    def position(self, axis: int, index: int) -> float:
        """Return where a slice across another axis lies, in mm from the left or top."""
        place = index + 0.5 - self.box.start[axis]
        length = self.box.shape[axis]
        return (place if self._step(axis) == 1 else length - place) * self.geometry.spacing[axis]

    def letters(self, axis: int) -> tuple[str, str]:
        """Return the directions at the left or top end and at the other end."""
        return _LETTERS[self.geometry.world_axes[axis]]

    def _step(self, axis: int) -> int:
        """-1 for an axis that grows to the right, front or head: it is shown from its end."""
        return -1 if self.geometry.axis_codes[axis] in "RAS" else 1


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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    subject = _subject(image, segmentation, reference, names or {})
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, facecolor=_PAGE)
    FigureCanvasAgg(figure)
    _lay_out(figure, subject)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=_PAGE)


def _subject(
    image: Image,
    segmentation: Segmentation,
    reference: LabelMap | None,
    names: Mapping[int, str],
) -> _Subject:
    channel = image.channels[0]
    shown = segmentation.labels.array != 0
    if reference is not None:
        shown |= (reference.array != 0) & (reference.array != UNKNOWN)
    if not shown.any():
        shown[...] = True
    box = _box(shown, image.geometry)
    values = segmentation.label_values[1:]
    return _Subject(
        image=channel,
        segmentation=segmentation,
        reference=reference,
        uncertainty=segmentation.uncertainty,
        names=names,
        box=box,
        window=_window(channel[box.slices]),
        colours={value: _colour(number) for number, value in enumerate(values)},
    )


def _box(shown: npt.NDArray[np.bool_], geometry: Geometry) -> Region:
    """Return the part of the scan to show: what was found and a margin, the same mm all around."""
    found = bounding_region(shown)
    sides = np.array(found.shape) * geometry.spacing
    margin = np.ceil(_MARGIN * float(sides.max()) / np.array(geometry.spacing)).astype(int)
    return found.grown([int(n) for n in margin], geometry.shape)


def _window(values: Array) -> tuple[float, float]:
    """Return the intensities shown as black and white: the 1st and 99th percentile."""
    step = max(1, round((values.size / 2_000_000) ** (1 / 3)))
    low, high = np.percentile(values[::step, ::step, ::step], [1, 99]).astype(float)
    return (low, high) if high > low else (low - 1.0, low + 1.0)


def _colour(number: int) -> tuple[float, float, float]:
    """Return the colour of the n-th structure: eight chosen ones, then hues spread evenly."""
    if number < len(_COLOURS):
        text = _COLOURS[number]
        return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255
    hue = (0.07 + number * 0.618034) % 1.0
    return colorsys.hsv_to_rgb(hue, (0.5, 0.85, 0.65)[number % 3], (1.0, 0.95, 0.75)[number % 3])


def _cut(subject: _Subject, axis: int) -> int:
    """Return the slice that shows the structures best, off the annotated slices if possible.

    Best: the sum over structures of their share of their own largest cross-section.
    """
    segmentation = subject.segmentation
    start = subject.box.start[axis]
    labels = segmentation.labels.array[subject.box.slices]
    counts = slice_counts(labels, segmentation.label_values[1:], axis).astype(float)
    score = (counts / np.maximum(counts.max(axis=0), 1.0)).sum(axis=1)
    for index in segmentation.annotation.along(axis):
        if 0 <= index - start < len(score):
            score[index - start] -= len(segmentation.label_values)
    return start + int(score.argmax())


def _lay_out(figure: Figure, subject: _Subject) -> None:
    geometry = subject.geometry
    grid = figure.add_gridspec(
        3, 4, height_ratios=(4.0, 4.0, 1.5), left=0.035, right=0.985, top=0.925, bottom=0.06,
        hspace=0.26, wspace=0.14,
    )  # fmt: skip
    axes = [plane_axis(geometry, plane) for plane in reversed(PLANES)]
    views = [_View(geometry, subject.box, axis, _cut(subject, axis)) for axis in axes]
    for column, view in enumerate(views):
        panel = figure.add_subplot(grid[0, column])
        _show_scan(panel, subject, view, _title(subject, view))
        _show_labels(panel, subject, view, subject.segmentation.labels.array)
        _show_reference(panel, subject, view)
        _mark_annotated(panel, subject, view)
        _show_uncertainty(figure.add_subplot(grid[1, column]), subject, view)
    _show_annotated(figure.add_subplot(grid[0, 3]), subject)
    _show_key(figure, figure.add_subplot(grid[1, 3]), subject)
    _show_confidence(figure.add_subplot(grid[2, :]), subject)
    figure.suptitle(
        f"Engine {subject.segmentation.engine}, from "
        f"{_counted(len(subject.segmentation.annotation.slices), 'annotated slice')}",
        x=0.035, y=0.985, ha="left", fontsize=13, fontweight="bold",
    )  # fmt: skip
    figure.text(
        0.985, 0.968, "Radiological view: the patient's right (R) is on the left side",
        ha="right", fontsize=9, color="0.3",
    )  # fmt: skip


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _title(subject: _Subject, view: _View) -> str:
    drawn = view.index in subject.segmentation.annotation.along(view.axis)
    by = "annotated" if drawn else "predicted"
    return f"{plane_name(view.geometry, view.axis).capitalize()} {view.index} ({by})"


def _show_scan(panel: Axes, subject: _Subject, view: _View, title: str) -> None:
    _frame(panel, view, title)
    low, high = subject.window
    _imshow(panel, view, view.of(subject.image), cmap="gray", vmin=low, vmax=high)


def _imshow(panel: Axes, view: _View, shown: Array, **style: Any) -> Any:
    width, height = view.size
    style.setdefault("interpolation", "nearest")
    wider, higher = view.stretch
    return panel.imshow(
        np.ascontiguousarray(shown),
        extent=(0.0, width, height, 0.0),
        aspect=higher / wider,
        **style,
    )


def _frame(panel: Axes, view: _View, title: str) -> None:
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


def _show_labels(panel: Axes, subject: _Subject, view: _View, labels: Array) -> None:
    """Tint every structure and draw its outline."""
    shown = view.of(labels)
    tint = np.zeros((*shown.shape, 4))
    for value, colour in subject.colours.items():
        tint[shown == value] = (*colour, 0.38)
    tint[shown == UNKNOWN if UNKNOWN not in subject.colours else np.zeros_like(shown, bool)] = (
        1.0, 1.0, 1.0, 0.25,
    )  # fmt: skip
    _imshow(panel, view, tint)
    for value, colour in subject.colours.items():
        _outline(panel, view, shown == value, colors=[colour], linewidths=1.4)
    if len(subject.colours) > len(_COLOURS):
        _number(panel, view, shown, tuple(subject.colours))


def _number(panel: Axes, view: _View, shown: Array, values: tuple[int, ...]) -> None:
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


def _show_reference(panel: Axes, subject: _Subject, view: _View) -> None:
    if subject.reference is None:
        return
    shown = view.of(subject.reference.array)
    for value in subject.colours:
        mask = shown == value
        _outline(panel, view, mask, colors=["black"], linewidths=1.6, alpha=0.6)
        _outline(panel, view, mask, colors=["white"], linewidths=1.1, linestyles=["dashed"])


def _outline(panel: Axes, view: _View, mask: npt.NDArray[np.bool_], **style: Any) -> None:
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


def _mark_annotated(panel: Axes, subject: _Subject, view: _View) -> None:
    """Draw a line where each annotated slice of another plane crosses this one."""
    for axis, index in subject.segmentation.annotation.slices:
        if axis == view.axis or not (subject.box.start[axis] <= index < subject.box.stop[axis]):
            continue
        draw = panel.axvline if axis == view.across else panel.axhline
        draw(view.position(axis, index), color=_ANNOTATED, linewidth=1.0, alpha=0.8)


def _show_uncertainty(panel: Axes, subject: _Subject, view: _View) -> None:
    _frame(panel, view, f"Uncertainty, {plane_name(view.geometry, view.axis)} {view.index}")
    _imshow(panel, view, view.of(subject.uncertainty), cmap="inferno", vmin=0.0, vmax=1.0)
    outlined = view.of(subject.segmentation.labels.array)
    for value in subject.colours:
        _outline(panel, view, outlined == value, colors=["#9fd8ff"], linewidths=0.7)


def _show_annotated(panel: Axes, subject: _Subject) -> None:
    """Show the annotated slice on which most was drawn, with what the person drew."""
    annotation = subject.segmentation.annotation
    axis = annotation.axis

    def drawn(index: int) -> int:
        labels = annotation.labels[on_slice(axis, index)]
        return int(((labels != 0) & (labels != UNKNOWN)).sum())

    index = max(annotation.along(axis), key=drawn)
    view = _View(subject.geometry, subject.box, axis, index)
    name = plane_name(subject.geometry, axis)
    _show_scan(panel, subject, view, f"Drawn by a person: {name} {index}")
    _show_labels(panel, subject, view, annotation.labels)
    for spine in panel.spines.values():
        spine.set(color=_ANNOTATED, linewidth=3)


def _show_key(figure: Figure, panel: Axes, subject: _Subject) -> None:
    """Colours of the structures, the other signs, and the colour bar of the uncertainty."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    panel.set_axis_off()
    keys: list[Any] = [
        Patch(facecolor=(*colour, 0.5), edgecolor=colour, label=_name(subject, value))
        for value, colour in subject.colours.items()
    ]
    keys.append(Line2D([], [], color=_ANNOTATED, linewidth=2, label="annotated slice"))
    if subject.reference is not None:
        keys.append(Line2D([], [], color="0.4", linestyle="--", label="reference (white, dashed)"))
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


def _name(subject: _Subject, value: int) -> str:
    name = subject.names.get(value, f"label {value}")
    most = 30 if len(subject.colours) <= 10 else 16
    return name if len(name) <= most else name[: most - 1] + "…"


def _show_confidence(panel: Axes, subject: _Subject) -> None:
    """Bars of the expected Dice per slice along the main axis; annotated slices are marked."""
    from matplotlib.ticker import MaxNLocator

    segmentation = subject.segmentation
    axis = segmentation.axis
    shown = np.arange(subject.box.start[axis], subject.box.stop[axis])
    human = np.array(segmentation.provenance)[shown] == HUMAN
    others = tuple(other for other in range(3) if other != axis)
    found = (segmentation.labels.array.max(axis=others) > 0)[shown]
    confidence = np.asarray(segmentation.confidence)[shown]
    for of, colour, name in (
        (human, _ANNOTATED, "annotated"),
        (~human & found, _PREDICTED, "predicted"),
        (~human & ~found, _NOTHING, "predicted: nothing there"),
    ):
        panel.bar(shown[of], confidence[of], width=0.85, color=colour, label=name)
    plane = plane_name(subject.geometry, axis)
    panel.set_xlim(shown[0] - 0.75, shown[-1] + 0.75)
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
