"""What the platform lays out for one job, and which of its sockets means what.

An algorithm of the platform has *sockets*: named inputs and outputs, which whoever makes the
algorithm chooses. ``/input/inputs.json`` says which of them a job has and where each lies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fewslice.errors import InputError, ReadError

INPUTS = "inputs.json"
_IMAGES = (".mha", ".tif", ".tiff")
_MOST_BYTES = 10_000_000  # of inputs.json; JSON values of sockets may be repeated in it


@dataclass(frozen=True)
class Sockets:
    """Which socket means what.

    Attributes
    ----------
    scan, labels : str
        Slugs of the scan, and of its sparse segmentation (0 background or not annotated).
    support : tuple of (str, str)
        Slugs of other scans and of their segmentations.
    segmentation, uncertainty : str
        Where images go below the output folder, each into a folder of its own.
    confidence, suggestions : str
        Where JSON goes below the output folder.
    """

    scan: str = "generic-medical-image"
    labels: str = "sparse-segmentation"
    support: tuple[tuple[str, str], ...] = (("supporting-scan", "supporting-segmentation"),)
    segmentation: str = "images/segmentation"
    uncertainty: str = "images/uncertainty"
    confidence: str = "slice-confidence.json"
    suggestions: str = "suggested-slices.json"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def sets(self, *, model: bool) -> list[frozenset[str]]:
        """Return the sets of slugs that a job may have. model: whether a trained one is there."""
        pairs = [frozenset(pair) for pair in self.support]
        grown = [frozenset[str]().union(*pairs[:count]) for count in range(len(pairs) + 1)]
        drawn = [{self.scan, self.labels} | others for others in grown]
        plain = [{self.scan} | others for others in grown if others or model]
        return [frozenset(each) for each in (*drawn, *plain)]


def read_sockets(path: Path) -> Sockets:
    """Read which socket means what from JSON as `Sockets.as_dict` gives it; raises InputError."""
    given = _json(path)
    known = Sockets().as_dict()
    if not isinstance(given, dict) or not given.keys() <= known.keys():
        raise InputError(
            f"{path.name} should hold an object with some of {', '.join(known)}; correct it."
        )
    support = given.pop("support", None)
    if not all(isinstance(value, str) and value for value in given.values()):
        raise InputError(f"The sockets in {path.name} should be slugs and paths; correct them.")
    if support is not None:
        given["support"] = tuple(_pair(each, path) for each in support)
    sockets = Sockets(**given)
    for place in (sockets.segmentation, sockets.uncertainty):
        _inside(Path(), place)
    for place in (sockets.confidence, sockets.suggestions):
        _inside(Path(), place)
    return sockets


def _pair(given: Any, path: Path) -> tuple[str, str]:
    if not isinstance(given, list | tuple) or [type(each) for each in given] != [str, str]:
        raise InputError(
            f"support in {path.name} should be a list of pairs, the slug of a scan and the slug of "
            "its segmentation; correct it."
        )
    return (given[0], given[1])


def read_inputs(folder: Path) -> dict[str, Path]:
    """Return where the value of each socket of this job lies, by slug.

    folder: what the platform calls ``/input``. Raises ReadError or InputError.
    """
    items = _json(folder / INPUTS)
    if not isinstance(items, list) or not items:
        raise InputError(f"{INPUTS} should hold a list of sockets with their values.")
    places: dict[str, Path] = {}
    for item in items:
        slug, place = _socket(item)
        if slug in places:
            raise InputError(f"{INPUTS} names the socket {slug!r} twice; each takes one value.")
        places[slug] = _inside(folder, place)
    return places


def _socket(item: Any) -> tuple[str, str]:
    """Return slug and relative path of one item, in today's words or the former ones."""
    socket = None
    if isinstance(item, Mapping):
        socket = item.get("socket") or item.get("interface")
    if not isinstance(socket, Mapping):
        raise InputError(f'An item of {INPUTS} has no "socket"; each needs one.')
    slug, place = socket.get("slug"), socket.get("relative_path")
    if not isinstance(slug, str) or not isinstance(place, str) or not slug or not place:
        raise InputError(f'A socket of {INPUTS} needs a "slug" and a "relative_path".')
    return slug, place


def _inside(folder: Path, place: str) -> Path:
    parts = PurePosixPath(place)
    if parts.is_absolute() or ".." in parts.parts or "\0" in place or "\\" in place:
        raise InputError(f"The path {place!r} of a socket leaves its folder; give one inside it.")
    return folder / parts


def require_known(slugs: Iterable[str], sockets: Sockets, *, model: bool) -> None:
    """Raise InputError unless this is a set of sockets that the algorithm can answer."""
    found, known = frozenset(slugs), sockets.sets(model=model)
    if found not in known:
        choices = " or ".join(f"[{', '.join(sorted(each))}]" for each in known)
        raise InputError(
            f"This job has the sockets [{', '.join(sorted(found))}]; expected {choices}. Add or "
            "leave out inputs, or name the sockets in sockets.json."
        )


def image_at(place: Path, slug: str) -> Path:
    """Return the file, or the folder of DICOM files, of a socket's image; raises InputError."""
    if not place.is_dir():
        raise InputError(f"The socket {slug!r} has no image: there is no folder {place}.")
    files = sorted(each for each in place.rglob("*") if each.is_file())
    images = [each for each in files if each.suffix.lower() in _IMAGES]
    if len(images) == 1:
        return images[0]
    if len(images) > 1:
        raise InputError(
            f"The socket {slug!r} has {len(images)} images ({images[0].name}, {images[1].name}); "
            "expected one."
        )
    if not files:
        raise InputError(f"The socket {slug!r} has no image: {place} is empty.")
    return place


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ReadError(f"{path.name} is larger than {_MOST_BYTES:,} bytes; expected a list.")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReadError(f"There is no file {path}; the platform writes it for each job.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ReadError(
            f"{path} cannot be read as JSON ({' '.join(str(error).split())})."
        ) from None
