"""Files in, files out: NIfTI, MetaImage, NRRD and DICOM; nothing is ever left half-written."""

from fewslice.io.atomic import atomic_path, require_writable
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.read import read_image, read_labels
from fewslice.io.write import write_image, write_labels, write_probability

__all__ = [
    "DicomOutput",
    "atomic_path",
    "read_image",
    "read_labels",
    "require_writable",
    "write_image",
    "write_labels",
    "write_probability",
]
