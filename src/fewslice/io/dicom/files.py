"""DICOM files: which files are some, and what is before their pixels."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fewslice.errors import ReadError
from fewslice.io.library_errors import CHUNK, BoundedReader, require_plausible

Dataset = Any  # pydicom's elements have no static types

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
DIRECTORY = "1.2.840.10008.1.3.10"  # the class of a DICOMDIR, which lists what is on a CD
PIXEL_TAGS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010))
ENCAPSULATED = 0xFFFFFFFF  # the length of compressed pixels is not given

_ITEM = 8  # bytes

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META, _LONGEST_META = 0x0002, 1024  # the group before the dataset, and bytes that hold it

_FIRST_GROUPS, _LAST_FIRST = (0x0002, 0x0008), 0x0018
_LONGEST_FIRST = 64  # bytes: the first elements are short
_FIRST_KINDS = (b"UL", b"CS", b"UI", b"OB", b"DA", b"TM", b"SH", b"LO")


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM after its preamble, or begins as one without any."""
    with path.open("rb") as stream:
        head = stream.read(132)
    return head[128:] == b"DICM" or _begins_as_dataset(head)


def _begins_as_dataset(head: bytes) -> bool:
    """Whether bytes can be the first element of a dataset: files from before 1993 have no mark."""
    if len(head) < 16:
        return False
    for order in "<>":
        group, element, length = struct.unpack(f"{order}HHI", head[:8])
        known = group in _FIRST_GROUPS and element <= _LAST_FIRST
        if known and (head[4:6] in _FIRST_KINDS or length <= _LONGEST_FIRST):
            return True
    return False


