"""A scan as a file, and how the command line refuses."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

from fewslice.cli.main import run

SHAPE = (20, 18, 12)
AFFINE = np.diag([-1.0, 1.0, 2.5, 1.0])
DRAWN = (3, 6, 9)


def truth() -> npt.NDArray[np.uint8]:
    i, j, k = np.indices(SHAPE)
    inside: npt.NDArray[np.bool_] = (i - 9) ** 2 + (j - 8) ** 2 + (2 * (k - 6)) ** 2 < 49
    return inside.astype(np.uint8)


def save(path: Path, array: npt.NDArray[np.generic], affine: object = AFFINE) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run, check that it is refused as everything is refused, and return the sentence."""
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("fewslice: ")
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err
    return shown.err
