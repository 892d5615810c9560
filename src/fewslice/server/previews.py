"""Slices that are shown before an answer is stored, and answers that were read from the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from fewslice.annotation.annotation import SliceIndex
from fewslice.project.answers import Answer
from fewslice.volumes.image import LabelArray

_SCANS = 64
_ANSWERS = 2

Drawn = tuple[int, int | None]
"""A scan, and whose slices of it are meant where people annotate independently."""


class Previews:
    """Slices of answers under way, by drawing. Places are of the scan's own axes."""

    def __init__(self) -> None:
        self._slices: OrderedDict[Drawn, dict[SliceIndex, LabelArray]] = OrderedDict()
        self._lock = Lock()

    def put(self, scan: Drawn, axis: int, first: int, labels: LabelArray) -> list[SliceIndex]:
        """Keep neighbouring slices, and return their places."""
        places = [(axis, first + number) for number in range(len(labels))]
        with self._lock:
            self._slices[scan] = dict(zip(places, labels, strict=True))
            self._slices.move_to_end(scan)
            while len(self._slices) > _SCANS:
                self._slices.popitem(last=False)
        return places

    def get(self, scan: Drawn, place: SliceIndex) -> LabelArray | None:
        """Return a slice of an answer under way, if there is one."""
        with self._lock:
            return self._slices.get(scan, {}).get(place)

    def drop(self, scan: Drawn) -> None:
        """Forget the slices of a scan: its answer is stored, or will not come."""
        with self._lock:
            self._slices.pop(scan, None)


class Answers:
    """The answers that were asked for last: unpacking a whole volume takes a while."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Drawn, Answer] = OrderedDict()
        self._lock = Lock()

    def get(self, scan: Drawn, load: Callable[[], Answer | None]) -> Answer | None:
        """Return the answer of a scan. load: reads it where it is not at hand."""
        with self._lock:
            found = self._answers.pop(scan, None) or load()
            if found is not None:
                self._answers[scan] = found
            while len(self._answers) > _ANSWERS:
                self._answers.popitem(last=False)
            return found

    def drop(self, scan: int) -> None:
        """Forget the answers of a scan: there is a newer one."""
        with self._lock:
            for key in [each for each in self._answers if each[0] == scan]:
                del self._answers[key]
