"""Which label means "not looked at": 255, unless a person says otherwise.

Inside fewslice it is always 255. Where a person's 255 is a structure, that structure goes by a free
number next to 255 meanwhile, so that structures keep their order, and gets its own back at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import TypeVar

import numpy as np

from fewslice.errors import InputError, Remark
from fewslice.volumes.image import MAX_LABEL, UNKNOWN, LabelArray, LabelMap, structure_values

Sentence = TypeVar("Sentence", bound=str)

_HIGH = 200  # two structures above it, and the labels are those of a long table

IGNORE_NONE = "give --ignore-label none (in Python: ignore_label=None)"
"""How to say that 255 is a structure."""


@dataclass(frozen=True)
class Numbering:
    """How a person's labels are numbered inside fewslice.

    ignored: the label that means "not looked at"; None if there is none. stand_in: the number of
    the person's structure 255; None if there is none.
    """

    ignored: int | None = UNKNOWN
    stand_in: int | None = None

    def inside(self, labels: LabelMap) -> LabelMap:
        """Return a person's labels as fewslice numbers them.

        Raises InputError if they hold the number that stands in for 255.
        """
        array = self.inside_array(labels.array)
        return labels if array is labels.array else labels.with_array(array)

    def inside_array(self, labels: LabelArray) -> LabelArray:
        """Return a person's labels, of any shape, as `inside` does."""
        if self == Numbering():
            return labels
        if self.stand_in is not None and (labels == self.stand_in).any():
            raise _taken(self.stand_in)
        array = labels.copy()
        if self.stand_in is not None and (labels == UNKNOWN).any():
            array = _wide_enough(array, self.stand_in)
            array[labels == UNKNOWN] = self.stand_in
        if self.ignored is not None:
            array[labels == self.ignored] = UNKNOWN
        return array

    def outside(self, labels: LabelArray) -> LabelArray:
        """Return labels of fewslice as the person numbers them."""
        if self.stand_in is None and self.ignored in (None, UNKNOWN):
            return labels
        array = labels.copy()
        if self.ignored is not None and (labels == UNKNOWN).any():
            array = _wide_enough(array, self.ignored)
            array[labels == UNKNOWN] = self.ignored
        if self.stand_in is not None:
            array[labels == self.stand_in] = UNKNOWN
        return array

    def fits(self, other: Numbering) -> bool:
        """Whether no structure goes by different numbers in two numberings."""
        stand_ins = {self.stand_in, other.stand_in} - {None}
        return len(stand_ins) < 2

    def value(self, inside: int) -> int:
        """Return the person's number of a structure."""
        return UNKNOWN if inside == self.stand_in else inside

    def told(self, remarks: Iterable[Sentence], names: Mapping[int, str]) -> tuple[Sentence, ...]:
        """Return remarks in which labels have the person's numbers, and names where known.

        names: by the person's numbers.
        """
        call = partial(self.called, names=names)
        return tuple(
            each.calling(call) if isinstance(each, Remark) else each  # type: ignore[misc]
            for each in remarks
        )

    def called(self, inside: int, names: Mapping[int, str]) -> str:
        """Return what to call a structure: the person's number, and the name where known."""
        value = self.value(inside)
        return f"{value} ({names[value]})" if names.get(value) else str(value)


def _wide_enough(array: LabelArray, value: int) -> LabelArray:
    return array.astype(np.uint16) if value > np.iinfo(array.dtype).max else array


def _taken(stand_in: int) -> InputError:
    return InputError(
        f"The labels hold {stand_in}, by which 255 goes inside here; give one of these structures "
        "another number."
    )


