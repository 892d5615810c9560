"""The reference leaves no public name out."""

from pathlib import Path

import pytest

import fewslice

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


@pytest.mark.parametrize("name", fewslice.__all__)
def test_a_public_name_stands_in_the_reference(name: str) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(".. auto") and line.endswith(f":: {name}") for line in lines)
