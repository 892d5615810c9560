"""Small scans with a few drawn slices each, in memory and as files."""

from __future__ import annotations

from pathlib import Path

from fewslice.io.write import write_image, write_labels
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, LabelMap
from tests.support.phantoms import two_organs


def pair(seed: int, *indices: int) -> tuple[Image, LabelMap]:
    """Return a scan with its sparse labels. indices: of the slices drawn, across array axis 2."""
    phantom = two_organs(seed=seed)
    geometry = Geometry.from_spacing(phantom.image.shape, phantom.spacing)
    labels = LabelMap(phantom.sparse(2, *(indices or (8, 10, 13))), geometry)
    return Image(phantom.image, geometry), labels


def files(folder: Path, count: int = 2) -> tuple[Path, Path]:
    """Write case0, case1 and so on as nnU-Net names them; return the folders of both kinds."""
    images, labels = folder / "imagesTr", folder / "sparse"
    images.mkdir()
    labels.mkdir()
    for number in range(count):
        image, drawn = pair(number)
        write_image(images / f"case{number}_0000.nii.gz", image)
        write_labels(labels / f"case{number}.nii.gz", drawn)
    return images, labels
