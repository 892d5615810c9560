"""A scan as the page loads it: a compressed NIfTI file turned to RAS, made once and kept.

The files lie in the project's folder `cache` under the hash of the scan; they may be deleted at any
time. They are written slice by slice, so that a large scan is not in memory twice.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from fewslice.errors import InputError
from fewslice.io.atomic import atomic_path
from fewslice.server.ras import RasView
from fewslice.volumes.image import Array, Image

CACHE = "cache"
# Runs and Huffman codes alone: up to 2.5 times as fast as gzip's fastest level, a twentieth larger.
_GZIP = (1, zlib.DEFLATED, 31, 8, zlib.Z_RLE)
_SAMPLED = 200_000
_PERCENTILES = (1.0, 99.0)  # as in pictures of results
_INT16 = np.iinfo(np.int16)
_CT = {
    "lung": (-1350.0, 150.0),
    "bone": (-450.0, 1050.0),
    "abdomen": (-160.0, 240.0),
    "brain": (0.0, 80.0),
}


@dataclass(frozen=True)
class WindowFacts:
    """Which intensities are shown black and white. presets: name, black, white."""

    low: float
    high: float
    presets: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class ImageCache:
    """The folder of what was made of scans. One at a time is read, so that memory suffices."""

    folder: Path
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def nifti(
        self, scan: str, channel: int, modality: str | None, read: Callable[[], Image]
    ) -> Path:
        """Return the file of one channel of a scan; made if it is missing, and the window with it.

        scan: hash of its content. read: gives the scan. Raises InputError if there is no such
        channel, and WriteError if the file cannot be written.
        """
        path = self.folder / f"{scan}-{channel}.nii.gz"
        with self._lock:
            if not path.is_file():
                image = read()
                self._make(path, image, channel)
                if self.known_window(scan) is None:  # it is asked for next: not to be read again
                    self._make_window(scan, window_facts(image, modality))
        return path

    def _make(self, path: Path, image: Image, channel: int) -> None:
        if not 0 <= channel < len(image.channels):
            raise InputError(
                f"There is no channel {channel} in this scan; it has {len(image.channels)}, "
                "counted from 0."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            write_ras_nifti(temporary, image, channel)

    def known_window(self, scan: str) -> WindowFacts | None:
        """Return the window of a scan if it was made before."""
        path = self._window_path(scan)
        try:
            found = json.loads(path.read_bytes())
            presets = tuple((str(name), float(low), float(high)) for name, low, high in found[2])
            return WindowFacts(float(found[0]), float(found[1]), presets)
        except (OSError, ValueError, TypeError, IndexError):
            return None  # missing or damaged: it is made again

    def window(self, scan: str, modality: str | None, read: Callable[[], Image]) -> WindowFacts:
        """Return the window of a scan; made if it is missing."""
        with self._lock:
            known = self.known_window(scan)
            if known is not None:
                return known
            found = window_facts(read(), modality)
            self._make_window(scan, found)
            return found

    def _make_window(self, scan: str, found: WindowFacts) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._window_path(scan)) as temporary:
            temporary.write_text(json.dumps(list(asdict(found).values())), encoding="utf-8")

    def _window_path(self, scan: str) -> Path:
        return self.folder / f"{scan}-window.json"


def window_facts(image: Image, modality: str | None) -> WindowFacts:
    """Return how the intensities of a scan are shown: the 1st to the 99th percentile, or of a CT
    the usual windows, the abdomen's first.
    """
    automatic = _percentiles(image.channels[0])
    presets = [("automatic", *automatic)]
    if modality == "CT":
        presets += [(name, *window) for name, window in _CT.items()]
        return WindowFacts(*_CT["abdomen"], tuple(presets))
    return WindowFacts(*automatic, tuple(presets))


def write_ras_nifti(path: Path, image: Image, channel: int) -> None:
    """Write one channel of a scan, turned to RAS, as .nii.gz: int16 where that is exact, else
    float32.
    """
    from nibabel.nifti1 import Nifti1Header

    view = RasView.of(image.geometry)
    voxels = _seen(image.channels[channel], view)
    dtype = _stored_type(voxels)
    header = Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(view.grid.shape)
    header.set_sform(view.grid.affine, code="scanner")
    header.set_zooms(view.grid.spacing)
    header.set_xyzt_units("mm")
    header.set_slope_inter(1, 0)
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    packer = zlib.compressobj(*_GZIP)
    with path.open("wb") as file:
        file.write(packer.compress(header.binaryblock + bytes(4)))
        for k in range(voxels.shape[2]):
            file.write(packer.compress(voxels[:, :, k].astype(dtype).tobytes(order="F")))
        file.write(packer.flush())


def unpacked_size(path: Path) -> int:
    """Return how many bytes (below 4 GiB) a .nii.gz of `write_ras_nifti` has once unpacked."""
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)  # gzip ends with it (RFC 1952)
        return int.from_bytes(file.read(), "little")


def _seen(array: Array, view: RasView) -> Array:
    """Return a view of an array with the page's axes; nothing is copied."""
    turned = array.transpose(view.turn.axes)
    return np.flip(turned, tuple(axis for axis in range(3) if view.turn.flipped[axis]))


def _stored_type(voxels: Array) -> np.dtype[np.generic]:
    if voxels.dtype.kind in "bui":
        small = voxels.dtype.itemsize == 1 or voxels.dtype == np.int16
        if small or (voxels.min() >= _INT16.min and voxels.max() <= _INT16.max):
            return np.dtype("<i2")
    return np.dtype("<f4")


def _percentiles(values: Array) -> tuple[float, float]:
    step = max(1, round((values.size / _SAMPLED) ** (1 / 3)))
    low, high = np.percentile(values[::step, ::step, ::step], _PERCENTILES).astype(float)
    return (low, high) if high > low else (low - 1.0, low + 1.0)
