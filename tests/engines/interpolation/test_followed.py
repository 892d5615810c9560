"""Outlines that follow what the images show, and where they do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior
from fewslice.engines.interpolation.slice_motion import find_motions
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

SHAPE = (48, 48, 9)
SPACING = (1.0, 1.0, 1.0)


def bent(depth: int = 9) -> npt.NDArray[np.bool_]:
    """Return a disc of radius 6 that goes six columns aside and comes back."""
    rows, columns, slices = np.ogrid[:48, :48, :depth]
    aside = 20 + 8 * np.sin(np.pi * slices / (depth - 1))
    return np.asarray((rows - 24) ** 2 + (columns - aside) ** 2 < 36.5)


def seen(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), (1.5, 1.5, 0)))


def prior_of(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8], *slices: int, size: int = 48
) -> ShapePrior:
    annotation = Annotation(labels, tuple((2, at) for at in slices))
    region = Region((0, 0, 0), SHAPE)
    scan = Scan.from_spacing(image[None], SPACING)
    shapes = slice_shapes(annotation, region, SPACING)
    grid = WorkingGrid(region, (size, size, SHAPE[2]), SPACING)
    return ShapePrior.on_grid(shapes, grid, 2, EndCapSettings(), find_motions(scan, region, shapes))


def on_slices(mask: npt.NDArray[np.bool_], *slices: int) -> npt.NDArray[np.uint8]:
    labels = np.zeros(mask.shape, dtype=np.uint8)
    for at in slices:
        labels[..., at] = mask[..., at]
    return labels


def middle(prior: ShapePrior, at: int) -> float:
    """Return the column, in voxels of the scan, of the middle of what outlines say."""
    inside = prior.log_odds(at).argmax(axis=0) == 1
    return float(prior.grid.centres(1)[np.nonzero(inside)[1]].mean())


@pytest.mark.parametrize("size", [48, 30])
def test_a_single_outline_follows_the_images(size: int) -> None:
    labels = on_slices(bent(), 0)
    prior = prior_of(seen(bent()), labels, 0, size=size)
    for at in (1, 2, 3):
        assert middle(prior, at) == pytest.approx(20 + 8 * np.sin(np.pi * at / 8), abs=1.0)
    still = prior_of(np.zeros(SHAPE, dtype=np.float32), labels, 0, size=size)
    assert middle(still, 3) == pytest.approx(20, abs=0.5)


def test_outlines_that_their_middle_brings_over_one_another_do_not_follow() -> None:
    prior = prior_of(seen(bent()), on_slices(bent(), 0, 4), 0, 4)
    ((indices, follows),) = prior.followed[2].gaps.values()
    assert indices == (0, 4)
    assert follows == (False,)


def growing() -> npt.NDArray[np.bool_]:
    """Return a disc that becomes an upright bar: the same middle, another shape."""
    rows, columns, slices = np.ogrid[:48, :48, :9]
    across = 10 - 0.8 * slices
    along = 6 + 1.4 * slices
    return np.asarray(((rows - 24) / along) ** 2 + ((columns - 24) / across) ** 2 < 1)


def test_outlines_of_changing_shape_follow_the_images() -> None:
    labels = on_slices(growing(), 0, 8)
    prior = prior_of(seen(growing()), labels, 0, 8)
    assert prior.followed[2].gaps[0] == ((0, 8), (True,))
    assert prior.followed[2].follows(0, 0, 3.0)
    assert not prior.followed[2].follows(0, 0, 0.0)
    blank = prior_of(np.zeros(SHAPE, dtype=np.float32), labels, 0, 8)
    assert blank.followed[2].gaps[0] == ((0, 8), (False,))


def test_scribbled_slices_foretell_nothing() -> None:
    labels = on_slices(growing(), 0, 8)
    labels[:20, :, 8] = 255
    prior = prior_of(seen(growing()), labels, 0, 8)
    assert prior.followed[2].gaps[0] == ((0, 8), (False,))


def test_without_motion_outlines_only_move_with_their_middle() -> None:
    labels = on_slices(bent(), 0)
    region = Region((0, 0, 0), SHAPE)
    shapes = slice_shapes(Annotation(labels, ((2, 0),)), region, SPACING)
    prior = ShapePrior.on_grid(shapes, WorkingGrid(region, SHAPE, SPACING), 2, EndCapSettings())
    assert not prior.followed
    assert middle(prior, 3) == pytest.approx(20, abs=0.5)
