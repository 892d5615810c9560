"""What a structure is called in DICOM: its name, its colour, and its code in SNOMED CT."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableSequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fewslice.volumes.colours import Colour, structure_colour

Code = Any  # pydicom's codes have no static types

# Categories (CID 7150) with the context groups of the types that belong to each, best first.
_CATEGORIES = (
    ("AnatomicalStructure", 7192),
    ("MorphologicallyAbnormalStructure", 7194),
    ("Tissue", 7191),
    ("BodySubstance", 7197),
    ("PhysicalObject", 7193),
)
_ALIASES = {"tumor": "neoplasm", "tumour": "neoplasm", "vertebrae": "vertebra"}
_SIDES = {"left": "Left", "right": "Right"}
_LONGEST = 64  # characters of a label in DICOM


@dataclass(frozen=True)
class Segment:
    """One structure to write. colour: red, green and blue, 0 to 1."""

    value: int
    name: str
    colour: Colour


@dataclass(frozen=True)
class SnomedCodes:
    """What a segment is. side: left or right, None if the name does not say. known: the name."""

    category: Code
    type: Code
    side: Code | None
    known: bool = True


def segments_of(
    values: tuple[int, ...], names: Mapping[int, str], colours: Mapping[int, Colour]
) -> tuple[Segment, ...]:
    """Return the structures to write, in the order of their labels, by names that DICOM allows."""
    return tuple(
        Segment(
            value,
            _as_label(names.get(value, "")) or f"Structure {value}",
            colours.get(value, structure_colour(number)),
        )
        for number, value in enumerate(values)
    )


def _as_label(name: str) -> str:
    """Return a name as DICOM can hold it: a backslash would make two values of it."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", name).replace("\\", "/").strip()[:_LONGEST]


def label_text(value: Any) -> str:
    """Return what a file calls a structure; a backslash made several values of it."""
    several = value if isinstance(value, MutableSequence) else [value]
    return "\\".join(str(part or "") for part in several).strip()


def snomed_codes(name: str) -> SnomedCodes:
    """Return the codes of a structure by its English name, "Tissue" if it is not known.

    "Left kidney", "kidney_left" and "Kidneys" are found as "Kidney", with the side beside it.
    """
    from pydicom.sr.codedict import codes

    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    side = next((_SIDES[word] for word in words if word in _SIDES), None)
    found = _known().get(" ".join(words))
    if found is not None:
        return SnomedCodes(*found, None)
    rest = " ".join(word for word in words if word not in _SIDES)
    rest = _ALIASES.get(rest.removesuffix("s"), _ALIASES.get(rest, rest))
    known = _known().get(rest) or _known().get(rest.removesuffix("s"))
    if known is None:
        return SnomedCodes(codes.SCT.Tissue, codes.SCT.Tissue, None, known=False)
    return SnomedCodes(*known, getattr(codes.SCT, side) if side else None)


@cache
def _known() -> dict[str, tuple[Code, Code]]:
    """Return names in lower case with their category and type."""
    from pydicom.sr.codedict import codes

    known: dict[str, tuple[Code, Code]] = {}
    for category, group in _CATEGORIES:
        for keyword, code in getattr(codes, f"cid{group}").concepts.items():
            plain = re.findall(r"[a-z0-9]+", code.meaning.lower())
            spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword).lower()
            for name in (" ".join(plain), spelled):
                known.setdefault(name, (getattr(codes.SCT, category), code))
    return known
