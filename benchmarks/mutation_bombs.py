"""Small files that unpack to gigabytes, of every format that packs its voxels."""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tests.support.dicom_samples import write_series

from benchmarks.mutation_samples import DEFLATED, RLE, Sample, encoded
from benchmarks.mutations import png, tiff, zeros


def bombs(folder: Path, size: int) -> Iterator[Sample]:
    """Yield files that unpack to `size` bytes or a little less, one after the other.

    Of each kind there is one whose header asks for all of it, and one whose header does not.
    """
    for name, maker in BOMBS.items():
        place = folder / f"bomb-{name}"
        place.mkdir(parents=True)
        path = maker(place, size)
        yield Sample(f"bomb, {name}", path, (path,))
        shutil.rmtree(place)


def _side(size: int) -> int:
    """Return the side of a cube of bytes."""
    return int(size ** (1 / 3))


def _nifti_head(side: int) -> bytes:
    from nibabel.nifti1 import Nifti1Header

    header = Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((side, side, side))
    header["magic"], header["vox_offset"] = b"n+1", 352
    return bytes(header.binaryblock) + bytes(4)


def _mgh_head(side: int) -> bytes:
    from nibabel.freesurfer.mghformat import MGHHeader

    header = MGHHeader()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((side, side, side))
    return bytes(header.binaryblock)


def _nrrd_head(side: int) -> bytes:
    return (
        "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\n"
        f"sizes: {side} {side} {side}\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n"
        "kinds: domain domain domain\nencoding: gzip\nspace origin: (0,0,0)\n\n"
    ).encode()


def _mha_head(side: int, packed: int) -> bytes:
    return (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\n"
        f"CompressedDataSize = {packed}\nElementSpacing = 1 1 1\nDimSize = {side} {side} {side}\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    ).encode()


def _saved(place: Path, name: str, *parts: bytes) -> Path:
    (place / name).write_bytes(b"".join(parts))
    return place / name


def _mha(place: Path, size: int, told: int) -> Path:
    data = zeros(b"", size, 15)
    return _saved(place, "a.mha", _mha_head(told, len(data)), data)


def _pair(place: Path, size: int) -> Path:
    head = bytearray(_nifti_head(_side(size)))
    head[344:348] = b"ni1\0"
    head[108:112] = bytes(4)
    _saved(place, "a.hdr.gz", gzip.compress(bytes(head[:348])))
    return _saved(place, "a.img.gz", zeros(b"", size))


def _npz(place: Path, size: int) -> Path:
    import zipfile

    path = place / "a.npy"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(min(size, 1 << 26)))
    return path


def _npy_head(place: Path, size: int) -> Path:
    told = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({_side(size)},) * 3, }}"
    told = told.replace(f"({_side(size)},) * 3", str((_side(size),) * 3))
    line = told.encode().ljust(117) + b"\n"
    return _saved(place, "a.npy", b"\x93NUMPY\x01\x00", struct.pack("<H", len(line)), line)


def _deflated(place: Path, size: int) -> Path:
    import pydicom
    from pydicom.uid import UID

    file = next(write_series(place, np.zeros((1, 4, 5), np.int16)).iterdir())
    dataset = pydicom.dcmread(file)
    dataset.file_meta.TransferSyntaxUID = UID(DEFLATED)
    dataset.save_as(file, enforce_file_format=True)
    content = file.read_bytes()
    meta = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
    element = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, min(size, 2**32 - 2))
    file.write_bytes(content[:meta] + zeros(element, size, -15))
    return file


def _large_frames(place: Path, size: int) -> Path:
    """Write run lengths of few bytes, with a matrix that asks for all."""
    import pydicom

    file = next(encoded(RLE, "DICOM, run lengths")(place).path.iterdir())
    for other in place.iterdir():
        if other != file:
            other.unlink()
    dataset = pydicom.dcmread(file)
    dataset.Rows = dataset.Columns = min(int((size / 2) ** 0.5), 65535)
    dataset.save_as(file, enforce_file_format=True)
    return file


BOMBS: dict[str, Callable[[Path, int], Path]] = {
    ".nii.gz": lambda at, n: _saved(at, "a.nii.gz", zeros(_nifti_head(_side(n)), n)),
    ".nii.gz, hidden": lambda at, n: _saved(at, "a.nii.gz", zeros(_nifti_head(4), n)),
    ".mgz": lambda at, n: _saved(at, "a.mgz", zeros(_mgh_head(_side(n)), n)),
    ".mgz, hidden": lambda at, n: _saved(at, "a.mgz", zeros(_mgh_head(4), n)),
    ".img.gz": _pair,
    ".nrrd": lambda at, n: _saved(at, "a.nrrd", _nrrd_head(_side(n)), zeros(b"", n)),
    ".nrrd, hidden": lambda at, n: _saved(at, "a.nrrd", _nrrd_head(4), zeros(b"", n)),
    ".mha": lambda at, n: _mha(at, n, _side(n)),
    ".mha, hidden": lambda at, n: _mha(at, n, 4),
    ".png": lambda at, n: _saved(at, "a.png", png(int(n**0.5))),
    ".tif": lambda at, n: _saved(at, "a.tif", tiff(int(n**0.5))),
    ".npy, an archive": _npz,
    ".npy, its header": _npy_head,
    "DICOM, deflated": _deflated,
    "DICOM, run lengths": _large_frames,
}
