"""Options of the form SCAN=LABELS."""

from __future__ import annotations

from pathlib import Path

from fewslice.errors import InputError


def parse_pair(text: str) -> tuple[Path, Path]:
    """Return the two paths of SCAN=LABELS. Raises InputError for anything else.

    Paths may hold the sign themselves: of several ways to part them, the one whose files exist is
    meant.
    """
    ways = [
        (Path(text[:at]), Path(text[at + 1 :]))
        for at, letter in enumerate(text)
        if letter == "=" and text[:at] and text[at + 1 :]
    ]
    if not ways:
        raise InputError(f"Cannot read {text!r} as a scan with labels; write SCAN=LABELS.")
    there = [way for way in ways if all(path.exists() for path in way)]
    if len(there) > 1:
        raise InputError(
            f"{text!r} can be parted into existing files at more than one of its signs; rename "
            "one of the files so that its path holds no '='."
        )
    return (there or ways)[0]
