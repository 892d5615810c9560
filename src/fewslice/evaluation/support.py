"""Support scans of an evaluation: fully labelled scans of another part of the same data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fewslice.errors import InputError
from fewslice.evaluation.dataset import CaseFiles, Structure, read_case
from fewslice.volumes.image import Image, LabelMap

_KEPT_IN_MEMORY = 16


@dataclass(frozen=True)
class SupportFrom:
    """Which support scans to give: the first `count` by name of a part, such as "Tr"."""

    part: str
    count: int

    def __str__(self) -> str:
        """Return it as a person writes it: 'Tr:5'."""
        return f"{self.part}:{self.count}"


def parse_support(text: str) -> SupportFrom:
    """Parse 'PART:COUNT', such as 'Tr:5'. Raises InputError."""
    part, colon, count = text.partition(":")
    if not (part and colon and count.isdecimal() and int(count) > 0):
        raise InputError(
            f"Cannot read {text!r} as support; write PART:COUNT, such as Tr:5 for the first five "
            "scans of imagesTr."
        )
    return SupportFrom(part, int(count))


def support_pairs(
    case: CaseFiles, structure: Structure, candidates: Sequence[CaseFiles], count: int
) -> tuple[tuple[Image, LabelMap], ...]:
    """Return scans with the mask of one structure as label 1, at most `count`.

    The first candidates in which the structure was outlined and that hold it; never the case
    itself. Raises what `read_case` raises.
    """
    found: list[tuple[Image, LabelMap]] = []
    for candidate in candidates:
        if len(found) == count:
            break
        if candidate.labels == case.labels or not candidate.knows(structure):
            continue
        image, labels = _read(candidate)
        mask = structure.mask(labels.array)
        if mask.any():
            found.append((image, labels.with_array(mask.astype(np.uint8))))
    return tuple(found)


@lru_cache(maxsize=_KEPT_IN_MEMORY)
def _read(case: CaseFiles) -> tuple[Image, LabelMap]:
    return read_case(case)
