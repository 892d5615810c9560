"""Support scans laid over a scan as a whole."""

from __future__ import annotations

import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.atlas.alignment import (
    AlignedAtlas,
    AtlasSettings,
    LabelledScan,
    align_atlas,
    filled_in,
    points_of,
    transform_points,
    usable,
)
from fewslice.engines.atlas.registration import as_image, grid_of
from fewslice.engines.base import Scan, SupportScan
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.region import Region


def scan(shift: int = 0) -> Scan:
    """Return a bright box on a slope, moved along the first axis."""
    values = np.zeros((24, 20, 16), dtype=np.float32)
    values += np.linspace(0, 0.3, 20)[:, None]
    values[6 + shift : 14 + shift, 5:12, 4:11] = 1
    return Scan.from_spacing(values[None], (1.0, 1.0, 2.0))


def atlas(shift: int = 0) -> LabelledScan:
    labels = np.zeros(scan().shape, dtype=np.int16)
    labels[6 + shift : 14 + shift, 5:12, 4:11] = 1
    return LabelledScan(scan(shift), labels, (0,))


def test_only_values_that_are_drawn_count_and_what_is_unknown_stays_so() -> None:
    labels = np.zeros(scan().shape, dtype=np.uint8)
    labels[6:14, 5:12, 4:11] = 7
    labels[0] = UNKNOWN
    every = tuple((2, index) for index in range(16))
    support = SupportScan(scan(), Annotation(labels, every))
    found = filled_in(support, (3, 7))
    assert found is not None
    assert found.held == (1,)
    assert (found.labels[6:14, 5:12, 4:11] == 2).all()
    assert (found.labels[0] == -1).all()
    assert filled_in(support, (3,)) is None


def test_points_are_in_mm_from_the_middle() -> None:
    points = points_of(atlas(), [0])
    np.testing.assert_allclose(points.min(axis=0), [6 - 11.5, 5 - 9.5, (4 - 7.5) * 2])
    np.testing.assert_allclose(points.max(axis=0), [13 - 11.5, 11 - 9.5, (10 - 7.5) * 2])


def test_a_shifted_scan_is_found_where_it_is() -> None:
    fixed = scan()
    grid = grid_of(Region((0, 0, 0), fixed.shape), fixed.spacing, 120_000)
    image = as_image(grid.down(fixed.channels[0]), grid, fixed.shape)
    found = align_atlas(image, atlas(shift=4), AtlasSettings())
    assert found.correlation > 0.9
    middle = points_of(atlas(), [0]).mean(axis=0, keepdims=True)
    there = points_of(atlas(shift=4), [0]).mean(axis=0)
    np.testing.assert_allclose(transform_points(found.transform, middle)[0], there, atol=0.7)


def test_who_correlates_much_less_than_the_best_is_left_out() -> None:
    import SimpleITK

    transform = SimpleITK.AffineTransform(3)
    aligned = [AlignedAtlas(atlas(), transform, c) for c in (0.9, 0.55, 0.53, 0.1)]
    assert [one.correlation for one in usable(aligned, AtlasSettings())] == [0.9, 0.55]
    assert usable([], AtlasSettings()) == ()
