"""The file formats by their suffix."""

from __future__ import annotations

from pathlib import Path

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
"""Suffixes of single volumes that can be read and written; of DICOM only labels can be written."""

DICOM_LABELS = ".dcm"
"""Suffix of labels in DICOM, which are written with the series that they belong to."""

LABEL_SUFFIXES = (*VOLUME_SUFFIXES, DICOM_LABELS)
"""Suffixes that labels can be written with."""


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case; ".nii.gz" counts as one suffix."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def listed(suffixes: tuple[str, ...]) -> str:
    """Return suffixes as text for a message, such as ".nii, .mha or .nrrd"."""
    *first, last = suffixes
    return f"{', '.join(first)} or {last}" if first else last
