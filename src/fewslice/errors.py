"""The errors of fewslice: one small hierarchy.

Each message is one sentence that says what was found, what was expected and what to do. The
command line prints it on standard error and exits with code 2; it never shows a traceback for one
of these.

A `Remark` is their milder kin: it is returned beside an answer, not raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    labels: those that the sentence speaks of, by the numbers they have inside fewslice.
    """

    code: str
    labels: tuple[int, ...]
    _sentence: str

    def __new__(cls, code: str, sentence: str, labels: Iterable[int] = ()) -> Remark:
        """Return the sentence with its code. With labels it has a `{}` for each of them."""
        labels = tuple(labels)
        remark = super().__new__(cls, sentence.format(*labels) if labels else sentence)
        remark.code = code
        remark.labels = labels
        remark._sentence = sentence
        return remark

    def __reduce__(self) -> tuple[type[Remark], tuple[str, str, tuple[int, ...]]]:
        """Return what a copy or another process makes the remark anew from."""
        return Remark, (self.code, self._sentence, self.labels)

    def calling(self, call: Callable[[int], str]) -> Remark:
        """Return the remark with its labels called as a person does."""
        if not self.labels:
            return self
        return Remark(self.code, self._sentence.format(*map(call, self.labels)))

    def after(self, words: str) -> Remark:
        """Return the remark with words before it, such as the scan it is about."""
        if self.labels:
            words = words.replace("{", "{{").replace("}", "}}")
        return Remark(self.code, words + self._sentence, self.labels)


def codes_of(remarks: Iterable[str]) -> frozenset[str]:
    """Return the codes of those remarks that have one."""
    return frozenset(each.code for each in remarks if isinstance(each, Remark))


def without(remarks: Iterable[Said], code: str) -> tuple[Said, ...]:
    """Return remarks but for those of a code, such as one that a person's choice has settled."""
    return tuple(each for each in remarks if getattr(each, "code", None) != code)
