"""Choosing layers: of the scan, of the drawing, and of examples from other scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from fewslice.engines import ENGINES
from fewslice.errors import InputError
from fewslice.integrations.napari.grid import require_volume, same_place, shape_of, transform_of
from fewslice.integrations.napari.loop import Choice
from fewslice.integrations.napari.origin import KEY
from fewslice.integrations.napari.results import is_result

if TYPE_CHECKING:
    from napari.components import ViewerModel


class LayerBox(QComboBox):
    """A list of the viewer's layers of one kind; what is chosen stays so while others change."""

    def __init__(self, kind: Any, tip: str) -> None:
        super().__init__()
        self._kind = kind
        self.setToolTip(tip)
        self.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)

    def offer(self, viewer: ViewerModel) -> None:
        """Offer the layers that there are now."""
        chosen = self.layer
        layers = [
            each for each in viewer.layers if isinstance(each, self._kind) and not is_result(each)
        ]
        self.blockSignals(True)
        self.clear()
        for each in layers:
            self.addItem(each.name, each)
        if chosen in layers:
            self.setCurrentIndex(layers.index(chosen))
        self.blockSignals(False)
        if self.layer is not chosen:
            self.currentIndexChanged.emit(self.currentIndex())

    @property
    def layer(self) -> Any:
        """The layer that is chosen; None if there is none."""
        return self.currentData()


class Chooser(QWidget):
    """The upper part of the panel; `choice` is what was chosen. changed: it is another drawing."""

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.scan = LayerBox(Image, "The scan to segment")
        self.drawing = LayerBox(Labels, "Where you draw; answers never change it")
        self.new = QPushButton("New")
        self.new.setToolTip("Make a layer to draw on, on the grid of the scan")
        self.channels = QListWidget()
        self.channels.setToolTip("Further channels of the same scan")
        self.engine = QComboBox()
        self.engine.addItems(list(ENGINES))
        self.engine.setToolTip("How to answer; auto is the best of all")
        self.examples = Examples()
        self._lay_out()
        self.scan.currentIndexChanged.connect(lambda _: self._offer_channels())
        self.drawing.currentIndexChanged.connect(lambda _: self.changed.emit())

    def choice(self) -> Choice:
        """Return what is chosen. Raises InputError if scan or drawing are missing."""
        if self.scan.layer is None:
            raise InputError("There is no scan; open one, or File > Open Sample > fewslice.")
        if self.drawing.layer is None:
            raise InputError("There is no Labels layer to draw on; click New.")
        rows = [self.channels.item(row) for row in range(self.channels.count())]
        others = [row.data(Qt.UserRole) for row in rows if row.checkState() == Qt.Checked]
        return Choice(
            (self.scan.layer, *others),
            self.drawing.layer,
            self.engine.currentText(),
            self.examples.pairs,
        )

    def offer(self) -> None:
        """Offer the layers that there are now."""
        for box in (self.scan, self.drawing, self.examples.scan, self.examples.labels):
            box.offer(self._viewer)
        self.examples.forget_missing(self._viewer)
        self._offer_channels()

    def make_drawing(self) -> None:
        """Add a Labels layer on the grid of the scan, and choose it. Raises InputError."""
        scan = self.scan.layer
        if scan is None:
            raise InputError("There is no scan to draw on; open one first.")
        require_volume(scan)
        kept = {KEY: scan.metadata[KEY]} if KEY in scan.metadata else {}
        layer = Labels(
            np.zeros(shape_of(scan), np.uint16),
            name=f"{scan.name}: drawn",
            metadata=kept,
            **transform_of(scan),
        )
        self._viewer.add_layer(layer)
        self.drawing.setCurrentIndex(self.drawing.findData(layer))
        layer.mode = "paint"

    def _offer_channels(self) -> None:
        scan = self.scan.layer
        rows = [self.channels.item(row) for row in range(self.channels.count())]
        checked = {id(row.data(Qt.UserRole)) for row in rows if row.checkState() == Qt.Checked}
        self.channels.clear()
        for layer in (self.scan.itemData(row) for row in range(self.scan.count())):
            if layer is scan or layer.ndim != 3 or scan.ndim != 3 or layer.rgb or scan.rgb:
                continue
            if not same_place(scan, layer):
                continue
            row = QListWidgetItem(layer.name, self.channels)
            row.setData(Qt.UserRole, layer)
            row.setCheckState(Qt.Checked if id(layer) in checked else Qt.Unchecked)
        self.channels.setMaximumHeight(24 * max(self.channels.count(), 1) + 8)

    def _lay_out(self) -> None:
        drawing = QHBoxLayout()
        drawing.addWidget(self.drawing, 1)
        drawing.addWidget(self.new)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.AllNonFixedFieldsGrow)
        form.addRow("Scan", self.scan)
        form.addRow("Drawing", drawing)
        inner = QWidget()
        inner.hide()
        more = QPushButton("Engine, channels, examples …")
        more.setCheckable(True)
        more.toggled.connect(inner.setVisible)
        rows = QFormLayout(inner)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.AllNonFixedFieldsGrow)
        rows.addRow("Engine", self.engine)
        rows.addRow("Channels", self.channels)
        rows.addRow("Examples", self.examples)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(more)
        layout.addWidget(inner)


class Examples(QWidget):
    """Other scans in the viewer with labels of their own, from which engines learn as well."""

    def __init__(self) -> None:
        super().__init__()
        self.scan = LayerBox(Image, "Another scan that shows the same structures")
        self.labels = LayerBox(Labels, "Its labels")
        self.add = QPushButton("Add")
        self.remove = QPushButton("Remove")
        self.shown = QListWidget()
        self.shown.setMaximumHeight(64)
        self.shown.setToolTip("Examples that answers learn from")
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(lambda: self.shown.takeItem(self.shown.currentRow()))
        buttons = QHBoxLayout()
        for each in (self.add, self.remove):
            buttons.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for each in (self.scan, self.labels):
            layout.addWidget(each)
        layout.addLayout(buttons)
        layout.addWidget(self.shown)

    @property
    def pairs(self) -> tuple[tuple[Any, Any], ...]:
        """The examples, (scan, labels) of each."""
        return tuple(
            tuple(self.shown.item(row).data(Qt.UserRole)) for row in range(self.shown.count())
        )

    def forget_missing(self, viewer: ViewerModel) -> None:
        """Drop examples whose layers were removed."""
        for row in reversed(range(self.shown.count())):
            if any(layer not in viewer.layers for layer in self.pairs[row]):
                self.shown.takeItem(row)

    def _add(self) -> None:
        pair = (self.scan.layer, self.labels.layer)
        if None in pair or pair in self.pairs:
            return
        item = QListWidgetItem(f"{pair[0].name} + {pair[1].name}", self.shown)
        item.setData(Qt.UserRole, pair)
