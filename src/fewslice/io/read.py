"""Reading images and label maps of every format."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fewslice.errors import GeometryError, InputError, ReadError
from fewslice.io import nrrd, pictures, seg_nrrd
from fewslice.io.channels import joined
from fewslice.io.dicom import read as dicom
from fewslice.io.dicom import rtstruct_read, segmentation_read
from fewslice.io.dicom.files import (
    DICOM_SUFFIXES,
    behind_directory,
    dicom_files,
    has_mark,
    is_dicom,
)
from fewslice.io.dicom.kinds import label_object, require_alone
from fewslice.io.dicom.read import Told
from fewslice.io.formats import BY_SUFFIX, READ_SUFFIXES, is_packed, listed, suffix_of
from fewslice.io.names.find import with_names
from fewslice.io.oct import read as oct_files
from fewslice.io.picture_labels import by_name
from fewslice.volumes.finite import filled
from fewslice.volumes.image import Image, LabelMap, labels_of


def read_image(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    series: int | str | None = None,
    fill_gaps: bool = False,
) -> Image:
    """Read a scan.

    Parameters
    ----------
    path
        File of a format in `docs/reference/formats.md` (NIfTI, MetaImage, NRRD, DICOM, MGH,
        Analyze, TIFF, .npy, files of OCT devices), folder of a DICOM series, also with folders in
        it, folder of an OCT export, or folder of pictures that are slices. A DICOM file stands for
        its series. Several paths are the channels of one scan, in this order: those on other grids
        are interpolated linearly to the first one's, by world coordinates, and get their lowest
        value beyond their field of view; remarks say so.
    series
        Which volume of a DICOM folder or an OCT file that holds several: its number, counted from
        1, in the list that the error shows; of DICOM also the UID of its series or the end of it.
        Of several paths, it is meant for the first.
    fill_gaps
        Interpolate the image where slices of a DICOM series are missing, which is refused
        otherwise.

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
        If its grid is impossible, or a channel does not overlap the first.
    InputError
        If channels are of different patients, no voxel has a value, or values are no real numbers.
        Single voxels without one (NaN, infinite) are filled, and a remark says so.
    """
    try:
        paths = [Path(each) for each in ([path] if isinstance(path, str | os.PathLike) else path)]
    except TypeError:
        raise InputError(
            f"The path of the scan is of type {type(path).__name__}; expected a path, or a list of "
            "paths for the channels of one scan (an array needs no reading: fewslice.segment takes "
            "it as it is)."
        ) from None
    return read_channels(paths, series, fill_gaps)


def read_channels(
    paths: Sequence[Path],
    series: int | str | None = None,
    fill_gaps: bool = False,
    told: Told | None = None,
) -> Image:
    """Read a scan as `read_image` does.

    told: called with what headers say of the first file, before a DICOM series is decoded for
    seconds.
    """
    if not paths:
        raise InputError("There is no path to read a scan from; give at least one.")
    twice = next((each for number, each in enumerate(paths) if each in paths[:number]), None)
    if twice is not None:
        raise InputError(f"{twice} is given as a channel twice; give every channel once.")
    images = [_read_image(paths[0], series, fill_gaps, told)]
    images += [_read_image(each, None, fill_gaps) for each in paths[1:]]
    return images[0] if len(images) == 1 else joined(images, paths)


def _read_image(
    path: Path, series: int | str | None, fill_gaps: bool, told: Told | None = None
) -> Image:
    with _failures_named(path):
        return filled(_read(path, series, fill_gaps, told), f"the image {path}")


def read_labels(path: str | os.PathLike[str], scan: Image | None = None) -> LabelMap:
    """Read a label map.

    Parameters
    ----------
    path
        As in `read_image`; also a DICOM SEG or RTSTRUCT.
    scan
        What the labels were drawn on. DICOM SEG and RTSTRUCT come on its grid; an RTSTRUCT cannot
        be read without. Pictures that are named as slices of it come on these.

    Returns
    -------
    LabelMap
        Array (i, j, k), uint8 or uint16, with the axes of the file. Its `segments` name the
        structures, where the file or one beside it does (see `docs/reference/formats.md`).

    Raises
    ------
    ReadError, GeometryError
        As `read_image` does.
    InputError
        If voxels are not whole numbers from 0 to 65,535 to within .05, there is more than one
        channel, or only some of several pictures are named as slices of the scan. NaN counts as 0.
    """
    with _failures_named(Path(path)):
        found = label_object(Path(path))
        if found is not None:
            file, kind = found
            if kind == "rtstruct":
                return rtstruct_read.read(file, scan)
            return segmentation_read.read(file, scan)
        require_alone(behind_directory(Path(path)))
        image = _read(Path(path))
        header = _nrrd_header(Path(path))
        if seg_nrrd.is_segmentation(header):
            return seg_nrrd.merge(Path(path), image, header)
        if image.array.ndim != 3:
            raise InputError(
                f"The label map {path} has {image.array.shape[0]} channels; expected one label "
                "per voxel: merge or extract them first."
            )
        labels, remarks = labels_of(image.array, f"the label map {path}")
        read = LabelMap(labels, image.geometry, image.stored, (*image.remarks, *remarks))
        return with_names(by_name(Path(path), read, scan), Path(path))


def _nrrd_header(path: Path) -> dict[str, Any]:
    """Return the header of a NRRD file, which may describe segments; {} for other formats."""
    known = BY_SUFFIX.get(suffix_of(path))
    return nrrd.read_header(path) if known is not None and known.reader == "nrrd" else {}


def _read(
    path: Path,
    series: int | str | None = None,
    fill_gaps: bool = False,
    told: Told | None = None,
) -> Image:
    if not path.exists():
        raise ReadError(
            f"{path} does not exist; expected an image file or a folder of DICOM files: check the "
            "path."
        )
    if not path.is_file() and not path.is_dir():  # reading a pipe or device might never end
        raise ReadError(f"{path} is a device or pipe; expected a regular file or a folder.")
    if path.is_file() and path.stat().st_size == 0:
        raise ReadError(f"{path} is empty; expected an image file: copy or export it again.")
    if oct_files.is_oct(path):
        return oct_files.read(path, series)
    known = BY_SUFFIX.get(suffix_of(path)) if path.is_file() and not has_mark(path) else None
    if known is not None and series is None:
        image: Image = known.module(known.reader).read(path)
        return image
    if path.is_dir() and pictures.pictures_in(path) and not dicom_files(path):
        return pictures.read_folder(path)
    if path.is_dir() or suffix_of(path) in DICOM_SUFFIXES or is_dicom(path):
        return dicom.read(behind_directory(path), series, fill_gaps, told)
    if series is not None:
        raise InputError(
            f"A series was chosen, but {path} is a file, which holds a single one; give the "
            "folder, or leave out --series."
        )
    if is_packed(path):
        raise ReadError(
            f"{path} is packed; expected a scan as it is: unpack it, and give the file or folder "
            "in it."
        )
    raise ReadError(
        f"{path} does not end with a suffix that can be read; expected {listed(READ_SUFFIXES)}, "
        "or DICOM (.dcm or a folder): convert the file."
    )


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    """Turn failures of the system, and geometry errors that do not know the file, into ours.

    Libraries warn of damage in their own words, on the screen; those who call get remarks.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
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