def has_mark(path: Path) -> bool:
    """Whether a file has the mark of DICOM after its preamble, whatever its name says."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def behind_directory(path: Path) -> Path:
    """Return the folder that the DICOMDIR of a CD describes; any other path as it is."""
    if not path.is_file() or not is_dicom(path):
        return path
    kind = ""
    with suppress(ReadError), damage_named(path), BoundedReader(path) as stream:
        kind = str(read_meta(stream).get("MediaStorageSOPClassUID", ""))
    return path.parent if kind == DIRECTORY or path.name.upper() == "DICOMDIR" else path


def files_within(folder: Path, nested: bool = True) -> Iterator[Path]:
    """Yield the files of a folder by path, also of those that are linked in it, each once.

    nested: those in its folders as well. Hidden files are left out.
    """
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = sorted(each for each in folders if not each.startswith(".")) if nested else []
        paths = (Path(place) / name for name in sorted(names) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def dicom_files(folder: Path, nested: bool = True) -> list[Path]:
    """Return the files of a folder that are DICOM, or should be by their name, by path.

    nested: look into its folders as well. Hidden files and the directory of a CD are left out.
    """
    return [
        file
        for file in files_within(folder, nested)
        if file.name.upper() != "DICOMDIR"
        and (file.suffix.lower() in DICOM_SUFFIXES or is_dicom(file))
    ]


def series_named(file: Path) -> str:
    """Return the UID of the series that a file names although it cannot be used, "" if none."""
    from pydicom import dcmread

    with suppress(ReadError), damage_named(file), BoundedReader(file) as stream:
        require_inflatable(file, stream)
        header = dcmread(stream, specific_tags=["SeriesInstanceUID"], stop_before_pixels=True)
        return str(header.get("SeriesInstanceUID", ""))
    return ""


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what pydicom raises for files that break the rules into ReadError, without their values.

    Its own words, and its warnings, may repeat what the file says of a patient.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (
        *(InvalidDicomError, BytesLengthException, NotImplementedError, RecursionError, EOFError),
        *(AssertionError, zlib.error),
        *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error),
    ) as error:
        raise ReadError(
            f"{path} is not a DICOM file or is damaged ({type(error).__name__}); expected whole "
            "files of one series: copy or export them again."
        ) from error


def read_meta(stream: BoundedReader) -> Dataset:
    """Read the group before the dataset, which says what is in a file, and stop behind it."""
    from pydicom.filereader import read_dataset, read_preamble

    read_preamble(stream, force=True)
    return read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag.group != _META)


def require_inflatable(file: Path, stream: BoundedReader) -> int:
    """Raise ReadError if a deflated file would fill the memory: pydicom inflates it as a whole.

    stream: the file, open at its beginning, where it is left. Returns how many bytes a deflated
    file inflates to; 0 for others.
    """
    deflated = _DEFLATED in stream.read(_LONGEST_META)
    stream.seek(0)
    if not deflated:
        return 0
    read_meta(stream)
    stored = stream.size - stream.tell()
    inflating, found = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while not inflating.eof and (chunk := stream.read(CHUNK)):
        found += len(inflating.decompress(chunk))
        require_plausible(file, found, stored)
    stream.seek(0)
    return found


def read_header(file: Path) -> Dataset:
    """Read everything before the pixels, and check that header and pixels are whole.

    Raises ReadError, also if the header breaks off before it says whether there is an image.
    """
    from pydicom import dcmread

    # pydicom warns of every value that breaks a rule; those that matter are checked here.
    with damage_named(file), BoundedReader(file) as stream:
        inflated = require_inflatable(file, stream)
        dataset = dcmread(stream, stop_before_pixels=True, force=is_dicom(file))
        _require_whole(file, dataset)
        if "Rows" not in dataset:
            if _should_be_image(dataset):
                raise ReadError(f"{file} is cut off within its header; copy or export it again.")
        elif inflated:
            if _needed(dataset) > inflated:
                raise _too_short(file, _needed(dataset), inflated)
        else:
            _require_pixels(file, dataset, stream.read(12), file.stat().st_size - stream.tell())
        return dataset


def _should_be_image(dataset: Dataset) -> bool:
    """Whether a header without an image is damaged: reports and the like have none by nature."""
    kind = dataset.file_meta.get("MediaStorageSOPClassUID", dataset.get("SOPClassUID", ""))
    return not kind or "Image Storage" in getattr(kind, "name", "")


def _require_whole(file: Path, dataset: Dataset) -> None:
    """Check types and lengths of all elements, which pydicom leaves until they are asked for."""
    from pydicom.dataelem import RawDataElement
    from pydicom.valuerep import VR

    for element in [*dataset.file_meta.values(), *dataset.values()]:
        if not isinstance(element, RawDataElement):
            continue
        known = element.VR is None or element.VR in VR.__members__
        cut = element.value is not None and element.length not in (ENCAPSULATED, len(element.value))
        if not known or cut:
            raise ReadError(
                f"{file} has a damaged header or is cut off at its element {element.tag}; copy or "
                "export it again."
            )


def _require_pixels(file: Path, dataset: Dataset, head: bytes, rest: int) -> None:
    """Check that the pixels are all there: decoders ask for any memory that a header says.

    head: the 12 bytes where the pixels should begin. rest: how many bytes follow them.
    """
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    tag = struct.unpack(f"{order}HH", head[:4]) if len(head) == 12 else None
    if tag not in PIXEL_TAGS:
        raise ReadError(f"{file} holds no pixels; expected an image: copy or export it again.")
    (size,) = struct.unpack(f"{order}I", head[4:8] if implicit else head[8:12])
    needed = _needed(dataset)
    if size == ENCAPSULATED:
        require_plausible(file, needed, rest)
        # Every frame is at least one item, with a tag and a length.
        if _ITEM * _frames(dataset) > rest:
            raise _too_short(file, _ITEM * _frames(dataset), rest)
    elif size > rest + 4 * implicit or size < needed:
        raise ReadError(
            f"{file} is truncated: its pixels need {needed} bytes and should have {size}, but only "
            f"{rest} are left in the file; copy or export it again."
        )


def _frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames", 1) or 1)


def _needed(dataset: Dataset) -> int:
    """Return how many bytes the pixels of all frames take."""
    pixels = _frames(dataset) * int(dataset.Rows) * int(dataset.Columns)
    return pixels * int(dataset.BitsAllocated) // 8


def _too_short(file: Path, needed: int, found: int) -> ReadError:
    return ReadError(
        f"{file} is truncated or its header is wrong: its pixels need at least {needed} bytes, but "
        f"it holds {found}; copy or export it again."
    )
