"""Colours of structures that are told apart by eye, the same in pictures and in files."""

from __future__ import annotations

import colorsys

CHOSEN = (
    "#f8007a", "#56f6e1", "#d6f62d", "#6b6fe7", "#927a02", "#8dabfd", "#cf7da7", "#abb537",
)  # fmt: skip
"""Those of the first structures; more than these cannot be told apart by eye. They were searched
for so that people who see no red, no green or no blue tell them apart as well."""

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""


def structure_colour(number: int) -> Colour:
    """Return the colour of the n-th structure: the chosen ones, then hues spread evenly."""
    if number < len(CHOSEN):
        text = CHOSEN[number]
        return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255
    hue = (0.07 + number * 0.618034) % 1.0
    return colorsys.hsv_to_rgb(hue, (0.5, 0.85, 0.65)[number % 3], (1.0, 0.95, 0.75)[number % 3])
