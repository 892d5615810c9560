"""Files of every format to be damaged: made ones, and real ones of this repository and libraries.

All are small, so that ten thousand damaged copies are read in minutes.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.support.dicom_results import ORIENTATIONS, enhanced_series, write_oriented
from tests.support.dicom_results import write_rtstruct as write_outlines
from tests.support.dicom_results import write_seg as write_segments
from tests.support.dicom_samples import write_series
from tests.support.oct_samples import (
    SAMPLES,
    capture,
    numbered,
    observed,
    packed_scan,
    raw_scan,
    save_e2e,
    save_topcon,
    save_zeiss,
    scan_lengths,
)
from tests.support.volume_samples import image

from fewslice.io import read_image, write_image, write_labels
from fewslice.volumes import LabelMap

SQUARE = [[-5.0, 22.0, 10.0], [5.0, 22.0, 10.0], [5.0, 28.0, 10.0], [-5.0, 28.0, 10.0]]


@dataclass(frozen=True)
class Sample:
    """Something to read, and which of its files may be damaged.

    reader: what it is called in tables. path: what is read. victims: its files. kind: of header,
    "binary", "text" or "dicom". scan: that labels were drawn on; they are read as labels then.
    """

    reader: str
    path: Path
    victims: tuple[Path, ...]
    kind: str = "binary"
    scan: Path | None = None
    labels: bool = False


def made_samples(folder: Path) -> list[Sample]:
    """Write the made files, each in a folder of its own, and return them."""
    found = []
    for name, maker in MAKERS.items():
        place = folder / name
        place.mkdir(parents=True)
        found.append(maker(place))
    return found


def _volume(suffix: str, kind: str) -> Callable[[Path], Sample]:
    def make(place: Path) -> Sample:
        path = place / f"a{suffix}"
        write_image(path, image(shape=(8, 9, 10)))
        return Sample(suffix, path, tuple(sorted(place.iterdir())), kind)

    return make


def _nibabel(suffix: str, reader: str) -> Callable[[Path], Sample]:
    def make(place: Path) -> Sample:
        import nibabel

        kinds = {"Analyze": nibabel.AnalyzeImage, "FreeSurfer": nibabel.MGHImage}
        made = kinds.get(reader.split(maxsplit=1)[0], nibabel.Nifti1Pair)
        volume = image(shape=(8, 9, 10))
        path = place / f"a{suffix}"
        made(np.asarray(volume.array), np.diag([1.0, 2, 3, 1])).to_filename(path)
        for mat in place.glob("*.mat"):
            mat.unlink()
        return Sample(reader, path, tuple(sorted(place.iterdir())))

    return make


def _nifti2(place: Path) -> Sample:
    import nibabel

    path = place / "a.nii"
    nibabel.Nifti2Image(image(shape=(8, 9, 10)).array, np.eye(4)).to_filename(path)
    return Sample(".nii (NIfTI-2)", path, (path,))


def _segmentation(place: Path) -> Sample:
    volume = image(shape=(8, 9, 10))
    labels = (volume.array > 60).astype(np.uint8) + (volume.array > 110)
    path = place / "a.seg.nrrd"
    write_labels(path, LabelMap(labels.astype(np.uint8), volume.geometry))
    return Sample(".seg.nrrd", path, (path,), "text", labels=True)


def _npy(place: Path) -> Sample:
    path = place / "a.npy"
    np.save(path, image(shape=(8, 9, 10)).array)
    return Sample(".npy", path, (path,), "text")


def _pictures(suffix: str) -> Callable[[Path], Sample]:
    def make(place: Path) -> Sample:
        from PIL import Image

        for number in range(4):
            pixels = (np.arange(120).reshape(10, 12) + number).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"slice{number}{suffix}")
        return Sample(f"folder of {suffix}", place, tuple(sorted(place.iterdir())))

    return make


def _tiff(ome: bool, compression: str | None) -> Callable[[Path], Sample]:
    def make(place: Path) -> Sample:
        import tifffile

        path = place / ("a.ome.tif" if ome else "a.tif")
        pages = np.arange(4 * 10 * 12, dtype=np.uint16).reshape(4, 10, 12)
        told = {"axes": "ZYX", "PhysicalSizeX": 2.0, "PhysicalSizeY": 2.0, "PhysicalSizeZ": 3.0}
        told = told if ome else {"axes": "ZYX"}
        tifffile.imwrite(
            path, pages, metadata=told, compression=compression, photometric="minisblack"
        )
        return Sample("OME-TIFF" if ome else "TIFF of many pages", path, (path,))

    return make


def _series(place: Path) -> Sample:
    write_series(place, np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    return Sample("DICOM folder", place, tuple(sorted(place.iterdir())), "dicom")


def _one_of_series(place: Path) -> Sample:
    write_series(place, np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    path = place / "IM002.dcm"
    return Sample("DICOM, a file of a series", path, (path,), "dicom")


def _enhanced(place: Path) -> Sample:
    path = enhanced_series(place / "a.dcm", [(0, 0, 2.0 * k) for k in range(4)])
    return Sample("DICOM, enhanced multi-frame", path, (path,), "dicom")


def encoded(uid: str, reader: str) -> Callable[[Path], Sample]:
    """Return what writes a DICOM series in a transfer syntax (its UID)."""

    def make(place: Path) -> Sample:
        import pydicom

        for file in write_series(place, np.arange(60, dtype=np.int16).reshape(3, 4, 5)).iterdir():
            dataset = pydicom.dcmread(file)
            if reader.endswith("deflated"):
                dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
            else:
                dataset.compress(uid)
            dataset.save_as(file, enforce_file_format=True)
        return Sample(reader, place, tuple(sorted(place.iterdir())), "dicom")

    return make


def _seg(place: Path) -> Sample:
    pixels = np.indices((6, 7)).sum(axis=0) % 2
    frames = [(1 + k % 2, (0.0, 0.0, 2.0 * k), pixels) for k in range(4)]
    path = write_segments(place / "a.dcm", frames, names=("one", "two"))
    return Sample("DICOM SEG", path, (path,), "dicom", labels=True)


def _seg_on_scan(place: Path) -> Sample:
    from fewslice.io.dicom.derived import DicomOutput

    scan = write_oriented(place / "scan", ORIENTATIONS["oblique"])
    volume = read_image(scan)
    labels = (volume.array > 600).astype(np.uint8)
    path = place / "a.dcm"
    write_labels(path, LabelMap(labels, volume.geometry), dicom=DicomOutput(source=scan))
    return Sample("DICOM SEG on its series", path, (path,), "dicom", scan, labels=True)


def _rtstruct(place: Path) -> Sample:
    scan = write_oriented(place / "scan", ORIENTATIONS["axial"])
    hole = [[x / 3, 25 + (y - 25) / 3, z] for x, y, z in SQUARE]
    path = write_outlines(place / "a.dcm", {1: [_moved(SQUARE), _moved(hole)], 2: [_moved(hole)]})
    return Sample("DICOM RTSTRUCT", path, (path,), "dicom", scan, labels=True)


def _moved(points: list[list[float]]) -> list[list[float]]:
    """Return points on the second slice of the series that `write_oriented` writes."""
    return [[x - 16, y + 8, 10.0] for x, y, _ in points]


def _heidelberg_vol(place: Path) -> Sample:
    path = Path(shutil.copy(SAMPLES / "heidelberg" / "test_volume.vol", place / "a.vol"))
    return Sample(".vol", path, (path,))


def _heidelberg_xml(place: Path) -> Sample:
    for file in (SAMPLES / "heidelberg" / "xml").iterdir():
        shutil.copyfile(file, place / file.name)
    victims = (place / "test_dummy.xml", place / "B3.tif", place / "NIR1.tif")
    return Sample(".xml", place, victims, "text")


def _e2e(place: Path) -> Sample:
    powers = np.exp2(-(np.arange(8 * 6 * 3) % 9)).reshape(8, 6, 3)
    path = save_e2e(place / "a.e2e", [powers], np.full((5, 7), 9, np.uint8))
    return Sample(".e2e", path, (path,))


def _topcon(suffix: str, packed: bool) -> Callable[[Path], Sample]:
    def make(place: Path) -> Sample:
        array = numbered((8, 6, 3))
        scan = packed_scan(numbered((8, 6, 3), "uint8")) if packed else raw_scan(array)
        chunks = [
            ("@IMG_JPEG" if packed else "@IMG_SCAN_03", scan),
            ("@PARAM_SCAN_04", scan_lengths(6.0, 6.0, 2.6)),
            ("@CAPTURE_INFO_02", capture(0)),
            ("@IMG_OBS", observed(np.full((4, 5, 3), 8, np.uint8))),
        ]
        path = save_topcon(place / f"a{suffix}", chunks)
        return Sample(suffix, path, (path,))

    return make


def _zeiss(place: Path) -> Sample:
    path = save_zeiss(place / "a_12x3_OD.img", numbered((12, 1024, 3), "uint8"))
    return Sample(".img (Zeiss)", path, (path,))


RLE, JPEG_2000 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90"
DEFLATED = "1.2.840.10008.1.2.1.99"

MAKERS: dict[str, Callable[[Path], Sample]] = {
    "nii": _volume(".nii", "binary"),
    "nii.gz": _volume(".nii.gz", "binary"),
    "nifti2": _nifti2,
    "pair": _nibabel(".hdr", "NIfTI, .hdr and .img"),
    "pair.gz": _nibabel(".img.gz", "NIfTI, .hdr.gz and .img.gz"),
    "analyze": _nibabel(".hdr", "Analyze"),
    "mgh": _nibabel(".mgh", "FreeSurfer .mgh"),
    "mgz": _nibabel(".mgz", "FreeSurfer .mgz"),
    "npy": _npy,
    "mha": _volume(".mha", "text"),
    "mhd": _volume(".mhd", "text"),
    "nrrd": _volume(".nrrd", "text"),
    "nhdr": _volume(".nhdr", "text"),
    "seg.nrrd": _segmentation,
    "png": _pictures(".png"),
    "bmp": _pictures(".bmp"),
    "jpg": _pictures(".jpg"),
    "tif-folder": _pictures(".tif"),
    "tif": _tiff(ome=False, compression=None),
    "tif-packed": _tiff(ome=False, compression="zlib"),
    "ome": _tiff(ome=True, compression=None),
    "dicom": _series,
    "dicom-file": _one_of_series,
    "enhanced": _enhanced,
    "rle": encoded(RLE, "DICOM, run lengths"),
    "deflated": encoded(DEFLATED, "DICOM, deflated"),
    "seg": _seg,
    "seg-on-scan": _seg_on_scan,
    "rtstruct": _rtstruct,
    "vol": _heidelberg_vol,
    "xml": _heidelberg_xml,
    "e2e": _e2e,
    "fda": _topcon(".fda", packed=False),
    "fds": _topcon(".fds", packed=True),
    "zeiss": _zeiss,
}


def real_samples(folder: Path, data: Path | None) -> list[Sample]:
    """Copy the real files, each into a folder of its own, and return them."""
    found = []
    for number, (reader, source, kind) in enumerate(_real(data)):
        if not source.exists():
            continue
        place = folder / f"real-{number}"
        place.mkdir(parents=True)
        path = Path(shutil.copyfile(source, place / source.name))
        found.append(Sample(f"{reader}, real", path, (path,), kind))
    return found


def _real(data: Path | None) -> Iterator[tuple[str, Path, str]]:
    """Yield what a real file is called in tables, where it lies and the kind of its header."""
    yield ".nii.gz", Path(__file__).parents[1] / "src/fewslice/example/scan.nii.gz", "binary"
    for name in ("anatomical.nii", "functional.nii"):
        yield ".nii", _package("nibabel") / "tests/data" / name, "binary"
    yield ".nii.gz", _package("nibabel") / "tests/data/example_nifti2.nii.gz", "binary"
    yield "FreeSurfer .mgz", _package("nibabel") / "tests/data/test.mgz", "binary"
    dicom = _package("pydicom") / "data/test_files"
    for name in ("CT_small", "MR_small_bigendian", "MR_small_implicit", "rtdose"):
        yield "DICOM", dicom / f"{name}.dcm", "dicom"
    for name in ("MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"):
        yield "DICOM, compressed", dicom / f"{name}.dcm", "dicom"
    if data is not None:
        scans = sorted((data / "Dataset004_Hippocampus" / "imagesTr").glob("*.nii.gz"))
        yield from ((".nii.gz", path, "binary") for path in scans[:1])


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(name)
