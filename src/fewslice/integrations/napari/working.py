"""Long work in a thread of its own, and its news in the window's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from fewslice.errors import FewsliceError
from fewslice.workflow.session import CancelledError


class Work(QObject):
    """One piece of work. Signals arrive in the thread of the window, whoever sends them.

    progressed: fraction done, 0 to 1. showed: something to look at meanwhile. done: what came out.
    failed: one sentence. cancelled: nothing came out, as a person wished. ended: always, last.
    """

    progressed = Signal(float)
    showed = Signal(object)
    done = Signal(object)
    failed = Signal(str)
    cancelled = Signal()
    ended = Signal()

    def start(self, work: Callable[[Work], Any]) -> None:
        """Begin. What is no person's mistake is shown by napari, with its traceback."""
        worker = create_worker(self._run, work, _start_thread=False)
        worker.finished.connect(self.ended)
        worker.start()

    def _run(self, work: Callable[[Work], Any]) -> None:
        try:
            self.done.emit(work(self))
        except CancelledError:
            self.cancelled.emit()
        except FewsliceError as error:
            self.failed.emit(str(error))
