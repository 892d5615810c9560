"""A process that saves slices one after another and says of each when it was acknowledged.

Run as `python -m tests.support.saving_process DIRECTORY URL SCAN PERSON FIRST LAST`; URL is "-" for
SQLite. It is meant to be killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewslice.project.opening import open_project
from fewslice.project.saving import save_revision
from tests.support.command_line import SHAPE


def place(number: int) -> tuple[int, int]:
    """Return the slice of the n-th change."""
    axis = number % 3
    return axis, number * 7 % SHAPE[axis]


def labels(number: int) -> npt.NDArray[np.uint8]:
    """Return what is drawn in the n-th change."""
    sides = [length for axis, length in enumerate(SHAPE) if axis != place(number)[0]]
    return np.random.default_rng(number).integers(0, 3, sides).astype(np.uint8)


def main(directory: str, url: str, *numbers: str) -> None:
    """Save the changes from FIRST to LAST."""
    scan, person, first, last = map(int, numbers)
    project = open_project(Path(directory), None if url == "-" else url)
    for number in range(first, last):
        axis, index = place(number)
        saved = save_revision(
            project,
            scan,
            person,
            action="draw",
            axis=axis,
            index=index,
            labels=labels(number),
            client_key=f"{number}",
        )
        print(number, saved.revision.id, flush=True)  # noqa: T201 - the acknowledgement


if __name__ == "__main__":
    main(*sys.argv[1:])
