"""Files of every format that fewslice reads, as layers of napari."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fewslice.integrations.napari.origin import KEY, Origin
from fewslice.io.dicom.files import DICOM_SUFFIXES, dicom_files, is_dicom
from fewslice.io.dicom.kinds import label_object
from fewslice.io.formats import BY_SUFFIX, SEGMENTATION_SUFFIX, suffix_of
from fewslice.io.oct.read import is_oct
from fewslice.io.pictures import pictures_in
from fewslice.io.read import read_image, read_labels
from fewslice.volumes.image import Array, Image, LabelMap

LayerData = tuple[Array, dict[str, Any], str]
"""What napari makes a layer from: voxels, attributes, and "image" or "labels"."""

_OF_LABELS = re.compile(r"(^|[^a-z])(labels?|seg|segmentation|masks?|annotat\w*)([^a-z]|$)")
_MOST_LAYERS = 8  # of channels; more are time points, and one layer


def reader_of(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return what reads a file, a folder or, given several, the channels of one scan.

    None for what fewslice does not read, so that napari asks other plugins.
    """
    paths = [Path(each) for each in ([path] if isinstance(path, str) else path)]
    return read_layers if paths and all(map(_known, paths)) else None


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Return a file as layers. Raises ReadError and its kin, which napari shows as they are."""
    if isinstance(path, str) and _holds_labels(Path(path)):
        labels = read_labels(path)
        layers, remarks = [labels_layer(labels, _title(path))], labels.remarks
    else:
        image = read_image(path)
        layers, remarks = image_layers(image, _title(path)), image.remarks
    for each in (*remarks, *layers[0][1]["metadata"][KEY].remarks):
        _tell(each)
    return layers


def image_layers(image: Image, name: str) -> list[LayerData]:
    """Return a scan as Image layers, one a channel; time points are the slider of one."""
    origin = Origin.of(image)
    channels = origin.turn.array(image.channels)
    if len(channels) > _MOST_LAYERS:
        placed = _placed(origin, name)
        for key, first in (("scale", 1.0), ("translate", 0.0), ("units", "pixel")):
            placed[key] = (first, *placed[key])
        return [(channels, placed, "image")]
    if len(channels) == 1:
        return [(channels[0], {**_placed(origin, name), "colormap": "gray"}, "image")]
    return [
        (
            channel,
            {**_placed(origin, f"{name} {number}"), "colormap": "gray", "visible": number == 0},
            "image",
        )
        for number, channel in enumerate(channels)
    ]


def labels_layer(labels: LabelMap, name: str) -> LayerData:
    """Return a label map as a Labels layer."""
    origin = Origin.of(labels)
    return origin.turn.array(labels.array), _placed(origin, name), "labels"


def _placed(origin: Origin, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "scale": tuple(origin.spacing.tolist()),
        "translate": tuple(origin.start.tolist()),
        "units": ("mm",) * 3,
        "metadata": {KEY: origin},
    }


def _known(path: Path) -> bool:
    if path.is_dir():
        return bool(is_oct(path) or pictures_in(path) or dicom_files(path))
    suffix = suffix_of(path)
    return suffix in BY_SUFFIX or suffix in DICOM_SUFFIXES or is_oct(path) or is_dicom(path)


def _holds_labels(path: Path) -> bool:
    """Whether a file says that it holds labels, by its kind or else by its name and folder."""
    if path.name.lower().endswith(SEGMENTATION_SUFFIX) or label_object(path) is not None:
        return True
    if not path.is_file():
        return False
    # nnU-Net's labels are called as their scans are, in a folder of their own (labelsTr).
    in_folder = path.resolve().parent.name.lower().startswith("labels")
    return in_folder or bool(_OF_LABELS.search(_title(str(path)).lower()))


def _title(path: str | list[str]) -> str:
    name = Path(path if isinstance(path, str) else path[0]).name
    return name.removesuffix(suffix_of(Path(name))) or name


def _tell(remark: str) -> None:
    from napari.utils.notifications import show_info

    show_info(remark)
