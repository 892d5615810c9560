"""What was found out about voxels, kept with a scan that is asked about again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


Found = TypeVar("Found", bound=_Sized)


@dataclass(frozen=True, eq=False)
class Memo:
    """What was computed from parts of an array, by where in memory they lie.

    array: whose voxels must not change meanwhile. It is held here, so that no other array can come
    to lie in its place.
    """

    array: npt.NDArray[Any]
    _found: dict[tuple[object, ...], Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """How much memory takes what was found; without the array, which is its owner's."""
        return sum(each.nbytes for each in list(self._found.values()))

    def of(self, part: npt.NDArray[Any], what: object, compute: Callable[[], Found]) -> Found:
        """Return what was computed of a part before, or compute it.

        part: a view of the array; of any other array nothing is kept. what: is computed; hashable.
        An array that is kept cannot be written any more.
        """
        low, high = byte_bounds(self.array)
        start, end = byte_bounds(part)
        if not low <= start <= end <= high:
            return compute()
        place = part.__array_interface__["data"][0]
        key = (what, place, part.shape, part.strides, part.dtype.str)
        if key not in self._found:
            found = compute()
            if isinstance(found, np.ndarray):
                found.setflags(write=False)
            self._found[key] = found
        kept: Found = self._found[key]
        return kept
