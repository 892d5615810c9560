"""Time and memory of opening a DICOM series of 512x512x600, and of `fewslice info` on it.

    python -m benchmarks.dicom_series [--runs 3] [--slices 600] [--packed jpeg-ls|jpeg-2000]

Prints the least of several runs, each in a process of its own whose libraries are loaded within the
time. Seconds of the clock until the first line and until the end, and of the processor (user and
system), which other programs on the computer change less. Peak memory is the greatest resident set
of the process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless

SHAPE = (600, 512, 512)  # slices, rows, columns
ROOT = "1.2.826.0.1.3680043.8.498.7"
GOALS = {"open": "12 s, 1.5 GB", "info": "3 s"}
OPENING = "import sys; from fewslice import read_image; print(read_image(sys.argv[1]).array.shape)"


def write_series(folder: Path, shape: tuple[int, int, int] = SHAPE, packed: str = "") -> None:
    """Write a CT series as scanners do: int16, a slope, about 60 elements a header.

    packed: "jpeg-ls" or "jpeg-2000", both without losses; "" for pixels as they are.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(-60, 60, (2 * shape[1], shape[2]), dtype=np.int16)
    for k in range(shape[0]):
        start = int(rng.integers(shape[1]))
        pixels = noise[start : start + shape[1]] + np.int16(1024 + k)
        dataset = _slice(k, pixels)
        if packed == "jpeg-ls":
            dataset.compress(JPEGLSLossless, generate_instance_uid=False)
        elif packed == "jpeg-2000":
            _pack_as_jpeg_2000(dataset, pixels)
        dataset.save_as(folder / f"IM{k:04d}", enforce_file_format=True)


def _pack_as_jpeg_2000(dataset: Dataset, pixels: np.ndarray) -> None:
    """Pack pixels by GDCM, which writes a file of its own around them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.dcm"
        writer = SimpleITK.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG2000")
        writer.SetFileName(str(path))
        writer.Execute(SimpleITK.GetImageFromArray(pixels[np.newaxis]))
        packed = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
    dataset["PixelData"] = packed["PixelData"]


def _slice(k: int, pixels: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.1.{k + 1}")
    values = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{ROOT}.1.{k + 1}",
        "StudyInstanceUID": f"{ROOT}.2",
        "SeriesInstanceUID": f"{ROOT}.3",
        "FrameOfReferenceUID": f"{ROOT}.4",
        "SeriesNumber": 2,
        "InstanceNumber": k + 1,
        "Modality": "CT",
        "SeriesDescription": "made for timing",
        "ImagePositionPatient": [-180.0, -180.0, 0.5 * k],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.703125, 0.703125],
        "SliceThickness": 0.5,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
    }
    for name, value in values.items():
        setattr(dataset, name, value)
    block = dataset.private_block(0x0009, "fewslice benchmark", create=True)
    for number in range(30):  # what scanners add of their own
        block.add_new(number, "LO", f"private value {number}")
    dataset.PixelData = pixels.astype("<i2").tobytes()
    return dataset


def measured(command: list[str]) -> tuple[float, float, float, float]:
    """Return seconds of the clock until the first line and the end, of the processor, and GB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    first = 0.0
    for number, _ in enumerate(process.stdout or ()):
        first = first if number else time.perf_counter() - started
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{command} failed")
    seconds = time.perf_counter() - started
    return first, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slices", type=int, default=SHAPE[0])
    parser.add_argument("--packed", choices=["jpeg-ls", "jpeg-2000"], default="")
    options = parser.parse_args()
    print("| what | goal | first line | seconds | of the processor | peak memory |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        shape = (options.slices, *SHAPE[1:])
        write_series(Path(folder), shape, options.packed)
        commands = {
            "open": [sys.executable, "-c", OPENING, folder],
            "info": [sys.executable, "-m", "fewslice", "info", folder],
        }
        for name, command in commands.items():
            runs = [measured(command) for _ in range(options.runs)]
            first, wall, processor, memory = (min(column) for column in zip(*runs, strict=True))
            goal = GOALS[name] if shape == SHAPE and not options.packed else ""
            seconds = [f"{each:.1f}" for each in (first, wall, processor)]
            print(f"| {' | '.join([name, goal, *seconds])} | {memory:.2f} GB |")


if __name__ == "__main__":
    main()
