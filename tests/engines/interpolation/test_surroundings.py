"""Where engines look."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior
from fewslice.engines.interpolation.surroundings import surroundings
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.metrics.overlap import dice
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.rods import DRAWN, SPACING, drawn, rod, scan_of, seen


def test_one_slice_is_looked_beyond_as_far_as_the_structure_goes() -> None:
    mask = rod(16, 24)
    annotation = drawn(mask, DRAWN)
    around = surroundings(scan_of(seen(mask)), annotation, 0.35)
    near = field_of_view(annotation, SPACING, 0.35, 1.0)
    assert around.region.stop[2] > 25 > near.stop[2]
    assert around.region.start[:2] == near.start[:2]
    (motion,) = around.motions
    grid = WorkingGrid(around.region, around.region.shape, SPACING)
    prior = ShapePrior.on_grid(around.shapes, grid, 2, EndCapSettings(), around.motions)
    first = around.region.start[2]
    shown = [
        prior.log_odds(at - first).argmax(axis=0).any()
        for at in range(first, around.region.stop[2])
    ]
    last = first + int(np.flatnonzero(shown)[-1])
    assert abs(last - (DRAWN + motion.ends[0, True] / SPACING[2])) <= 1


def test_a_slice_beside_the_first_shortens_nothing() -> None:
    mask = rod(16, 24)
    one, two = drawn(mask, DRAWN), drawn(mask, DRAWN, DRAWN + 1)
    around = [surroundings(scan_of(seen(mask)), each, 0.35).region for each in (one, two)]
    assert around[1].start[2] <= 16
    assert around[1].stop[2] > 24
    assert abs(around[1].start[2] - around[0].start[2]) <= 1


def test_spread_slices_are_looked_around_as_before() -> None:
    mask = rod(16, 24)
    annotation = drawn(mask, 17, DRAWN, 23)
    around = surroundings(scan_of(seen(mask)), annotation, 0.35)
    assert around.region == field_of_view(annotation, SPACING, 0.35, 1.0)
    assert not around.motions[0].ends


@pytest.mark.parametrize("slices", [(DRAWN,), (DRAWN, DRAWN + 1), (DRAWN - 2, DRAWN)])
def test_a_rod_is_completed_to_its_ends(slices: tuple[int, ...]) -> None:
    """By its radius alone it would end a slice too early on either side: a Dice of .87."""
    mask = rod(16, 24)
    annotation = drawn(mask, *slices)
    answer = RandomWalker().prepare(scan_of(seen(mask))).predict(annotation)
    found = np.zeros(mask.shape, dtype=bool)
    found[answer.region.slices] = answer.probability[1] > 0.5
    assert dice(found, mask) > 0.99
