"""What the panel consists of: its buttons, what it shows, and where these lie."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from fewslice.integrations.napari.choosing import Chooser

_WIDTH = 330  # pixels, for the title and a suggestion in one line each


class Controls(QWidget):
    """The panel's widgets; what they do is for `Panel` to say."""

    def __init__(self, chooser: Chooser) -> None:
        super().__init__()
        self.chooser = chooser
        self.segment = _button("Segment", "Answer the whole scan from what is drawn", "Alt+S")
        self.cancel = _button("Cancel", "Give this answer up; the one before stays", "Alt+C")
        self.suggest = _button("Suggest next", "Say which slices to draw next", "Alt+N")
        self.accept = _button("Accept slice", "Make the answer on this slice your own", "Alt+A")
        self.accept_all = _button("Accept all", "Make the whole answer your own")
        self.empty = _button("Empty here", "Say that this slice holds nothing to draw", "Alt+E")
        self.empty.setCheckable(True)
        self.uncertainty = QCheckBox("Show uncertainty")
        self.uncertainty.setToolTip("Bright where the answer is as good as guessed (Alt+U)")
        self.progress = QProgressBar()
        self.suggestions = QListWidget()
        self.quality, self.message = _text(), _text()
        self._lay_out()

    def _lay_out(self) -> None:
        self.setMinimumWidth(_WIDTH)
        kept = self.progress.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # or all below would jump
        self.progress.setSizePolicy(kept)
        self.suggestions.setMaximumHeight(72)
        self.suggestions.setToolTip("Click a slice to go there")
        grid = QGridLayout()
        grid.addWidget(self.accept, 0, 0)
        grid.addWidget(self.accept_all, 0, 1)
        grid.addWidget(self.empty, 1, 0)
        grid.addWidget(self.uncertainty, 1, 1)
        row = QHBoxLayout()
        row.addWidget(self.segment, 2)
        row.addWidget(self.cancel, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.chooser)
        layout.addLayout(row)
        layout.addWidget(self.progress)
        layout.addLayout(grid)
        layout.addWidget(self.suggest)
        layout.addWidget(self.suggestions)
        layout.addWidget(self.quality)
        layout.addWidget(self.message)
        layout.addStretch(1)


def _button(text: str, tip: str, key: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(f"{tip} ({key})" if key else tip)
    if key:
        button.setShortcut(QKeySequence(key))
    return button


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextSelectableByMouse)
    return label
