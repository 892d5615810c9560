"""Options of the form SCAN=LABELS."""

from __future__ import annotations

from pathlib import Path

from fewslice.errors import InputError


def parse_pair(text: str) -> tuple[Path, Path]:
    """Return the two paths of SCAN=LABELS. Raises InputError for anything else."""
    scan, equals, labels = text.partition("=")
    if not (scan and equals and labels):
        raise InputError(f"Cannot read {text!r} as a scan with labels; write SCAN=LABELS.")
    return Path(scan), Path(labels)
