"""Scans as a model learns from them, and as it brings them along."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Scan
from fewslice.training.scan import TaskScan
from fewslice.training.support import KeptScan
from fewslice.volumes.geometry import Geometry
from tests.support.phantoms import two_organs


def phantom_scan(seed: int, *indices: int) -> TaskScan:
    """Return a scan of two organs with some slices across array axis 2 drawn."""
    phantom = two_organs(seed=seed)
    geometry = Geometry.from_spacing(phantom.image.shape, phantom.spacing)
    annotation = find_annotation(phantom.sparse(2, *indices), geometry)
    return TaskScan(f"scan {seed}", Scan(phantom.image[None], geometry), annotation)


def kept(*shape: int) -> KeptScan:
    """Return noise of two channels with a box of label 4."""
    rng = np.random.default_rng(3)
    labels = np.zeros(shape, np.uint8)
    labels[1:3, 1:4, 2] = 4
    geometry = Geometry.from_spacing(shape, (1.0, 2.0, 3.0))
    return KeptScan(rng.normal(size=(2, *shape)).astype(np.float32), labels, geometry, 2)
