"""Made-up scans to train a task's model on, and settings that take seconds."""

from __future__ import annotations

from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.training.scan import TaskScan, TaskSettings
from fewslice.volumes.geometry import Geometry
from tests.support.phantoms import two_organs

QUICK = TaskSettings(steps=40, device="cpu", batch_pixels=1)


def phantom_scan(seed: int = 0, *indices: int) -> TaskScan:
    phantom = two_organs(seed=seed)
    labels = phantom.sparse(2, *(indices or (6, 10, 14)))
    geometry = Geometry.from_spacing(phantom.image.shape, phantom.spacing)
    return TaskScan(
        f"scan {seed}", Scan(phantom.image[None], geometry), find_annotation(labels, geometry)
    )
