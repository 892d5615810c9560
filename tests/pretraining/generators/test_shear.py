"""Slices shifted along each other: image, labels and truth alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.engines import Scan
from fewslice.pretraining.generators.labelled_volume import LabelledVolume
from fewslice.pretraining.generators.shear import MOST, sheared
from fewslice.volumes.geometry import inplane_axes

SPACING = (1.0, 2.0, 3.0)


def rod(axis: int) -> tuple[LabelledVolume, npt.NDArray[np.uint8]]:
    """Return a straight rod of radius 6 mm across one axis of 60 mm a side, bright as its label."""
    shape = (60, 30, 20)
    mm = np.stack([np.indices(shape)[n] * SPACING[n] - 30 for n in range(3)])
    others = list(inplane_axes(axis))
    inside = (mm[others] ** 2).sum(axis=0) < 36
    inside &= np.abs(mm[axis]) < 20
    truth = inside.astype(np.uint8)
    scan = Scan.from_spacing((7.0 * truth)[None].astype(np.float32), SPACING)
    return LabelledVolume(scan, 5 * truth.astype(np.uint16), "rod"), truth


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_image_labels_and_truth_move_together(axis: int, seed: int) -> None:
    volume, truth = rod(axis)
    moved, answer = sheared(volume, truth, axis, np.random.default_rng(seed))
    assert moved.scan.spacing == SPACING
    np.testing.assert_array_equal(moved.labels, 5 * answer.astype(np.uint16))
    np.testing.assert_array_equal(moved.scan.channels[0], 7.0 * answer)
    inplane = inplane_axes(axis)
    np.testing.assert_array_equal(answer.sum(axis=inplane), truth.sum(axis=inplane))
    assert (answer != truth).any()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_middle_moves_by_some_radii_at_most(axis: int) -> None:
    volume, truth = rod(axis)
    inplane = list(inplane_axes(axis))
    travels = []
    for seed in range(12):
        _, answer = sheared(volume, truth, axis, np.random.default_rng(seed))
        occupied = np.flatnonzero(answer.any(axis=tuple(inplane)))
        middles = [
            np.argwhere(np.take(answer, at, axis)).mean(axis=0) * [SPACING[n] for n in inplane]
            for at in occupied[[0, -1]]
        ]
        travels.append(float(np.linalg.norm(middles[1] - middles[0])) / 6.0)
    assert 0.5 < np.median(travels) < MOST
    assert max(travels) < MOST + 2  # a little more by the bends
