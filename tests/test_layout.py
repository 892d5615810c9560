"""Where tests and what they share are found."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MODULES = sorted(TESTS.rglob("*.py"))
FOLDERS = sorted({path.parent for path in TESTS.rglob("test_*.py")} - {TESTS})


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_what_tests_share_is_in_support() -> None:
    shared = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in MODULES
        for name in imported(path)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert shared == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(TESTS)))
def test_a_folder_of_tests_has_the_name_of_what_it_tests(folder: Path) -> None:
    place = folder.relative_to(TESTS)
    assert (ROOT / "src" / "fewslice" / place).is_dir() or (ROOT / place).is_dir()
