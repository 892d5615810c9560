"""A project behind its server, asked by MONAI Label's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fewslice.integrations.monai_label.routes import PREFIX, add_monai_label
from fewslice.server.settings import Settings
from tests.support.served_projects import Served, served_project


@pytest.fixture
def origins() -> tuple[str, ...]:
    """Pages elsewhere that may ask: none, unless a module names some."""
    return ()


@pytest.fixture
def served(tmp_path: Path, origins: tuple[str, ...]) -> Iterator[Served]:
    settings = Settings(work=False, tools=PREFIX, origins=origins)
    with served_project(tmp_path, settings) as found:
        add_monai_label(found.app)
        yield found
