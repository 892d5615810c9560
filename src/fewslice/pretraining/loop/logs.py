"""What training tells while it runs: two tables, event files for TensorBoard, run.json."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fewslice.io.atomic import atomic_path

_STEP_COLUMNS = ("step", "loss", "lr", "seconds", "busy")
_VALIDATION_COLUMNS = ("step", "seconds", "kind", "episodes", "dice")
ALL = "all"
"""The kind that stands for all validation episodes together."""


class Logs:
    """Writes log.csv, validation.csv and event files into a folder.

    step: where training goes on; rows of later steps, from before an interruption, are removed.
    tensorboard: whether to write event files.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool) -> None:
        self._steps = _Table(folder / "log.csv", _STEP_COLUMNS, step)
        self._validations = _Table(folder / "validation.csv", _VALIDATION_COLUMNS, step)
        self._events: Any = None
        if tensorboard:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._events = SummaryWriter(
                str(folder / "events"), purge_step=step + 1 if step else None
            )

    def step(self, step: int, *, loss: float, lr: float, seconds: float, busy: float) -> None:
        """Add a row. loss: mean since the last row. lr: the learning rate. seconds: of training.

        busy: part of the time since the last row, 0 to 1, in which the network was at work rather
        than waiting for episodes.
        """
        self._steps.add((step, f"{loss:.6f}", f"{lr:.6g}", f"{seconds:.1f}", f"{busy:.3f}"))
        for name, value in (("loss", loss), ("learning rate", lr), ("busy", busy)):
            self._scalar(f"training/{name}", value, step)

    def validation(self, step: int, seconds: float, dice: Mapping[str, Sequence[float]]) -> None:
        """Add a row for each kind of episode and one for all. dice: of each episode, by kind."""
        everything = [value for values in dice.values() for value in values]
        for kind, values in (*sorted(dice.items()), (ALL, everything)):
            mean = sum(values) / len(values)
            self._validations.add((step, f"{seconds:.1f}", kind, len(values), f"{mean:.5f}"))
            self._scalar(f"validation/{kind}", mean, step)

    def close(self) -> None:
        """Close all files."""
        if self._events is not None:
            self._events.close()

    def _scalar(self, name: str, value: float, step: int) -> None:
        if self._events is not None:
            self._events.add_scalar(name, value, step)


class _Table:
    """A CSV file that grows by rows; each is on disk as soon as it is added."""

    def __init__(self, path: Path, columns: Sequence[str], step: int) -> None:
        self._path = path
        rows = [row for row in _rows(path) if int(row[0]) <= step] if step else []
        with atomic_path(path) as temporary, temporary.open("w", newline="") as stream:
            csv.writer(stream).writerows([columns, *rows])

    def add(self, row: Sequence[object]) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow(row)


def _rows(path: Path) -> list[list[str]]:
    """Return the rows of a table without its header and what was cut off by a crash."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream)) or [[]]
    return [row for row in rows if len(row) == len(header) and row[0].isdecimal()]


def write_run(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write run.json: what this run is."""
    with atomic_path(folder / "run.json") as temporary:
        text = json.dumps(facts, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
