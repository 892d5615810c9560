"""Which slices judge and which teach: once said, for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fewslice.errors import ReadError
from fewslice.training.holdout import SliceRoles, add_roles, read_roles


def test_roles_add_up(tmp_path: Path) -> None:
    assert read_roles(None) == read_roles(tmp_path) == SliceRoles()
    add_roles(tmp_path, SliceRoles(), ["b"], ["c"])
    first = read_roles(tmp_path)
    assert first == SliceRoles(frozenset({"b"}), frozenset({"c"}))
    add_roles(tmp_path, first, ["a"], [])
    content = json.loads((tmp_path / "slices.json").read_bytes())
    assert content == {"held_out": ["a", "b"], "learned": ["c"]}


@pytest.mark.parametrize("content", ["[]", "{", '{"held_out": []}', '{"held_out": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "slices.json").write_text(content)
    with pytest.raises(ReadError, match=r"slices\.json is damaged"):
        read_roles(tmp_path)
