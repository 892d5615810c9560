"""How well two people agree, on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.drawing import Drawing
from fewslice.project.agreement import agreement, compared
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan
from fewslice.project.structures import Structure
from tests.support.projects import SmallProject, slice_of

SHAPE = (4, 30, 40)
ONE = [Structure(1, "square"), Structure(2, "other")]


def square(
    start: int, size: int = 10, value: int = 1
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    labels = np.zeros((30, 40), np.uint8)
    labels[5 : 5 + size, start : start + size] = value
    return labels


def test_equal_drawings_agree_and_what_neither_drew_has_no_score() -> None:
    drawing = Drawing(SHAPE).drawn((0, 1), square(5))
    structures, slices = compared((drawing, drawing), ONE, (9.0, 1.0, 1.0), 1.0)
    assert (structures[0].dice, structures[0].surface_dice) == (1.0, 1.0)
    assert (structures[1].dice, structures[1].surface_dice) == (None, None)
    assert [(each.axis, each.index, each.dice) for each in slices] == [(0, 1, 1.0)]


def test_a_square_moved_by_half_its_side() -> None:
    """Half of it overlaps. The outline of a square of 10 mm is 9 elements of 1 mm on each side and
    4 at the corners, cut to the root of 1/2. Within 1 mm of the other square lie, of the upper and
    the lower side, 6 elements and a corner each, and 1 element at each end of the side between.
    """
    first, second = (Drawing(SHAPE).drawn((0, 1), square(start)) for start in (5, 10))
    structures, slices = compared((first, second), ONE[:1], (9.0, 1.0, 1.0), 1.0)
    assert structures[0].dice == slices[0].dice == 0.5
    corner = 0.5**0.5
    within = 2 * (6 + corner) + 2
    assert structures[0].surface_dice == pytest.approx(within / (4 * 9 + 4 * corner))
    far, _ = compared((first, second), ONE[:1], (9.0, 1.0, 1.0), 5.0)
    assert far[0].surface_dice == 1.0


def test_the_spacing_of_the_plane_counts_and_that_across_does_not() -> None:
    first, second = (Drawing(SHAPE).drawn((0, 1), square(start)) for start in (5, 7))
    near, _ = compared((first, second), ONE[:1], (0.01, 1.0, 0.5), 1.0)
    assert near[0].surface_dice == 1.0  # two voxels of half a mm
    apart, _ = compared((first, second), ONE[:1], (0.01, 1.0, 1.0), 1.0)
    assert apart[0].surface_dice is not None
    assert apart[0].surface_dice < 0.8


def test_only_slices_of_both_and_pixels_of_both_are_compared() -> None:
    doubtful = square(5)
    doubtful[5:15, 10:15] = 255
    first = Drawing(SHAPE).drawn((0, 1), doubtful).drawn((0, 2), square(5))
    second = Drawing(SHAPE).drawn((0, 1), square(5)).drawn((0, 3), square(20))
    structures, slices = compared((first, second), ONE[:1], (1.0, 1.0, 1.0), 1.0)
    assert structures[0].dice == 1.0
    assert [(each.index, each.dice) for each in slices] == [(1, 1.0)]


def test_the_worst_slice_comes_first_and_empty_ones_agree() -> None:
    first = Drawing(SHAPE).drawn((0, 0), square(5)).absent((0, 1)).absent((0, 2))
    second = Drawing(SHAPE).drawn((0, 0), square(10)).absent((0, 1)).drawn((0, 2), square(5))
    structures, slices = compared((first, second), ONE[:1], (1.0, 1.0, 1.0), 1.0)
    assert [(each.index, each.dice) for each in slices] == [(2, 0.0), (0, 0.5), (1, 1.0)]
    assert structures[0].dice == pytest.approx(2 * 50 / 300)  # pooled over slices
    mixed, _ = compared(
        (first, Drawing(SHAPE).drawn((0, 0), square(5, value=2))), ONE, (1.0, 1.0, 1.0), 1.0
    )
    assert [each.dice for each in mixed] == [0.0, 0.0]


def test_people_of_a_project_are_compared_pair_by_pair(small: SmallProject) -> None:
    assert agreement(small.project, small.scan) == []
    change_scan(small.project, small.scan, independent=True)
    for person, corner in ((small.ann, ()), (small.bob, (0, 0))):
        save_revision(
            small.project,
            small.scan,
            person,
            action="draw",
            axis=2,
            index=6,
            labels=slice_of(6, *corner),
        )
    (pair,) = agreement(small.project, small.scan)
    assert (pair.first, pair.second, pair.names) == (small.ann, small.bob, ("ann", "bob"))
    ball, cube = pair.structures
    assert (ball.name, ball.dice, ball.surface_dice, ball.tolerance) == ("ball", 1.0, 1.0, 1.0)
    assert (cube.name, cube.dice, cube.surface_dice) == ("cube", 0.0, 0.0)
