"""The labels of dataset.json."""

from __future__ import annotations

from typing import Any

import pytest

from fewslice.io.names.nnunet import ignored_label, parse_values, segments_of


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"background": 0, "liver": 1, "tumour": 2}, {1: "liver", 2: "tumour"}),
        ({"0": "background", "1": "liver", "2": "tumour"}, {1: "liver", 2: "tumour"}),
        ({"background": "0", "liver": "1"}, {1: "liver"}),
        ({"background": 0, "whole": [1, 2], "core": [2], "edge": 1}, {2: "core", 1: "edge"}),
        ({"background": 0, "liver": 1, "ignore": 2}, {1: "liver"}),
        ({"liver": None}, {}),
        ("AAL, 116 regions", {}),
        ([1, 2], {}),
        (None, {}),
    ],
)
def test_names(labels: Any, expected: dict[int, str]) -> None:
    assert {each.value: each.name for each in segments_of({"labels": labels})} == expected


def test_the_label_to_ignore() -> None:
    assert ignored_label({"labels": {"liver": 1, "ignore": 2}}) == 2
    assert ignored_label({"labels": {"0": "background", "3": "ignore"}}) == 3
    for labels in ({"liver": 1}, {"ignore": [1, 2]}, {"ignore": None}, None):
        assert ignored_label({"labels": labels}) is None


def test_regions_have_several_values() -> None:
    assert parse_values({"whole": [1, 2], "core": "2"}) == {"whole": (1, 2), "core": (2,)}
    with pytest.raises(TypeError):
        parse_values([1])
