"""Measures refuse arrays in which voxels are masked, and take those in which none is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.metrics.overlap import dice
from fewslice.metrics.scores import score, score_slices
from fewslice.metrics.surface import surface_distances

SPACING = (1.0, 1.0, 1.0)
MEASURES = {
    "dice": dice,
    "score": partial(score, spacing=SPACING),
    "score_slices": partial(score_slices, spacing=SPACING, axis=0, skip=[0]),
    "surface_distances": partial(surface_distances, spacing=SPACING),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_what_lies_behind_a_mask_is_not_counted(measure: Callable[..., Any]) -> None:
    plain = np.zeros((3, 3, 3), dtype=bool)
    plain[1:, 1:] = True
    masked = np.ma.masked_array(plain, np.zeros(plain.shape, dtype=bool))
    masked[0, :2, 0] = np.ma.masked
    said = r" is masked in 2 of 27 voxels; expected True or False .*filled\(False\)"
    with pytest.raises(InputError, match="^The prediction" + said):
        measure(masked, plain)
    with pytest.raises(InputError, match="^The reference" + said):
        measure(plain, masked)


def test_a_mask_of_no_voxel_changes_nothing() -> None:
    plain = np.zeros((3, 3, 3), dtype=bool)
    plain[1:, 1:] = True
    other = np.roll(plain, 1, axis=2) & plain[..., ::-1]
    other[2] = False
    given = [np.ma.masked_array(each) for each in (plain, other)]
    assert score(given[0], given[1], SPACING) == score(plain, other, SPACING)
    assert score_slices(given[0], given[1], SPACING, 0, [0]) == score_slices(
        plain, other, SPACING, 0, [0]
    )
