"""The file formats by their suffix."""

from __future__ import annotations

from pathlib import Path

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")
"""Suffixes of single volumes that can be read and written."""

SEGMENTATION_SUFFIX = ".seg.nrrd"
"""Suffix of 3D Slicer's segmentations: label maps with names and colours."""

DICOM_LABELS = ".dcm"
"""Suffix of labels in DICOM, which are written with the series that they belong to."""

LABEL_SUFFIXES = (*VOLUME_SUFFIXES, SEGMENTATION_SUFFIX)
"""Suffixes of label maps that can be read and written."""

WRITTEN_LABELS = (*LABEL_SUFFIXES, DICOM_LABELS)
"""Suffixes that labels can be written with."""

RESULT_ENDINGS = (".nii.gz", ".nii", ".mha", ".nrrd", ".seg.nrrd", ".dcm", "-rtstruct.dcm")
"""How names of results may end in a folder, after the name of their case."""

PAIR_SUFFIXES = (".hdr", ".img", ".hdr.gz", ".img.gz")
"""Suffixes of a header and voxels in two files: Analyze, and NIfTI as it began."""

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
"""Suffixes of pictures, which make a volume if they are slices, pages or a folder of both."""

READ_SUFFIXES = (*LABEL_SUFFIXES, ".mgz", ".mgh", ".npy", *PAIR_SUFFIXES, *PICTURE_SUFFIXES)
"""Suffixes that can be read, besides those of DICOM."""

CASE_SUFFIXES = (
    *(*LABEL_SUFFIXES, ".mgz", ".mgh", ".npy", ".hdr", ".hdr.gz", ".tif", ".tiff", ".ome.tif"),
    ".ome.tiff",
)
"""Suffixes that a file in a folder of scans or labels has if it is a volume of its own."""

_OF_TWO_PARTS = (".nii.gz", ".seg.nrrd", ".hdr.gz", ".img.gz", ".ome.tif", ".ome.tiff")


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case; ".nii.gz" and the like count as one suffix."""
    name = path.name.lower()
    return next((each for each in _OF_TWO_PARTS if name.endswith(each)), Path(name).suffix)


def listed(suffixes: tuple[str, ...]) -> str:
    """Return suffixes as text for a message, such as ".nii, .mha or .nrrd"."""
    *first, last = suffixes
    return f"{', '.join(first)} or {last}" if first else last
