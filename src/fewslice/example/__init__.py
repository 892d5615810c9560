"""A small real scan with labels drawn on it, for a first try, the documentation and the tests.

The scan is the left deep grey matter of one man's T1-weighted MRI (Colin27), 54 x 84 x 70 voxels
of 1 mm, uint8; the labels are four structures of the AAL atlas, which was drawn on that scan.
Origin and licence: README.md and LICENSE in this folder.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path


def scan_path() -> Path:
    """Return the path of the scan, a compressed NIfTI file (uint8 intensities without a unit)."""
    return _path("scan.nii.gz")


def labels_path() -> Path:
    """Return the path of the labels, a compressed NIfTI file (uint8, 0 background) on its grid."""
    return _path("labels.nii.gz")


def label_names() -> dict[int, str]:
    """Return the name of each label value, ascending; the background is not in it."""
    names = json.loads(_path("labels.json").read_text(encoding="utf-8"))
    return {int(value): name for value, name in names.items()}


def _path(name: str) -> Path:
    # The package is always unpacked on disk: its files are read by path, also by ITK.
    return Path(str(files(__name__) / name))
