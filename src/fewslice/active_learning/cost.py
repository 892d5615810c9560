"""What a person's time for an answer is taken to be, in seconds: a stated model, not a measurement.

Drawing a slice takes a fixed time (find it, judge it, save it) and a time for every millimetre of
contour; putting an answer right takes a time for each place that is wrong and for the contour
there; saying whether a structure is on a slice takes finding it, a look and a click. Set the
numbers to your own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CostModel:
    """Seconds of a person's time.

    slice: for any slice that is drawn or put right. millimetre: for each mm of contour drawn.
    correction: for each separate place that is put right. question: for "is it on this slice?".
    """

    slice: float = 15.0
    millimetre: float = 0.1
    correction: float = 3.0
    question: float = 4.0

    def drawing(self, contour: float) -> float:
        """Return the seconds to draw a slice with `contour` mm of outlines."""
        return self.slice + self.millimetre * contour

    def correcting(self, contour: float, places: int) -> float:
        """Return the seconds to put `places` right, with `contour` mm of outlines in them."""
        return self.slice + self.correction * places + self.millimetre * contour
