"""One job: from what lies in the input folder to the files in the output folder."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fewslice.errors import GeometryError, InputError, WriteError
from fewslice.integrations.grand_challenge.sockets import (
    Sockets,
    image_at,
    read_inputs,
    read_sockets,
    require_known,
)
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.volumes.image import Array
from fewslice.volumes.placement import find_placement

if TYPE_CHECKING:
    from fewslice.segmentation.result import Segmentation
    from fewslice.training.model import TaskModel
    from fewslice.workflow.suggest import Suggestion

_SUGGESTED = 5
_OUTPUT = "output.mha"
DESCRIPTION_OF_SOCKETS = "sockets.json"
_README = "README.md"


@dataclass(frozen=True)
class Folders:
    """Where the platform lays what: see its documentation of the runtime environment.

    application: where ``sockets.json`` lies beside the program; without it the defaults hold.
    """

    input: Path = Path("/input")
    output: Path = Path("/output")
    model: Path = Path("/opt/ml/model")
    application: Path = Path("/opt/app")


@dataclass(frozen=True, eq=False)
class Algorithm:
    """What stays from job to job: which socket means what, and the trained model, if any."""

    folders: Folders
    sockets: Sockets
    model: TaskModel | None

    @staticmethod
    def load(folders: Folders) -> Algorithm:
        """Read the description and the model, and load what answering needs."""
        description = folders.application / DESCRIPTION_OF_SOCKETS
        sockets = read_sockets(description) if description.exists() else Sockets()
        return Algorithm(folders, sockets, _model(folders.model))

    def run(self) -> None:
        """Answer the job that lies in the input folder.

        Writes all outputs or none. Raises FewsliceError in one sentence if it cannot be answered.
        """
        places = read_inputs(self.folders.input)
        require_known(places, self.sockets, model=self.model is not None)
        job = _Job.read(places, self.sockets)
        segmentation = job.segment(self.model)
        suggestion = job.suggest() if job.is_drawn else None
        with TemporaryDirectory() as scratch:
            _write(Path(scratch), self.sockets, job, segmentation, suggestion)
            _hand_over(Path(scratch), self.folders.output)


def _model(folder: Path) -> TaskModel | None:
    """Return the model of a project's own that was uploaded beside the image, if one was."""
    from fewslice.training.store import PROMOTED, load_model
    from fewslice.training.version_files import DESCRIPTION

    files = [each for each in folder.rglob("*") if each.is_file() and each.name != _README]
    if not files:
        return None
    found = {each.parent for each in files if each.name == PROMOTED}
    found = found or {each.parent for each in files if each.name == DESCRIPTION}
    if len(found) != 1:
        raise InputError(
            f"{folder} holds {len(found)} models; pack one folder that fewslice train wrote as "
            "model.tar.gz, or upload none."
        )
    return load_model(found.pop())


@dataclass(frozen=True, eq=False)
class _Job:
    """The volumes of one job. labels: None where the job has no socket for them."""

    scan: Image
    labels: LabelMap | None
    support: tuple[tuple[Image, LabelMap], ...]

    @staticmethod
    def read(places: dict[str, Path], sockets: Sockets) -> _Job:
        """Read the images of all sockets."""
        scan = _image(places, sockets.scan)
        labels = None
        if sockets.labels in places:
            labels = read_labels(image_at(places[sockets.labels], sockets.labels), scan)
        support = []
        for other, drawn in sockets.support:
            if other in places:
                image = _image(places, other)
                support.append((image, read_labels(image_at(places[drawn], drawn), image)))
        return _Job(scan, labels, tuple(support))

    @property
    def is_drawn(self) -> bool:
        return self.labels is not None and bool(self.labels.values)

    def segment(self, model: TaskModel | None) -> Segmentation:
        """Answer from the drawn slices or other scans; with neither, by the trained model."""
        from fewslice.workflow.segment import segment

        if not self.is_drawn and not self.support and model is not None:
            return segment(self.scan, engine=model)
        return segment(self.scan, self.labels, support=self.support)

    def suggest(self) -> Suggestion:
        from fewslice.workflow.suggest import suggest

        return suggest(self.scan, self.labels, support=self.support, count=_SUGGESTED)


