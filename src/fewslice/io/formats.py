"""The file formats by their suffix: one table, from which every list of suffixes follows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """What a suffix stands for.

    reader, writer: the modules of `fewslice.io` whose `read` and `write` know it; None where it is
    not written. detached: whether voxels lie in a file of their own, which is written first.
    labels_only: whether it holds labels and nothing else. case: whether such a file in a folder of
    scans or labels is a volume of its own.
    """

    suffix: str
    reader: str
    writer: str | None = None
    detached: bool = False
    labels_only: bool = False
    case: bool = True

    def module(self, name: str | None) -> Any:
        """Return a module of `fewslice.io` by its name; it is loaded when a file needs it."""
        return import_module(f"fewslice.io.{name}")


SEGMENTATION_SUFFIX = ".seg.nrrd"
"""Suffix of 3D Slicer's segmentations: label maps with names and colours."""

FORMATS = (
    Format(".nii.gz", "nifti", "nifti"),
    Format(".nii", "nifti", "nifti"),
    Format(".mha", "metaimage", "metaimage"),
    Format(".mhd", "metaimage", "metaimage", detached=True),
    Format(".nrrd", "nrrd", "nrrd"),
    Format(".nhdr", "nrrd", "nrrd", detached=True),
    Format(SEGMENTATION_SUFFIX, "nrrd", "seg_nrrd", labels_only=True),
    Format(".mgz", "nibabel_formats"),
    Format(".mgh", "nibabel_formats"),
    Format(".npy", "npy"),
    Format(".hdr", "nibabel_formats"),
    Format(".img", "nibabel_formats", case=False),
    Format(".hdr.gz", "nibabel_formats"),
    Format(".img.gz", "nibabel_formats", case=False),
    Format(".png", "pictures", case=False),
    Format(".tif", "pictures"),
    Format(".tiff", "pictures"),
    Format(".ome.tif", "pictures"),
    Format(".ome.tiff", "pictures"),
    Format(".bmp", "pictures", case=False),
    Format(".jpg", "pictures", case=False),
    Format(".jpeg", "pictures", case=False),
)

BY_SUFFIX = {each.suffix: each for each in FORMATS}

VOLUME_SUFFIXES = tuple(each.suffix for each in FORMATS if each.writer and not each.labels_only)
"""Suffixes of single volumes that can be read and written."""

DICOM_LABELS = ".dcm"
"""Suffix of labels in DICOM, which are written with the series that they belong to."""

LABEL_SUFFIXES = tuple(each.suffix for each in FORMATS if each.writer)
"""Suffixes of label maps that can be read and written."""

WRITTEN_LABELS = (*LABEL_SUFFIXES, DICOM_LABELS)
"""Suffixes that labels can be written with."""

RESULT_ENDINGS = (".nii.gz", ".nii", ".mha", ".nrrd", ".seg.nrrd", ".dcm", "-rtstruct.dcm")
"""How names of results may end in a folder, after the name of their case."""

PAIR_SUFFIXES = tuple(each for each in BY_SUFFIX if each.startswith((".hdr", ".img")))
"""Suffixes of a header and voxels in two files: Analyze, and NIfTI as it began."""

PICTURE_SUFFIXES = tuple(each.suffix for each in FORMATS if each.reader == "pictures")
"""Suffixes of pictures, which make a volume if they are slices, pages or a folder of both."""

READ_SUFFIXES = tuple(BY_SUFFIX)
"""Suffixes that can be read, besides those of DICOM and of OCT devices."""

CASE_SUFFIXES = tuple(each.suffix for each in FORMATS if each.case)
"""Suffixes that a file in a folder of scans or labels has if it is a volume of its own."""

PACKED_SUFFIXES = (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
"""Suffixes of packed files, which have to be unpacked unless a format says otherwise."""

_OF_TWO_PARTS = tuple(each for each in BY_SUFFIX if each.count(".") == 2)


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case; ".nii.gz" and the like count as one suffix."""
    name = path.name.lower()
    return next((each for each in _OF_TWO_PARTS if name.endswith(each)), Path(name).suffix)


def is_packed(path: Path) -> bool:
    """Whether a file has to be unpacked before anything in it can be read."""
    return suffix_of(path) in PACKED_SUFFIXES


def listed(suffixes: tuple[str, ...]) -> str:
    """Return suffixes as text for a message, such as ".nii, .mha or .nrrd"."""
    *first, last = suffixes
    return f"{', '.join(first)} or {last}" if first else last
