"""What commands exit with, apart from 0 and 1."""

from __future__ import annotations

WRONG = 2
"""Something that the person has to change, said in a sentence."""

INTERRUPTED = 130
"""Ctrl-C before everything was done; shells use the same number."""
