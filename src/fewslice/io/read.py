"""Reading images and label maps of every format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fewslice.errors import GeometryError, InputError, ReadError
from fewslice.io import metaimage, nifti, nrrd
from fewslice.io.dicom import read as dicom
from fewslice.io.dicom import rtstruct_read, segmentation_read
from fewslice.io.dicom.kinds import label_object
from fewslice.io.dicom.series import DICOM_SUFFIXES, is_dicom
from fewslice.io.formats import VOLUME_SUFFIXES, listed, suffix_of
from fewslice.volumes.image import Image, LabelMap, as_label_array, require_finite

READERS = {
    ".nii": nifti.read,
    ".nii.gz": nifti.read,
    ".mha": metaimage.read,
    ".mhd": metaimage.read,
    ".nrrd": nrrd.read,
    ".nhdr": nrrd.read,
}


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read a scan.

    Parameters
    ----------
    path
        File (.nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr, .dcm) or folder of a DICOM series.

    Returns
    -------
    Image
        Array (i, j, k), or (channel, i, j, k) for several channels or time points, with the axes of
        the file; a single 2D image is one slice (k = 1). The dtype is the stored one, or float32 if
        the file holds scaled values. The affine is RAS+ in mm.

    Raises
    ------
    ReadError
        If the file is missing, damaged or of an unknown format.
    GeometryError
        If its grid is impossible.
    InputError
        If it holds NaN or infinite voxels.
    """
    with _failures_named(Path(path)):
        image = _read(Path(path))
        require_finite(image.array, f"the image {path}")
        return image


def read_labels(path: str | os.PathLike[str], scan: Image | None = None) -> LabelMap:
    """Read a label map.

    Parameters
    ----------
    path
        As in `read_image`; also a DICOM SEG or RTSTRUCT.
    scan
        What the labels were drawn on. DICOM SEG and RTSTRUCT come on its grid; an RTSTRUCT cannot
        be read without.

    Returns
    -------
    LabelMap
        Array (i, j, k), uint8 or uint16, with the axes of the file.

    Raises
    ------
    ReadError, GeometryError
        As `read_image` does.
    InputError
        If voxels are not whole numbers from 0 to 65,535, or there is more than one channel.
    """
    with _failures_named(Path(path)):
        found = label_object(Path(path))
        if found is not None:
            file, kind = found
            if kind == "rtstruct":
                return rtstruct_read.read(file, scan)
            return segmentation_read.read(file, scan)
        image = _read(Path(path))
        if image.array.ndim != 3:
            raise InputError(
                f"The label map {path} has {image.array.shape[0]} channels; expected one label "
                "per voxel: merge or extract them first."
            )
        labels = as_label_array(image.array, f"the label map {path}")
        return LabelMap(labels, image.geometry, image.stored)


def read_pair(scan: Path, labels: Path) -> tuple[Image, LabelMap]:
    """Read a scan and the labels that were drawn on it. Raises what the two readers do."""
    image = read_image(scan)
    return image, read_labels(labels, image)


def _read(path: Path) -> Image:
    if not path.exists():
        raise ReadError(
            f"{path} does not exist; expected an image file or a folder of DICOM files: check the "
            "path."
        )
    if not path.is_file() and not path.is_dir():  # reading a pipe or device might never end
        raise ReadError(f"{path} is a device or pipe; expected a regular file or a folder.")
    if path.is_file() and path.stat().st_size == 0:
        raise ReadError(f"{path} is empty; expected an image file: copy or export it again.")
    if suffix_of(path) in READERS:
        return READERS[suffix_of(path)](path)
    if path.is_dir() or suffix_of(path) in DICOM_SUFFIXES or is_dicom(path):
        return dicom.read(path)
    raise ReadError(
        f"{path} does not end with a suffix that can be read; expected {listed(VOLUME_SUFFIXES)}, "
        "or DICOM (.dcm or a folder): convert the file."
    )


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    """Turn failures of the system, and geometry errors that do not know the file, into ours."""
    try:
        yield
    except GeometryError as error:
        if str(path) in str(error):
            raise
        raise GeometryError(f"{path}: {error}") from error
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions and that "
            "it is a regular file."
        ) from error
    except (MemoryError, OverflowError) as error:
        raise ReadError(
            f"{path} does not fit into memory; expected a volume of at most a few GB: crop it, or "
            "copy it again if its header is damaged."
        ) from error
