"""OCT files of every device: which they are, and which volume of them to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fewslice.errors import InputError, ReadError
from fewslice.io.oct import heidelberg, topcon, zeiss
from fewslice.io.oct.info import OctVolume
from fewslice.volumes.image import Image

FINDERS: dict[str, Callable[[Path], tuple[OctVolume, ...]]] = {
    ".vol": heidelberg.find_vol,
    ".e2e": heidelberg.find_e2e,
    ".xml": heidelberg.find_xml,
    ".fda": topcon.find,
    ".fds": topcon.find,
    ".img": zeiss.find,
}


def is_oct(path: Path) -> bool:
    """Whether a file is one of an OCT device, or a folder holds one .xml export."""
    if path.is_dir():
        return len(_exports(path)) == 1
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return heidelberg.is_export(path)
    if suffix == ".img":  # Analyze has the same suffix, and a header beside it
        headers = (".hdr", ".HDR", ".hdr.gz")
        return not any(path.with_suffix(header).exists() for header in headers)
    return suffix in FINDERS


def listed_volumes(path: Path) -> tuple[str, ...]:
    """Return what the volumes of a file are, to choose from; () for a file of another kind.

    Raises ReadError.
    """
    try:
        return tuple(each.text for each in _volumes(path)) if is_oct(path) else ()
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error


def _volumes(path: Path) -> tuple[OctVolume, ...]:
    """Return the volumes of a file or of a folder with an export; ReadError if there is none."""
    file = _exports(path)[0] if path.is_dir() else path
    found = FINDERS[file.suffix.lower()](file)
    if not found:
        raise ReadError(
            f"{path} holds no OCT volume; expected a raster of B-scans: export a volume scan."
        )
    return found


def read(path: Path, series: int | str | None = None) -> Image:
    """Read a volume as (A-scan, depth, B-scan); `info.oct_info` says what else is known.

    series: its number in the list of the file, counted from 1; needed only if there are several.
    Raises ReadError, or InputError if there is no such volume.
    """
    volumes = _volumes(path)
    if series is None and len(volumes) == 1:
        return volumes[0].load()
    listed = "; ".join(f"{number}: {each.text}" for number, each in enumerate(volumes, 1))
    if series is None:
        raise InputError(
            f"{path} holds {len(volumes)} volumes ({listed}); choose one by its number: --series 1."
        )
    number = int(series) if str(series).isdecimal() else 0
    if not 1 <= number <= len(volumes):
        raise InputError(
            f"{path} has no volume {series}; expected a number of its list ({listed})."
        )
    return volumes[number - 1].load()


def _exports(folder: Path) -> list[Path]:
    files = (each for each in sorted(folder.iterdir()) if each.suffix.lower() == ".xml")
    return [each for each in files if each.is_file() and heidelberg.is_export(each)]
