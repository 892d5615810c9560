"""What was drawn in a session, as one file: numbers only, nothing that runs when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from fewslice.annotation.drawing import Drawing
from fewslice.errors import InputError, ReadError, WriteError
from fewslice.io import atomic_path
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.ignore_label import Numbering

_VERSION = 1
_USUAL = Numbering()
_TOLERANCE = 1e-3  # mm


def write_drawing(
    path: Path, drawing: Drawing, geometry: Geometry, numbers: Numbering = _USUAL
) -> None:
    """Write a drawing with the grid it lies on, and how it numbers labels. Raises WriteError."""
    if path.suffix != ".npz":
        raise WriteError(f"{path} does not end with .npz; choose a name that does.")
    arrays: dict[str, npt.NDArray[Any]] = {
        f"slice {number}": each.labels for number, each in enumerate(drawing.slices)
    }
    arrays |= {
        "version": np.array(_VERSION),
        "shape": np.array(drawing.shape),
        "affine": geometry.affine,
        "sure": np.array([each.sure for each in drawing.slices], dtype=bool),
        "places": np.array([each.place for each in drawing.slices]).reshape(-1, 2),
        "present": np.array(sorted(drawing.present)).reshape(-1, 2),
        "numbering": np.array([numbers.ignored or 0, numbers.stand_in or 0]),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_drawing(path: Path, geometry: Geometry, numbers: Numbering = _USUAL) -> Drawing:
    """Read a drawing that was made on this grid, in these numbers. Raises ReadError."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _drawing(arrays, path, geometry, numbers)
    except FileNotFoundError as error:
        raise ReadError(f"{path} does not exist.") from error
    except (OSError, BadZipFile, ValueError, KeyError, EOFError, TypeError, InputError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path} is not a file of drawn slices, or is damaged; expected one that a session "
            "saved."
        ) from error


def _drawing(
    arrays: dict[str, npt.NDArray[Any]], path: Path, geometry: Geometry, numbers: Numbering
) -> Drawing:
    version = int(arrays["version"])
    if version != _VERSION:
        raise ReadError(
            f"{path} is of version {version}; this fewslice reads version {_VERSION}: install the "
            "one that wrote it."
        )
    same = tuple(arrays["shape"].tolist()) == geometry.shape
    if not same or not np.allclose(arrays["affine"], geometry.affine, atol=_TOLERANCE):
        raise ReadError(
            f"{path} was drawn on another grid, of {tuple(arrays['shape'].tolist())} voxels; "
            f"expected {geometry.shape} and the same position: load it beside its own scan."
        )
    written = _numbering(arrays)
    if written.ignored != numbers.ignored:
        raise ReadError(
            f"{path} was drawn with ignore_label={written.ignored}, the session has "
            f"{numbers.ignored}; open it in a session with the same."
        )
    drawing = Drawing(geometry.shape)
    places = arrays["places"].tolist()
    sure = arrays["sure"].tolist() if "sure" in arrays else [True] * len(places)
    for number, ((axis, index), whole) in enumerate(zip(places, sure, strict=True)):
        labels = numbers.inside_array(written.outside(arrays[f"slice {number}"]))
        drawing = drawing.drawn((axis, index), labels, sure=whole)
    for axis, index in arrays["present"].tolist():
        drawing = drawing.said_present((axis, index))
    return drawing


def _numbering(arrays: dict[str, npt.NDArray[Any]]) -> Numbering:
    """Return how the labels of a file are numbered; before there was a choice, 255 was ignored."""
    if "numbering" not in arrays:
        return Numbering()
    ignored, stand_in = (int(number) or None for number in arrays["numbering"])
    return Numbering(ignored, stand_in)
