"""Which of the images in a folder are meant: the only volume, or the one a person chose."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from fewslice.errors import FewsliceError, InputError, ReadError, Remark
from fewslice.io.dicom.files import (
    Dataset,
    dicom_files,
    files_within,
    read_header,
    series_named,
)
from fewslice.io.dicom.series import Slice, is_colour, series_of, slices_of
from fewslice.io.formats import is_packed

# Cosines and spacings are rounded, and differ a little between slices: up to here they are one
# volume's. What that comes to in voxels is judged with its grid.
SAME_DIRECTION = 0.02
SAME_SPACING = 1e-3
SAME_POSITION = 1e-3  # mm

_MOST_LISTED = 12
_APART = 1.5  # steps between slices from which on two stacks are no single one


@dataclass(frozen=True, eq=False)
class Found:
    """What is in a folder.

    stacks: slices that share series, plane, matrix and spacing. unusable: the series of images that
    are no slices, and why. broken: files that cannot be read, and why.
    """

    stacks: list[list[Slice]]
    unusable: list[tuple[str, FewsliceError]]
    broken: list[tuple[Path, FewsliceError]]


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
        own = _own_slices(path)
        slices = own if len(own) > 1 else _choose(path, None)[0]
        return sorted({part.file for part in slices})
    return [path]


def _choose(path: Path, wanted: int | str | None) -> tuple[list[Slice], tuple[Remark, ...]]:
    if path.is_file():
        return _of_file(path, wanted)
    found = _find(dicom_files(path))
    if found.broken and not found.stacks:
        raise found.broken[0][1]
    if not found.stacks:
        raise found.unusable[0][1] if found.unusable else _empty(path)
    stack = _only(path, found.stacks) if wanted is None else _wanted(path, found.stacks, wanted)
    _require_complete(stack, found)
    return stack, (*_left_out(path, found, stack), *_incomplete(path, stack))


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
    own = _own_slices(path)
    stacks = _grouped(own)
    if wanted is not None and len(_volumes(stacks)) == 1:
        raise InputError(
            f"A series was chosen, but {path} is a file, which stands for its own series; give the "
            "folder, or leave out --series."
        )
    if len(own) == 1 and own[0].series.uid:
        return _series_around(path, own[0])
    stack = _only(path, stacks) if wanted is None else _wanted(path, stacks, wanted)
    return stack, (*_left_out(path, Found(stacks, [], []), stack), *_incomplete(path, stack))


def _own_slices(path: Path) -> list[Slice]:
    """Return the slices of a file, and of those beside it that go on where it ends."""
    dataset = read_header(path)
    if "Rows" not in dataset:
        raise ReadError(f"{path} is a DICOM file without an image; expected CT, MR or OCT slices.")
    own = slices_of(path, dataset)
    if own[0].concatenation:
        found = _beside(path, own[0])
        own += [part for stack in found.stacks for part in stack if _continues(part, own[0])]
    return own


def _continues(part: Slice, first: Slice) -> bool:
    """Whether a slice is in another file of a concatenation."""
    return part.concatenation == first.concatenation and part.instance != first.instance


def _series_around(path: Path, own: Slice) -> tuple[list[Slice], tuple[Remark, ...]]:
    """Return the slices of a series, from the files beside one of them."""
    found = _beside(path, own)
    stacks = _grouped([own, *(part for stack in found.stacks for part in stack)])
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


def _beside(path: Path, own: Slice) -> Found:
    """Return what else of a series lies beside one of its files; if none does and the file is a
    link, beside what it links to.
    """
    others = [each for each in dicom_files(path.parent, nested=False) if each != path]
    found = _find(others, only=own.series.uid)
    if found.stacks or not path.is_symlink():
        return found
    target = path.resolve()
    others = [each for each in dicom_files(target.parent, nested=False) if each != target]
    return _find(others, only=own.series.uid)


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


def _find(files: list[Path], only: str | None = None) -> Found:
    """Return what files hold. only: UID of the series to look at."""
    slices: list[Slice] = []
    unusable: list[tuple[str, FewsliceError]] = []
    broken: list[tuple[Path, FewsliceError]] = []
    for file in files:
        try:
            dataset = read_header(file)
        except ReadError as error:
            broken.append((file, error))
            continue
        if "Rows" not in dataset or (only is not None and series_of(dataset).uid != only):
            continue
        try:
            slices += slices_of(file, dataset)
        except FewsliceError as error:
            uid = "" if _is_picture(dataset) else series_of(dataset).uid
            unusable.append((uid, error))
    return Found(_grouped(slices), unusable, broken)


def _is_picture(dataset: Dataset) -> bool:
    """Whether an image is a screenshot or the like, whatever series it says it belongs to."""
    kind = str(getattr(dataset.get("SOPClassUID", ""), "name", ""))
    return is_colour(dataset) or "Secondary Capture" in kind


def _grouped(slices: list[Slice]) -> list[list[Slice]]:
    """Group slices by series, plane, matrix and spacing; the first of a group stands for it."""
    stacks: list[list[Slice]] = []
    for part in slices:
        home = next((stack for stack in stacks if _alike(stack[0], part)), None)
        if home is None:
            stacks.append([part])
        else:
            home.append(part)
    return sorted((part for stack in stacks for part in _apart(stack)), key=_place_in_list)


def _apart(slices: list[Slice]) -> list[list[Slice]]:
    """Split slices by the stacks that a file puts them into, where these lie apart in space.

    Stacks may also number time points, or the halves of what was acquired in turns.
    """
    groups = [
        [part for part in slices if part.stack == name]
        for name in sorted({part.stack for part in slices})
    ]
    if len(groups) == 1 or min(len(group) for group in groups) == 1:
        return [slices]
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    heights = sorted(
        (np.sort([part.position @ normal for part in group]) for group in groups), key=min
    )
    widest = max(float(np.diff(each).max()) for each in heights)
    between = [upper[0] - lower[-1] for lower, upper in pairwise(heights)]
    return groups if min(between) > _APART * widest else [slices]


def _alike(one: Slice, other: Slice) -> bool:
    return bool(
        one.series.uid == other.series.uid
        and one.matrix == other.matrix
        and one.localizer == other.localizer
        # Where positions are not stored, those of another file mean nothing beside them.
        and (one.file == other.file or not (one.laid_out or other.laid_out))
        and np.allclose(one.spacing, other.spacing, rtol=SAME_SPACING, atol=0)
        and np.abs(one.orientation - other.orientation).max() <= SAME_DIRECTION
    )


def _place_in_list(stack: list[Slice]) -> tuple[float, str, str]:
    first = stack[0]
    number = first.series.number
    return (np.inf if number is None else number, first.series.uid, str(first.file))


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


def _wanted(path: Path, stacks: list[list[Slice]], wanted: int | str) -> list[Slice]:
    """Return the volume of a number in the list, or of a series."""
    volumes = _volumes(stacks)
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


def _require_complete(stack: list[Slice], found: Found) -> None:
    """Raise what is wrong with an image of the same series: a slice may be missing otherwise."""
    own = stack[0].series.uid
    for file, error in found.broken:
        if series_named(file) in ("", own):
            raise error
    for uid, error in found.unusable:
        if uid and uid == own:
            raise error


def _left_out(path: Path, found: Found, stack: list[Slice]) -> tuple[Remark, ...]:
    """Say what else is in a folder."""
    others = [_named(each) for each in found.stacks if each is not stack]
    if found.unusable:
        many = f"{len(found.unusable)} that are no slices, such as screenshots"
        one = "1 that is no slice, such as a screenshot"
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
