"""Options of the form SCAN=LABELS, where a scan of several files is CHANNEL+CHANNEL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fewslice.errors import InputError
from fewslice.io.scan_files import ScanFiles, scan_at

Paths = tuple[Path, ...]


def parse_pair(text: str, *, alone: bool = False) -> tuple[ScanFiles, Path]:
    """Return the scan and the path of the labels of SCAN[+CHANNEL...]=LABELS.

    Paths may hold the signs themselves: of several ways to part them, the one whose files exist is
    meant. alone: not to look for channels beside a scan. Raises InputError for anything else.
    """
    ways = [
        (text[:at], Path(text[at + 1 :]))
        for at, letter in enumerate(text)
        if letter == "=" and text[:at] and text[at + 1 :]
    ]
    if not ways:
        raise InputError(f"Cannot read {text!r} as a scan with labels; write SCAN=LABELS.")
    there = [
        (images, labels) for scan, labels in ways if labels.exists() for images in _there(scan)
    ]
    if len(there) > 1:
        raise InputError(
            f"{text!r} can be parted into existing files at more than one of its signs; rename "
            "one of the files so that its path holds no '=' and no '+'."
        )
    if there:
        images, labels = there[0]
    else:
        scan, labels = next((way for way in ways if way[1].exists()), ways[0])
        images = _likely(scan)
    return scan_at(images, siblings=not alone, labels=labels), labels


def _there(text: str) -> Iterator[Paths]:
    """Yield every way to part a text at its plus signs into paths that exist."""
    if Path(text).exists():
        yield (Path(text),)
    for at, letter in enumerate(text):
        if letter == "+" and text[:at] and Path(text[:at]).exists():
            yield from (
                (Path(text[:at]), *rest) for rest in _there(text[at + 1 :]) if text[at + 1 :]
            )


def _likely(text: str) -> Paths:
    """Return what a scan that is not there was meant to be, so that the missing file is named."""
    signs = [at for at, letter in enumerate(text) if letter == "+" and text[at + 1 :]]
    ends = [at for at in signs if at and Path(text[:at]).exists()]
    return (Path(text[: ends[0]]), *_likely(text[ends[0] + 1 :])) if ends else (Path(text),)