def _image(places: dict[str, Path], slug: str) -> Image:
    return read_image(image_at(places[slug], slug))


def _write(
    folder: Path,
    sockets: Sockets,
    job: _Job,
    segmentation: Segmentation,
    suggestion: Suggestion | None,
) -> None:
    scan, geometry = job.scan, segmentation.labels.geometry
    labels = on_grid_of(segmentation.labels.array, geometry, scan)
    write_labels(
        _new(folder / sockets.segmentation / _OUTPUT), LabelMap(labels, scan.geometry, scan.stored)
    )
    uncertainty = on_grid_of(segmentation.uncertainty, geometry, scan)
    write_image(
        _new(folder / sockets.uncertainty / _OUTPUT), Image(uncertainty, scan.geometry, scan.stored)
    )
    _write_json(folder / sockets.confidence, confidence(segmentation))
    _write_json(folder / sockets.suggestions, suggested(suggestion, segmentation))


def _hand_over(scratch: Path, output: Path) -> None:
    """Copy all files; contents alone, since the output folder belongs to the platform."""
    try:
        for path in sorted(each for each in scratch.rglob("*") if each.is_file()):
            shutil.copyfile(path, _new(output / path.relative_to(scratch)))
    except OSError as error:
        raise WriteError(
            f"The output folder {output} cannot be written ({error.strerror or error}); make it "
            "writable for the user of the container."
        ) from error


def _new(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_json(path: Path, content: Any) -> None:
    _new(path).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def on_grid_of(array: Array, geometry: Geometry, scan: Image) -> Array:
    """Return the voxels (i, j, k) of an answer in the scan's own order and extent.

    geometry: of the answer, which has the order and extent of the segmentation that was handed in.
    The platform shows results over the scan; nothing is interpolated.
    """
    placement = find_placement(scan.geometry, geometry)
    if placement is None:
        raise GeometryError(
            "The answer lies on the grid of the sparse segmentation, which is not that of the "
            "scan; hand in a segmentation on the scan's own grid."
        )
    return placement.taken(array, scan.geometry.shape)


def confidence(segmentation: Segmentation) -> dict[str, Any]:
    """Return the expected Dice of every slice, who made it, and across which axis slices go."""
    from fewslice.annotation.planes import plane_name

    geometry, axis = segmentation.labels.geometry, segmentation.axis
    return {
        "axis": axis,
        "plane": plane_name(geometry, axis),
        "remarks": [str(remark) for remark in segmentation.remarks],
        "slices": [
            {"index": index, "made_by": maker, "expected_dice": round(float(value), 4)}
            for index, (maker, value) in enumerate(
                zip(segmentation.provenance, segmentation.confidence, strict=True)
            )
        ],
    }


def suggested(suggestion: Suggestion | None, segmentation: Segmentation) -> dict[str, Any]:
    """Return what to draw next, and the Dice to expect by now; empty where nothing is drawn."""
    if suggestion is None:
        return {"predicted_dice": None, "predicted_dice_low": None, "message": "", "slices": []}
    geometry = segmentation.labels.geometry
    return {
        "predicted_dice": _finite(suggestion.predicted_dice),
        "predicted_dice_low": _finite(suggestion.predicted_dice_low),
        "message": suggestion.message,
        "slices": [
            {
                "axis": each.axis,
                "plane": each.plane,
                "index": each.index,
                "position_mm": _centre(geometry, each.axis, each.index),
                "question": each.kind,
                "gain": _finite(each.gain),
                "reason": each.reason,
            }
            for each in suggestion.slices
        ],
    }


def _finite(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _centre(geometry: Geometry, axis: int, index: int) -> list[float]:
    """Return the middle of a slice in mm, LPS+ as the platform's viewer counts."""
    import numpy as np

    voxel = (np.array(geometry.shape) - 1) / 2
    voxel[axis] = index
    world = geometry.affine[:3, :3] @ voxel + geometry.affine[:3, 3]
    return [round(float(value), 3) for value in world * (-1, -1, 1)]
