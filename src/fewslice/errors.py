"""The errors of fewslice: one small hierarchy.

Each message is one sentence that says what was found, what was expected and what to do. The
command line prints it on standard error and exits with code 2; it never shows a traceback for one
of these.

A `Remark` is their milder kin: it is returned beside an answer, not raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Said = TypeVar("Said", bound=str)


class FewsliceError(Exception):
    """Base of every error that fewslice raises on purpose."""


class InputError(FewsliceError):
    """What a person gave cannot be used: an option, an array, a label map, a name."""


class ReadError(InputError):
    """A file or folder is missing, unreadable, truncated or not what its name says."""


class GeometryError(InputError):
    """Geometry is impossible (singular affine, zero spacing) or does not match another one."""


class WriteError(FewsliceError):
    """An output cannot be written; whatever was there before is untouched."""


class ServerError(FewsliceError):
    """Another server cannot be reached, refuses, or answers otherwise than it should."""


class WeightsError(ReadError):
    """A file of network weights is missing, damaged, not the one expected, or does not fit."""


class NotFoundError(InputError):
    """A scan, slice, revision, person or job that was asked for is not in the project."""


class ConflictError(InputError):
    """Somebody else was first: a scan is open elsewhere, or its state has changed since."""


class AccessError(InputError):
    """Who asks is not known, or may not do that.

    wait: seconds after which another try is allowed; 0 at once.
    """

    def __init__(self, sentence: str, wait: float = 0.0) -> None:
        super().__init__(sentence)
        self.wait = wait


class TrainingError(FewsliceError):
    """Training cannot go on, such as when the loss is no longer a number."""


class Remark(str):
    """A sentence a person should read although nothing went wrong.

    code: a few words with hyphens that stay when the sentence is reworded; programs go by it.
    """

    code: str

    def __new__(cls, code: str, sentence: str) -> Remark:
        """Return the sentence with its code."""
        remark = super().__new__(cls, sentence)
        remark.code = code
        return remark

    def __reduce__(self) -> tuple[type[Remark], tuple[str, str]]:
        """Return what a copy or another process makes the remark anew from."""
        return Remark, (self.code, str(self))


def codes_of(remarks: Iterable[str]) -> frozenset[str]:
    """Return the codes of those remarks that have one."""
    return frozenset(each.code for each in remarks if isinstance(each, Remark))


def without(remarks: Iterable[Said], code: str) -> tuple[Said, ...]:
    """Return remarks but for those of a code, such as one that a person's choice has settled."""
    return tuple(each for each in remarks if getattr(each, "code", None) != code)