def open_numbering(ignore_label: int | None, *maps: LabelMap) -> Numbering:
    """Return a numbering for labels that are still being drawn, where 255 may turn up later.

    As `numbering`; 255 goes by 256 wherever that is free, since 254 is another structure where 255
    is one (in FreeSurfer's tables).
    """
    found = numbering(ignore_label, *maps)
    if ignore_label == UNKNOWN or found.stand_in is not None:
        return found
    taken = any((each.array == UNKNOWN + 1).any() for each in maps)
    return Numbering(ignore_label, UNKNOWN - 1 if taken else UNKNOWN + 1)


def numbering(ignore_label: int | None, *maps: LabelMap, stand_in: int | None = None) -> Numbering:
    """Return how labels are numbered inside fewslice.

    ignore_label: the label that means "not looked at", None if all are structures. maps: all that
    are used together. stand_in: the number by which a model knows the structure 255, None if it
    does not. Raises InputError if it is no label, or no number is free next to 255.
    """
    if stand_in is None and ignore_label == UNKNOWN:
        return Numbering()
    whole = isinstance(ignore_label, Integral)
    if ignore_label is not None and not (whole and 1 <= ignore_label <= MAX_LABEL):
        raise InputError(
            f"The label to ignore is {ignore_label!r}; choose one from 1 to 65,535, or none."
        )
    if stand_in is not None:
        return Numbering(ignore_label, stand_in)
    used = {value for each in maps for value in structure_values(each.array)}
    used.discard(ignore_label if ignore_label is not None else 0)
    if not any((each.array == UNKNOWN).any() for each in maps):
        return Numbering(ignore_label)
    free = [value for value in (UNKNOWN - 1, UNKNOWN + 1) if value not in used]
    if not free:
        raise InputError(
            "The labels hold 254, 255 and 256; give one of these structures another number, so "
            "that 255 can be told apart inside."
        )
    return Numbering(ignore_label, free[0])


def ignore_remarks(labels: LabelMap, ignore_label: int | None) -> tuple[Remark, ...]:
    """Say so where 255, which means "not looked at", has a name or is one of a long table.

    labels: a person's. Nothing where another label is to be ignored.
    """
    sign = _sign_of_structure(labels) if ignore_label == UNKNOWN else ""
    if not sign or not (labels.array == UNKNOWN).any():
        return ()
    return (
        Remark(
            "255-may-be-a-structure",
            f'{sign}: 255 counts as "not looked at" and is answered with other labels. If it is a '
            f"structure, {IGNORE_NONE}.",
        ),
    )


def _sign_of_structure(labels: LabelMap) -> str:
    """Return what tells that 255 may be a structure; "" if nothing does."""
    name = labels.names.get(UNKNOWN)
    if name:
        return f"The labels hold 255 and call it {name!r}, as a structure is called"
    high = [value for value in labels.values if value > _HIGH]
    if len(high) < 2 and UNKNOWN - 1 not in high:
        return ""
    return (
        f"The labels hold 255 beside {_listed(high)}, as those of a table with many structures do "
        "(FreeSurfer's, for one)"
    )


def nothing_drawn(
    labels: LabelArray,
    advice: str = "outline the structure on at least one slice",
    ignored: int | None = UNKNOWN,
) -> str:
    """Return the sentence for labels that hold no structure, with what to do about it.

    labels: as they are numbered inside. ignored: the person's own label for "not looked at".
    """
    what = "The label map holds no annotated slice"
    if not (labels == UNKNOWN).any():
        return f"{what} (every voxel is 0); {advice}."
    if ignored != UNKNOWN:
        return (
            f'{what} (every voxel is 0 or {ignored}, and {ignored} was said to mean "not looked '
            f'at"); {advice}, or choose another label to ignore if {ignored} is the structure.'
        )
    return (
        f'{what} (every voxel is 0 or 255, and 255 means "not looked at"); {advice}; if 255 is the '
        f"structure, as in a mask of 0 and 255, {IGNORE_NONE}, or write it as 1."
    )


def _listed(values: list[int]) -> str:
    shown = ", ".join(str(value) for value in values[:3])
    return shown if len(values) <= 3 else f"{shown} and others"
