"""Colours of structures."""

from __future__ import annotations

from fewslice.volumes.colours import structure_colour


def test_colours_are_all_different() -> None:
    assert len({structure_colour(number) for number in range(40)}) == 40
