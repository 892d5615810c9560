"""Which of the images in a folder are meant: the only volume, or the one a person chose."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from fewslice.errors import FewsliceError, InputError, ReadError, Remark
from fewslice.io.dicom.files import dicom_files, files_within, series_named
from fewslice.io.dicom.series import Slice
from fewslice.io.dicom.stacks import (
    SAME_POSITION,
    FolderContents,
    find_stacks,
    grouped,
    own_slices,
    slices_beside,
)
from fewslice.io.formats import is_packed

_MOST_LISTED = 12


def choose(path: Path, wanted: int | str | None) -> tuple[list[Slice], tuple[Remark, ...]]:
    """Return the slices that are meant, in no particular order, and what to say of the choice.

    path: a folder, or a file, which stands for its series. wanted: number of a volume as listed, or
    UID of a series or the end of it. Raises ReadError or InputError.
    """
    # pydicom warns of every value that breaks a rule; those that matter are checked here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _choose(path, wanted)


def series_files(path: Path) -> list[Path]:
    """Return the files that reading a file takes, by path: all of its series, or itself alone."""
    with suppress(FewsliceError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = own_slices(path)
        slices = own if len(own) > 1 else _choose(path, None)[0]
        return sorted({part.file for part in slices})
    return [path]


def _choose(path: Path, wanted: int | str | None) -> tuple[list[Slice], tuple[Remark, ...]]:
    if path.is_file():
        return _of_file(path, wanted)
    found = find_stacks(dicom_files(path))
    if found.broken and not found.stacks:
        raise found.broken[0][1]
    if not found.stacks:
        raise _why_unusable(found) or _empty(path)
    stack = _only(path, found.stacks) if wanted is None else _wanted(path, found, wanted)
    _require_complete(stack, found)
    return stack, (*_left_out(path, found, stack), *_incomplete(path, stack))


def _why_unusable(found: FolderContents) -> FewsliceError | None:
    """Return what is wrong with images, first with those that are no pictures or labels beside."""
    ordered = sorted(found.unusable, key=lambda each: not each[0])
    return ordered[0][1] if ordered else None


def _empty(folder: Path) -> ReadError:
    packed = next((each for each in files_within(folder) if is_packed(each)), None)
    todo = (
        "point at their folder, or at the file for another format"
        if packed is None
        else f"unpack what is in it, such as {packed.name}"
    )
    return ReadError(
        f"{folder} holds no DICOM images; expected the files of one CT, MR or OCT series: {todo}."
    )


def _of_file(path: Path, wanted: int | str | None) -> tuple[list[Slice], tuple[Remark, ...]]:
    """Return the slices of the series that a file belongs to, or of the volume within it."""
    own = own_slices(path)
    stacks = grouped(own)
    if wanted is not None and len(_volumes(stacks)) == 1:
        raise InputError(
            f"A series was chosen, but {path} is a file, which stands for its own series; give the "
            "folder, or leave out --series."
        )
    if len(own) == 1 and own[0].series.uid:
        return _series_around(path, own[0])
    found = FolderContents(stacks, [], [])
    stack = _only(path, stacks) if wanted is None else _wanted(path, found, wanted)
    return stack, (*_left_out(path, found, stack), *_incomplete(path, stack))


def _series_around(path: Path, own: Slice) -> tuple[list[Slice], tuple[Remark, ...]]:
    """Return the slices of a series, from the files beside one of them."""
    found = slices_beside(path, own)
    stacks = grouped([own, *(part for stack in found.stacks for part in stack)])
    stack = next(stack for stack in stacks if any(part.file == path for part in stack))
    remarks = []
    if len(stack) > 1:
        remarks.append(
            Remark(
                "file-of-series",
                f"{path} is one of {len(stack)} slices of its series, and all of them are read.",
            )
        )
    if found.broken:
        remarks.append(
            Remark(
                "files-unreadable",
                f"{len(found.broken)} files beside {path} cannot be read (such as "
                f"{found.broken[0][0].name}); if they belong to its series, copy them again.",
            )
        )
    return stack, tuple(remarks)


def _incomplete(path: Path, stack: list[Slice]) -> tuple[Remark, ...]:
    """Say that files of a concatenation are missing."""
    there, parts = len({part.file for part in stack}), stack[0].parts
    if not stack[0].concatenation or there >= parts:
        return ()
    return (
        Remark(
            "concatenation-incomplete",
            f"{path} holds {there} of the {parts} files that its frames were written to, so slices "
            "may be missing at its ends: copy the others beside it.",
        ),
    )


def _is_volume(stack: list[Slice]) -> bool:
    """Whether slices lie at more than one place."""
    away = [np.abs(part.position - stack[0].position).max() for part in stack]
    return bool(max(away) > SAME_POSITION)


def _volumes(stacks: list[list[Slice]]) -> list[list[Slice]]:
    """Return the stacks that can be meant: volumes, if there are any; localizers come last."""
    volumes = [stack for stack in stacks if _is_volume(stack)] or stacks
    return [stack for stack in volumes if not stack[0].localizer] or volumes


def _only(path: Path, stacks: list[list[Slice]]) -> list[Slice]:
    volumes = _volumes(stacks)
    if len(volumes) == 1:
        return volumes[0]
    others = "" if path.is_file() else " (or the UID of its series), or point at one of its files"
    raise ReadError(
        f"{path} holds {len(volumes)} volumes: {_listed(volumes)}; expected one: choose it with "
        f"--series NUMBER{others}."
    )


def _wanted(path: Path, found: FolderContents, wanted: int | str) -> list[Slice]:
    """Return the volume of a number in the list, or of a series."""
    stacks, volumes = found.stacks, _volumes(found.stacks)
    text = str(wanted).strip()
    if text.isdecimal() and 1 <= int(text) <= len(volumes):
        return volumes[int(text) - 1]
    fitting = [] if len(text) < 2 else [s for s in stacks if s[0].series.uid.endswith(text)]
    exact = [stack for stack in fitting if stack[0].series.uid == text]
    chosen = _volumes(exact or fitting) if fitting else []
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise InputError(
            f"{len(chosen)} of the volumes in {path} have a series UID that ends with {text}; "
            f"choose one by its number: {_listed(volumes)}."
        )
    for uid, error in found.unusable:
        if len(text) > 1 and uid.endswith(text):
            raise error
    raise InputError(
        f"There is no series {text!r} in {path}; choose one by its number or UID: "
        f"{_listed(volumes)}."
    )


def _listed(volumes: list[list[Slice]]) -> str:
    lines = [f"{number}: {_named(stack)}" for number, stack in enumerate(volumes, 1)]
    more = len(lines) - _MOST_LISTED
    return "; ".join(lines[:_MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _named(stack: list[Slice]) -> str:
    series, (rows, columns) = stack[0].series, stack[0].matrix
    count = f"{len(stack)} {'slice' if len(stack) == 1 else 'slices'}"
    return (
        f"'{series.description or 'without description'}' ({series.modality or 'no modality'}, "
        f"{count} of {columns}x{rows}, UID ending {series.uid[-12:] or 'unknown'})"
    )


def _require_complete(stack: list[Slice], found: FolderContents) -> None:
    """Raise what is wrong with an image of the same series: a slice may be missing otherwise."""
    own = stack[0].series.uid
    for file, error in found.broken:
        if series_named(file) in ("", own):
            raise error
    for uid, error in found.unusable:
        if uid and uid == own:
            raise error


def _left_out(path: Path, found: FolderContents, stack: list[Slice]) -> tuple[Remark, ...]:
    """Say what else is in a folder."""
    others = [_named(each) for each in found.stacks if each is not stack]
    if found.unusable:
        kinds = "screenshots, segmentations or mosaics"
        many = f"{len(found.unusable)} that are no slices, such as {kinds}"
        one = "1 that is no slice, such as a screenshot, a segmentation or a mosaic"
        others.append(one if len(found.unusable) == 1 else many)
    if found.broken:
        others.append(f"{len(found.broken)} of other series that cannot be read")
    if not others:
        return ()
    shown = "; ".join(others[:_MOST_LISTED])
    return (
        Remark(
            "series-left-out",
            f"Of the images in {path}, {_named(stack)} is read; left out: {shown}.",
        ),
    )
