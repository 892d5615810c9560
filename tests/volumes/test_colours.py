"""Colours of structures."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from fewslice.volumes.colours import CHOSEN, structure_colour

# What people without one kind of cones see of linear RGB (Machado et al. 2009, severity 1).
SIGHT: dict[str, npt.ArrayLike] = {
    "all cones": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip


def seen(number: int, sight: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A structure's colour in CIELAB as somebody sees it."""
    colour = np.array(structure_colour(number))
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    left = np.clip(np.asarray(sight) @ linear, 0, 1)
    again = np.where(left <= 0.0031308, 12.92 * left, 1.055 * left ** (1 / 2.4) - 0.055)
    found: npt.NDArray[np.float64] = rgb2lab(again)
    return found


def test_colours_are_all_different() -> None:
    assert len({structure_colour(number) for number in range(40)}) == 40


@pytest.mark.parametrize("sight", SIGHT)
def test_everybody_tells_the_chosen_colours_apart(sight: str) -> None:
    # A difference of 2 can be seen side by side, and one of 10 at a glance.
    colours = [seen(number, SIGHT[sight]) for number in range(len(CHOSEN))]
    least = min(deltaE_ciede2000(one, other) for one, other in combinations(colours, 2))
    assert least > 14
