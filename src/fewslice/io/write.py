"""Writing images and label maps, each as a whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fewslice.errors import InputError, ReadError, WriteError
from fewslice.io.atomic import atomic_path, require_writable
from fewslice.io.dicom import write_objects
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.formats import (
    BY_SUFFIX,
    DICOM_LABELS,
    LABEL_SUFFIXES,
    VOLUME_SUFFIXES,
    WRITTEN_LABELS,
    suffix_of,
)
from fewslice.volumes.image import Array, Image, LabelMap, as_label_array
from fewslice.volumes.respacing import on_own_grid

Volume = Image | LabelMap


def write_image(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image, such as a map of uncertainty, in the format of the suffix.

    Whatever is at `path` is replaced at once or, on failure, left as it was.

    Parameters
    ----------
    path
        File to write: .nii, .nii.gz, .mha, .nrrd; .mhd and .nhdr get a .raw file of their own
        beside them.
    image
        Voxels are written unscaled with their dtype (bool as uint8, float16 as float32), channels
        as the fourth axis of NIfTI and as vectors elsewhere. The geometry is exactly the one that
        was read if the format is the same, else the same grid; a spacing given in its place is not
        written.

    Raises
    ------
    WriteError
        If the file cannot be written.
    InputError
        If voxels are no real numbers.
    """
    _require_volume(image, Image, "image")
    _write(path, on_own_grid(replace(image, array=_storable(image.array))), VOLUME_SUFFIXES)


def write_labels(
    path: str | os.PathLike[str], labels: LabelMap, *, dicom: DicomOutput | None = None
) -> None:
    """Write a label map in the format of the suffix.

    Parameters
    ----------
    path
        As in `write_image`; .seg.nrrd, the format of 3D Slicer's Segment Editor, which also has the
        names and colours of structures; or .dcm for a DICOM SEG or RTSTRUCT.
    labels
        Written as uint8 or uint16.
    dicom
        For .dcm: the series that the labels belong to, names of structures and the like.

    Raises
    ------
    WriteError, InputError
        As `write_image` does; also if labels do not fit into DICOM.
    GeometryError
        If the series does not hold the voxels of the labels.
    """
    _require_volume(labels, LabelMap, "label map")
    own = on_own_grid(replace(labels, array=_storable(as_label_array(labels.array))))
    if suffix_of(Path(path)) == DICOM_LABELS:
        require_writable(path, WRITTEN_LABELS)
        with atomic_path(path) as temporary:
            write_objects.write(temporary, Path(path), own, dicom or DicomOutput())
        return
    _write(path, own, LABEL_SUFFIXES)


def _require_volume(given: object, kind: type[Volume], what: str) -> None:
    """Raise InputError for an array, an answer or swapped arguments in place of a volume."""
    if isinstance(given, kind):
        return
    own = getattr(given, "labels", None)
    advice = (
        "give its labels (result.labels)"
        if isinstance(own, kind)
        else f"put an array on a scan's grid first: fewslice.{kind.__name__}(array, scan.geometry)"
    )
    raise InputError(
        f"The {what} to write is of type {type(given).__name__}; expected, after the path, a "
        f"fewslice.{kind.__name__}: {advice}."
    )


def write_probability(
    path: str | os.PathLike[str],
    probability: Image,
    values: Sequence[int],
    *,
    dicom: DicomOutput | None = None,
) -> None:
    """Write the probability of each structure, in the format of the suffix.

    Parameters
    ----------
    path
        As in `write_image`, where structures are channels; or .dcm for a fractional DICOM SEG, in
        steps of 1/255.
    probability
        A channel for each structure, in [0, 1].
    values
        The labels of these structures, ascending.
    dicom
        As in `write_labels`.

    Raises
    ------
    WriteError, InputError, GeometryError
        As `write_labels` does.
    """
    if suffix_of(Path(path)) != DICOM_LABELS:
        write_image(path, probability)
        return
    require_writable(path, WRITTEN_LABELS)
    with atomic_path(path) as temporary:
        own, given = on_own_grid(probability), dicom or DicomOutput()
        write_objects.write_fractional(temporary, Path(path), own, values, given)


def _write(path: str | os.PathLike[str], volume: Volume, suffixes: tuple[str, ...]) -> None:
    require_writable(path, suffixes)
    target = Path(os.path.realpath(path))
    suffix = suffix_of(Path(path))
    if suffix_of(target) != suffix:  # the libraries choose the format by the name that they get
        raise WriteError(
            f"{path} is a link to {target.name}; expected a name that ends with {suffix} as well: "
            "choose another name."
        )
    known = BY_SUFFIX[suffix]
    module = known.module(known.writer)
    if known.detached:
        _write_detached(target, suffix, module, volume)
        return
    with atomic_path(target) as temporary:
        module.write(temporary, volume)


def _write_detached(header: Path, suffix: str, module: Any, volume: Volume) -> None:
    """Write voxels under a name that is still free, then the header that points to them.

    Replacing the header is the one step that counts: before it the old pair is whole, after it
    the new one is. The voxels of the old pair are removed last.
    """
    old = _own_data_file(header, module)
    data = _free_data_file(header)
    try:
        with (
            atomic_path(data) as temporary,
            TemporaryDirectory(prefix=".fewslice-", dir=header.parent) as folder,
        ):
            made = Path(folder) / f"{data.stem}{suffix}"  # so that the header names `data`
            module.write(made, volume)
            _require_named(header, module.data_file_named(made), data.name)
            text = made.read_bytes()
            made.with_suffix(".raw").replace(temporary)
        with atomic_path(header) as temporary:
            temporary.write_bytes(text)
    finally:
        if _own_data_file(header, module) != data:
            data.unlink(missing_ok=True)
    if old is not None:
        old.unlink(missing_ok=True)


def _require_named(header: Path, found: str, name: str) -> None:
    """Raise WriteError unless a header names its voxels as they will be called."""
    if found != name:
        raise WriteError(
            f"{header} cannot be written, because its header cannot hold the name {name!r} of the "
            "file with its voxels; choose a name of letters and digits."
        )


def _free_data_file(header: Path) -> Path:
    numbers = (f"-{number}" if number else "" for number in count())
    names = (header.with_name(f"{_data_stem(header)}{number}.raw") for number in numbers)
    return next(path for path in names if not path.exists())


def _data_stem(header: Path) -> str:
    """Return the name of the voxels of a header, without suffix.

    Headers do not keep space around a name, and MetaImage takes LIST and % for several files.
    """
    return re.sub("^LIST|%", "_", header.stem.strip())


def _own_data_file(header: Path, module: Any) -> Path | None:
    """Return the data file of a header if its name shows that it belongs to that header alone."""
    try:
        name = module.data_file_named(header)
    except (OSError, ReadError):
        return None  # nothing there, or nothing that can be understood
    own = rf"{re.escape(_data_stem(header))}(-\d+)?\.z?raw"
    return header.with_name(name) if re.fullmatch(own, name) else None


def _storable(array: Array) -> Array:
    """Return the array with a dtype that every format has."""
    if array.dtype.kind not in "buif":
        raise InputError(f"Voxels of type {array.dtype} cannot be written; expected real numbers.")
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
        return array.astype(np.float32 if array.dtype.itemsize == 2 else np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
