"""Sessions on the scans of a project: made from what is stored, kept while there is room.

A session holds the scan in memory and its last answer, so that one more slice is answered around
that slice alone. What is drawn is never kept here: it is read from the store before every use.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from fewslice.annotation.annotation import drawn_voxels
from fewslice.annotation.drawing import Drawing
from fewslice.project.database import Project
from fewslice.project.drawings import drawing
from fewslice.project.scans import read_scan
from fewslice.volumes.image import Image
from fewslice.workflow.session import Session

MOST_BYTES = 2 * 1024**3

_Key = tuple[int, int | None]  # scan, and whose slices where people annotate independently


@dataclass(frozen=True, eq=False)
class OpenScan:
    """A scan with what is drawn on it now. revision: the newest that the drawing knows."""

    session: Session
    revision: int | None

    @property
    def blank(self) -> bool:
        """Whether no structure is drawn on it."""
        return blank(self.session.drawing)


class SessionPool:
    """The scans that were used last, as sessions. Of one process and one thread.

    most_bytes: of all that they hold together, scans, last answers and what engines found out about
    voxels, as of when a scan is opened; one is kept whatever its size.
    """

    def __init__(self, project: Project, most_bytes: int = MOST_BYTES) -> None:
        self.project = project
        self._most, self._sessions = most_bytes, OrderedDict[_Key, Session]()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, scan_id: int, annotator: int | None = None) -> OpenScan:
        """Return a scan with what is drawn on it.

        annotator: of a scan that people annotate independently, whose slices are meant; None for
        everybody's. Raises NotFoundError if there is no such scan, and ReadError if its files are
        missing, have changed or cannot be read.
        """
        found = drawing(self.project, scan_id, annotator)
        session = self._session(scan_id, annotator)
        session.take(found.drawing, undoable=False)
        return OpenScan(session, found.revision)

    def image(self, scan_id: int) -> Image:
        """Return the voxels of a scan."""
        return self._session(scan_id).image

    def _session(self, scan_id: int, annotator: int | None = None) -> Session:
        """Return a session; of people who annotate apart each has one, for its last answer."""
        key = (scan_id, annotator)
        session = self._sessions.pop(key, None)
        if session is None:
            session = Session(read_scan(self.project, scan_id))
        self._sessions[key] = session
        while len(self._sessions) > 1 and self._bytes() > self._most:
            self._sessions.popitem(last=False)
        return session

    def _bytes(self) -> int:
        return sum(_bytes_of(each) for each in self._sessions.values())


def _bytes_of(session: Session) -> int:
    """Return the memory that a session takes; arrays that lie in it twice count once."""
    image, result = session.image, session.result
    arrays = [image.array]
    if result is not None:
        prediction, annotation = result.prediction, result.annotation
        arrays += [result.labels.array, annotation.labels, prediction.probability]
        arrays += [] if annotation.as_drawn is None else [annotation.as_drawn]
        arrays += [kept.share for kept in prediction.kept]
    found = 0 if image.memo is None else image.memo.nbytes
    return found + sum({id(each): each.nbytes for each in arrays}.values())


def blank(drawn: Drawing) -> bool:
    """Return whether no structure is drawn."""
    return not any(drawn_voxels(each.labels).any() for each in drawn.slices)
