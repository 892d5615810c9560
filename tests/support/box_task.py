"""A box on slices 2 to 10, as a structure that simulated people draw."""

from __future__ import annotations

import numpy as np
from benchmarks.advice_tasks import Recipe, Task

from fewslice.engines import Scan


def box_task(slices: int) -> Task:
    """Return a box in an empty scan of so many slices of 1 mm, drawn across its first axis."""
    mask = np.zeros((slices, 6, 6), dtype=bool)
    mask[2:11, 2:5, 1:4] = True
    scan = Scan.from_spacing(np.zeros((1, *mask.shape), np.float32), (1.0, 1.0, 1.0))
    return Task(Recipe("box", "made up", 0, (1,)), scan, mask, 0)
