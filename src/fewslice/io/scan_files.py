"""One scan as files: which they are, and how to read them. What commands and workers hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fewslice.errors import Remark
from fewslice.io.channels import (
    CHANNEL,
    Beside,
    channels_beside,
    joined,
    name_of,
    why_other_scans,
)
from fewslice.io.dicom.read import Told
from fewslice.io.read import read_channels, read_image, read_labels
from fewslice.volumes.image import Image, LabelMap

_TAKEN, _LEFT_OUT, _FEWER = "siblings-taken", "siblings-left-out", "channels-missing"
_MOST_NAMED = 7  # files
_SIBLINGS = (_TAKEN, _LEFT_OUT, _FEWER)


@dataclass(frozen=True)
class ScanFiles:
    """One scan.

    name: of the case. images: one file or folder a channel, or one that holds all. series,
    fill_gaps: as in `fewslice.read_image`. siblings: whether CASE_0001 and so on, beside the only
    file CASE_0000, are channels as well. labels: those drawn on it, where they are known; others
    beside them can say that the digits number scans.
    """

    name: str
    images: tuple[Path, ...]
    series: int | str | None = None
    fill_gaps: bool = False
    siblings: bool = False
    labels: Path | None = None

    def __str__(self) -> str:
        """Return it as a person writes it: CT.nii.gz+PET.nii.gz."""
        return "+".join(str(path) for path in self.images)

    @property
    def beside(self) -> Beside:
        """The further channels found beside the only file."""
        return channels_beside(self.images[0], self.labels) if self._looks_beside else Beside()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files and folders that reading it may take."""
        return (*self.images, *self.beside.files)

    @property
    def _looks_beside(self) -> bool:
        return self.siblings and len(self.images) == 1


def scan_at(
    paths: Path | Sequence[Path], *, siblings: bool = False, labels: Path | None = None
) -> ScanFiles:
    """Return a file or folder as a scan, or several, one a channel; ``CASE_0000`` is CASE."""
    images = (paths,) if isinstance(paths, Path) else tuple(paths)
    name = name_of(images[0])
    match = CHANNEL.fullmatch(name)
    first = match is not None and match["channel"] == "0000"
    called = match["case"] if match and first else name
    return ScanFiles(called, images, siblings=siblings, labels=labels)


def read_scan(scan: ScanFiles, told: Told | None = None) -> Image:
    """Read a scan; several channels become a leading axis, on the grid of the first.

    Files beside it are taken for channels if dataset.json says so, or if nothing speaks against it
    (`why_other_scans`); those on other grids are resampled. Remarks say which were. told: as in
    `read_channels`. Raises what `read_image` raises.
    """
    image = read_channels(scan.images, scan.series, scan.fill_gaps, told)
    beside = scan.beside
    if beside.others:
        return _with_remark(image, _left_out(scan, beside.others, _too_many(beside)))
    if len(beside.names) > len(beside.files) + 1:
        image = _with_remark(image, _missing(scan.images[0], beside))
    if not beside.files:
        return image
    others = [read_image(path, fill_gaps=scan.fill_gaps) for path in beside.files]
    why = "" if beside.names else why_other_scans([image, *others])
    if why:
        return _with_remark(image, _left_out(scan, beside.files, why))
    found = joined([image, *others], [scan.images[0], *beside.files])
    elsewhere = [
        path.name
        for path, other in zip(beside.files, others, strict=True)
        if not other.geometry.same_grid(image.geometry)
    ]
    return replace(found, remarks=(_taken(scan, beside, elsewhere), *found.remarks))


def with_siblings(scan: ScanFiles) -> tuple[ScanFiles, tuple[str, ...]]:
    """Return a scan with all its channels named, so that later ones beside it change nothing.

    The second: what there is to say of files that were found beside it. Raises what `read_scan`
    raises, which decides whether they are channels.
    """
    if not scan.beside.files and not scan.beside.others:
        return replace(scan, siblings=False), ()
    remarks = {each.code: each for each in read_scan(scan).remarks if each.code in _SIBLINGS}
    images = scan.paths if _TAKEN in remarks else scan.images
    return replace(scan, images=images, siblings=False), tuple(remarks.values())


def read_pair(scan: ScanFiles, labels: Path) -> tuple[Image, LabelMap]:
    """Read a scan and the labels that were drawn on it. Raises what the two readers do."""
    image = read_scan(scan)
    return image, read_labels(labels, image)


def _taken(scan: ScanFiles, beside: Beside, elsewhere: Sequence[str]) -> Remark:
    """Say which files are channels. elsewhere: those on another grid than the first."""
    called = f" ({', '.join(beside.names)})" if beside.names else ""
    verb = "are taken as channels" if len(beside.files) > 1 else "is taken as a channel"
    grid = f", brought from another grid ({_listed(elsewhere)})" if elsewhere else ""
    return Remark(
        _TAKEN,
        f"{_named(beside.files)} beside {scan.images[0]} {verb} of the same scan{called}{grid}; "
        "--alone reads the first only.",
    )


def _left_out(scan: ScanFiles, files: Sequence[Path], why: str) -> Remark:
    return Remark(
        _LEFT_OUT,
        f"{_named(files)} beside {scan.images[0]} could be further channels by name, but {why}, so "
        "they are taken for other scans: only the first is read. If they are channels, give them "
        "with --channel, or name the channels in a dataset.json.",
    )


def _too_many(beside: Beside) -> str:
    return f"{len(beside.others) + 1} files in a row are more than scans have channels"


def _missing(first: Path, beside: Beside) -> Remark:
    return Remark(
        _FEWER,
        f"dataset.json names {len(beside.names)} channels ({', '.join(beside.names)}), but "
        f"{name_of(first)[:-4]}{len(beside.files) + 1:04d} is not beside {first}; only those "
        "before it are read.",
    )


def _with_remark(image: Image, remark: Remark) -> Image:
    return replace(image, remarks=(*image.remarks, remark))


def _named(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    return _listed(names if len(names) <= _MOST_NAMED else [names[0], "...", names[-1]])


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
