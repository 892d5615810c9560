"""What people build on changes only on purpose."""

from __future__ import annotations

import fewslice
from tests.support.public_surface import SNAPSHOT, public_surface


def test_the_public_surface_is_as_it_was() -> None:
    written = SNAPSHOT.read_text(encoding="utf-8")
    assert public_surface() == written, "if it was meant, run make surface and commit the file"


def test_dir_shows_every_public_name() -> None:
    assert set(fewslice.__all__) <= set(dir(fewslice))
