"""A scan and its labels as a command gets them, read and brought onto one grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fewslice.io import read_labels
from fewslice.io.dicom.read import Told
from fewslice.io.scan_files import ScanFiles, read_scan, scan_at
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.respacing import respaced
from fewslice.volumes.spacing import Spacing


@dataclass(frozen=True)
class ScanInput:
    """What a person gave of a scan. See the options of the same names."""

    scan: Path
    labels: Path | None = None
    spacing: Spacing | None = None
    series: str | None = None
    fill_gaps: bool = False
    channels: tuple[Path, ...] = ()
    alone: bool = False

    @property
    def files(self) -> ScanFiles:
        """The files of the scan, one a channel."""
        found = scan_at((self.scan, *self.channels), siblings=not self.alone, labels=self.labels)
        return replace(found, series=self.series, fill_gaps=self.fill_gaps)

    def read_image(self, told: Told | None = None) -> Image:
        """Read the scan, with the spacing given. told: called with what headers say of it before
        it is decoded, if that takes seconds. Raises ReadError and the like.
        """
        image = read_scan(self.files, told)
        return image if self.spacing is None else respaced(image, self.spacing)

    def read(self) -> tuple[Image, LabelMap | None]:
        """Read scan and labels, on the grid of the labels. Slices named by number count there.

        Raises ReadError and the like, and GeometryError if they do not fit together.
        """
        image = self.read_image()
        if self.labels is None:
            return image, None
        return on_one_grid(image, read_labels(self.labels, image), self.spacing)
