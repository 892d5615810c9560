"""The tutorials run as they stand, on the bundled scan."""

import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
SCRIPTS = sorted(TUTORIALS.glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_a_tutorial_runs(script: Path, tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Dice" in printed


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_a_tutorial_stands_on_its_page(script: Path) -> None:
    page = (TUTORIALS / f"{script.stem.replace('_', '-')}.md").read_text(encoding="utf-8")
    assert f"{{literalinclude}} {script.name}" in page
