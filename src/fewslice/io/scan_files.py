"""One scan as files: which they are, and how to read them. What commands and workers hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fewslice.errors import Remark
from fewslice.io.channels import CHANNEL, Beside, channels_beside, joined, name_of
from fewslice.io.read import read_image, read_labels
from fewslice.volumes.image import Image, LabelMap

_TAKEN, _LEFT_OUT, _FEWER = "siblings-taken", "siblings-left-out", "channels-missing"
_SIBLINGS = (_TAKEN, _LEFT_OUT, _FEWER)


@dataclass(frozen=True)
class ScanFiles:
    """One scan.

    name: of the case. images: one file or folder a channel, or one that holds all. series,
    fill_gaps: as in `fewslice.read_image`. siblings: whether CASE_0001 and so on, beside the only
    file CASE_0000, are channels as well.
    """

    name: str
    images: tuple[Path, ...]
    series: int | str | None = None
    fill_gaps: bool = False
    siblings: bool = False

    def __str__(self) -> str:
        """Return it as a person writes it: CT.nii.gz+PET.nii.gz."""
        return "+".join(str(path) for path in self.images)

    @property
    def beside(self) -> Beside:
        """The further channels found beside the only file."""
        return channels_beside(self.images[0]) if self._looks_beside else Beside()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and folders that reading it may take."""
        return (*self.images, *self.beside.files)

    @property
    def _looks_beside(self) -> bool:
        return self.siblings and len(self.images) == 1


def scan_at(paths: Path | Sequence[Path], *, siblings: bool = False) -> ScanFiles:
    """Return a file or folder as a scan, or several, one a channel; ``CASE_0000`` is CASE."""
    images = (paths,) if isinstance(paths, Path) else tuple(paths)
    name = name_of(images[0])
    match = CHANNEL.fullmatch(name)
    first = match is not None and match["channel"] == "0000"
    return ScanFiles(match["case"] if match and first else name, images, siblings=siblings)


def read_scan(scan: ScanFiles) -> Image:
    """Read a scan; several channels become a leading axis, on the grid of the first.

    Files beside it are taken for channels if dataset.json says so, or if they lie on its grid. A
    remark says which were. Raises what `read_image` raises.
    """
    image = read_image(scan.images, series=scan.series, fill_gaps=scan.fill_gaps)
    beside = scan.beside
    if len(beside.names) > len(beside.files) + 1:
        image = _with_remark(image, _missing(scan.images[0], beside))
    if not beside.files:
        return image
    others = [read_image(path, fill_gaps=scan.fill_gaps) for path in beside.files]
    listed = _listed(beside.files)
    if not beside.names and not all(other.geometry.same_grid(image.geometry) for other in others):
        remark = Remark(
            _LEFT_OUT,
            f"{listed} beside {scan.images[0]} could be further channels by name, but other voxels "
            "say that these are other scans: only the first is read. If they are channels, give "
            "them with --channel.",
        )
        return _with_remark(image, remark)
    called = f" ({', '.join(beside.names)})" if beside.names else ""
    verb = "are taken as channels" if len(beside.files) > 1 else "is taken as a channel"
    remark = Remark(
        _TAKEN,
        f"{listed} beside {scan.images[0]} {verb} of the same scan{called}; --alone reads the "
        "first only.",
    )
    found = joined([image, *others], [scan.images[0], *beside.files])
    return replace(found, remarks=(remark, *found.remarks))


def with_siblings(scan: ScanFiles) -> tuple[ScanFiles, tuple[str, ...]]:
    """Return a scan with all its channels named, so that later ones beside it change nothing.

    The second: what there is to say of files that were found beside it. Raises what `read_scan`
    raises, which decides whether they are channels.
    """
    if not scan.beside.files:
        return replace(scan, siblings=False), ()
    remarks = {each.code: each for each in read_scan(scan).remarks if each.code in _SIBLINGS}
    images = scan.paths if _TAKEN in remarks else scan.images
    return replace(scan, images=images, siblings=False), tuple(remarks.values())


def read_pair(scan: ScanFiles, labels: Path) -> tuple[Image, LabelMap]:
    """Read a scan and the labels that were drawn on it. Raises what the two readers do."""
    image = read_scan(scan)
    return image, read_labels(labels, image)


def _missing(first: Path, beside: Beside) -> Remark:
    return Remark(
        _FEWER,
        f"dataset.json names {len(beside.names)} channels ({', '.join(beside.names)}), but "
        f"{name_of(first)[:-4]}{len(beside.files) + 1:04d} is not beside {first}; only those "
        "before it are read.",
    )


def _with_remark(image: Image, remark: Remark) -> Image:
    return replace(image, remarks=(*image.remarks, remark))


def _listed(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
