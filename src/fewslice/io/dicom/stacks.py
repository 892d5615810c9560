"""Stacks of slices in files: what may be one volume, what is no slice, what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from fewslice.errors import FewsliceError, ReadError
from fewslice.io.dicom.files import Dataset, dicom_files, read_header
from fewslice.io.dicom.kinds import kind_of, require_no_labels
from fewslice.io.dicom.series import Slice, is_colour, series_of, slices_of

# Cosines and spacings are rounded, and differ a little between slices: up to here they are one
# volume's. What that comes to in voxels is judged with its grid.
SAME_DIRECTION = 0.02
SAME_SPACING = 1e-3
SAME_POSITION = 1e-3  # mm

_APART = 1.5  # steps between slices from which on two stacks are no single one


@dataclass(frozen=True, eq=False)
class FolderContents:
    """What is in a folder.

    stacks: slices that share series, plane, matrix and spacing. unusable: the series of images that
    are no slices, and why; "" instead of a series where none can lack them as slices. broken: files
    that cannot be read, and why.
    """

    stacks: list[list[Slice]]
    unusable: list[tuple[str, FewsliceError]]
    broken: list[tuple[Path, FewsliceError]]


def find_stacks(files: list[Path], only: str | None = None) -> FolderContents:
    """Return what files hold; what is wrong with one of them is kept there, not raised.

    only: UID of the series to look at.
    """
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
            apart = _is_picture(dataset) or kind_of(dataset) is not None
            uid = "" if apart else series_of(dataset).uid
            unusable.append((uid, error))
    return FolderContents(grouped(slices), unusable, broken)


def own_slices(path: Path) -> list[Slice]:
    """Return the slices of a file, and of those beside it that go on where it ends.

    Raises ReadError where the file holds no image, and what its slices are refused for.
    """
    dataset = read_header(path)
    require_no_labels(path, dataset)
    if "Rows" not in dataset:
        raise ReadError(f"{path} is a DICOM file without an image; expected CT, MR or OCT slices.")
    own = slices_of(path, dataset)
    if own[0].concatenation:
        found = slices_beside(path, own[0])
        own += [part for stack in found.stacks for part in stack if _continues(part, own[0])]
    return own


def _continues(part: Slice, first: Slice) -> bool:
    """Whether a slice is in another file of a concatenation."""
    return part.concatenation == first.concatenation and part.instance != first.instance


def slices_beside(path: Path, own: Slice) -> FolderContents:
    """Return what else of a series lies beside one of its files; if none does and the file is a
    link, beside what it links to.
    """
    others = [each for each in dicom_files(path.parent, nested=False) if each != path]
    found = find_stacks(others, only=own.series.uid)
    if found.stacks or not path.is_symlink():
        return found
    target = path.resolve()
    others = [each for each in dicom_files(target.parent, nested=False) if each != target]
    return find_stacks(others, only=own.series.uid)


def _is_picture(dataset: Dataset) -> bool:
    """Whether an image is a screenshot or the like, whatever series it says it belongs to."""
    kind = str(getattr(dataset.get("SOPClassUID", ""), "name", ""))
    return is_colour(dataset) or "Secondary Capture" in kind


def grouped(slices: list[Slice]) -> list[list[Slice]]:
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
