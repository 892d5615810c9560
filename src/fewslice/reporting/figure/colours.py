"""Colours of a picture: what each sign stands for; structures have `volumes/colours.py`'s."""

from __future__ import annotations

PAGE = "#ffffff"
ANNOTATED = "#ffe14d"
PREDICTED = "#3b6ea8"
NOTHING = "#c5d5e6"
OUTLINE = "#9fd8ff"  # of the structures where the uncertainty is shown
