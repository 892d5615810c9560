"""Zeiss Cirrus .img: bytes without a header; the name of the file tells what they are.

B-scans follow each other, each from its last row to the first and from its last column to the
first, as the readers of several groups have it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.oct.info import NOMINAL, OctInfo, OctVolume
from fewslice.io.oct.raster import image_of
from fewslice.volumes.image import Image

_DEPTH = 1024  # rows
_SIZE_MM = (6.0, 2.0, 6.0)  # what a macular or disc cube spans: A-scans, depth, B-scans
_CUBES = ((512, 128), (200, 200))  # A-scans, B-scans
_NAMED = re.compile(r"(?P<along>\d{2,4})\s*x\s*(?P<across>\d{1,4})", re.IGNORECASE)
_EYE = re.compile(r"(?<![A-Za-z])O([DS])(?![A-Za-z])")


def find(path: Path) -> tuple[OctVolume, ...]:
    """Return the volume of a file. Raises ReadError."""
    return (OctVolume(f"cube of {path.name}", partial(_read, path)),)


def _read(path: Path) -> Image:
    along, across = _matrix(path)
    data = np.fromfile(path, np.uint8).reshape(across, _DEPTH, along)
    eye = _EYE.search(path.name)
    info = OctInfo(
        device="Zeiss .img",
        laterality={"D": "R", "S": "L"}[eye[1]] if eye else "",
        spacing_from=(NOMINAL, NOMINAL, NOMINAL),
        remarks=(
            Remark(
                "oct-spacing-nominal",
                "The file stores no spacing; a cube of 6 x 6 mm and 2 mm of depth is assumed: give "
                "the right one with --spacing.",
            ),
            Remark(
                "oct-directions-assumed",
                "The file does not say in which direction B-scans follow each other; they are "
                "taken to run from top to bottom.",
            ),
        ),
    )
    sizes = zip(_SIZE_MM, (along, _DEPTH, across), strict=True)
    i, j, k = (length / count for length, count in sizes)
    return image_of(path, data[:, ::-1, ::-1].transpose(2, 1, 0), (i, j, k), info)


def _matrix(path: Path) -> tuple[int, int]:
    """Return how many A-scans a B-scan has and how many B-scans there are.

    By the name of the file, else by its size. Raises ReadError if neither fits.
    """
    size = path.stat().st_size
    named = _NAMED.search(path.name)
    told = [(int(named["along"]), int(named["across"]))] if named else list(_CUBES)
    fitting = [each for each in told if each[0] * each[1] * _DEPTH == size]
    if not fitting:
        cubes = " or ".join(f"{along}x{across}" for along, across in told)
        raise ReadError(
            f"{path} holds {size} bytes; expected a cube of {cubes} A-scans with {_DEPTH} bytes "
            "each: name the file as it was exported, with its matrix such as 512x128."
        )
    return fitting[0]
