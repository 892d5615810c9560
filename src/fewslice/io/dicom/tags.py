"""Values of DICOM elements, wherever in a header they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fewslice.errors import GeometryError
from fewslice.io.dicom.files import Dataset


def places(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    """Yield where a value may stand: groups of the frame, groups of all frames, the file itself."""
    yield from own_places(dataset, frame)
    for group in dataset.get("SharedFunctionalGroupsSequence", [])[:1]:
        yield from _items(group)
    yield dataset


def own_places(dataset: Dataset, frame: int) -> Iterator[Dataset]:
    """Yield where a value may stand that belongs to one frame alone."""
    for group in dataset.get("PerFrameFunctionalGroupsSequence", [])[frame : frame + 1]:
        yield from _items(group)


def _items(group: Dataset) -> Iterator[Dataset]:
    for element in group:
        if element.VR == "SQ":
            yield from element.value[:1]


def required(file: Path, where: list[Dataset], tag: str, count: int) -> list[float]:
    """Return numbers that a slice cannot do without. Raises GeometryError."""
    found = numbers(where, tag, count)
    if not found:
        raise GeometryError(
            f"{file} has no {tag} of {count} finite numbers, so its place in the patient is "
            "unknown; expected original CT, MR or OCT slices: export them again."
        )
    return found


def numbers(where: list[Dataset], tag: str, count: int) -> list[float]:
    """Return the values of a tag at the first place that has it, [] if they are not usable."""
    found = next((place.get(tag) for place in where if tag in place), None)
    if found is None or found == "":
        return []
    values = [found] if isinstance(found, (int, float)) else list(found)
    usable = [float(value) for value in values if value is not None and value != ""]
    return usable if len(usable) == count and np.isfinite(usable).all() else []


def text(dataset: Dataset, tag: str) -> str:
    """Return a value as text, "" if there is none."""
    return str(dataset.get(tag, "") or "").strip()


def words(where: list[Dataset], tag: str) -> str:
    r"""Return the values of a tag at the first place that has it, as DICOM writes them: A\B."""
    found = next((place.get(tag) for place in where if tag in place), None)
    values = [found] if isinstance(found, str) or found is None else list(found)
    return "\\".join(str(value or "").strip() for value in values)
