"""inputs.json in the words of today and before, and everything that may be wrong in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewslice.errors import FewsliceError, InputError, ReadError
from fewslice.integrations.grand_challenge.sockets import (
    INPUTS,
    Sockets,
    image_at,
    read_inputs,
    read_sockets,
    require_known,
)

SOCKETS = Sockets(scan="ct", labels="drawn", support=(("ct-2", "all-2"), ("ct-3", "all-3")))


def inputs(folder: Path, content: Any) -> Path:
    (folder / "inputs.json").write_text(
        content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize("word", ["socket", "interface"])
def test_sockets_and_interfaces_are_the_same(tmp_path: Path, word: str) -> None:
    items = [{word: {"slug": "ct", "relative_path": "images/ct"}, "value": None}]
    assert read_inputs(inputs(tmp_path, items)) == {"ct": tmp_path / "images" / "ct"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({}, "should hold a list of sockets"),
        ([], "should hold a list of sockets"),
        ([3], 'has no "socket"'),
        ([{"slug": "ct"}], 'has no "socket"'),
        ([{"socket": {"slug": "ct"}}], 'needs a "slug" and a "relative_path"'),
        ([{"socket": {"slug": 3, "relative_path": "a"}}], 'needs a "slug"'),
        ([{"socket": {"slug": "ct", "relative_path": "../etc"}}], "leaves its folder"),
        ([{"socket": {"slug": "ct", "relative_path": "/etc"}}], "leaves its folder"),
        ([{"socket": {"slug": "ct", "relative_path": "a"}}] * 2, "names the socket 'ct' twice"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(FewsliceError, match=message) as error:
        read_inputs(inputs(tmp_path, content))
    assert "\n" not in str(error.value)


def test_no_inputs(tmp_path: Path) -> None:
    with pytest.raises(FewsliceError, match=r"There is no file .*inputs\.json"):
        read_inputs(tmp_path)


@pytest.mark.parametrize(
    ("slugs", "model"),
    [
        ({"ct", "drawn"}, False),
        ({"ct", "drawn", "ct-2", "all-2"}, False),
        ({"ct", "ct-2", "all-2"}, False),
        ({"ct", "ct-2", "all-2", "ct-3", "all-3"}, False),
        ({"ct"}, True),
    ],
)
def test_sets_of_sockets(slugs: set[str], model: bool) -> None:
    require_known(slugs, SOCKETS, model=model)


@pytest.mark.parametrize("slugs", [{"ct"}, {"drawn"}, {"ct", "ct-2"}, {"ct", "drawn", "age"}])
def test_other_sets_are_named(slugs: set[str]) -> None:
    with pytest.raises(InputError, match=r"expected \[ct, drawn\] or"):
        require_known(slugs, SOCKETS, model=False)


def test_one_image_a_socket(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no image: there is no folder"):
        image_at(tmp_path / "none", "ct")
    with pytest.raises(InputError, match="is empty"):
        image_at(tmp_path, "ct")
    (tmp_path / "a.MHA").touch()
    assert image_at(tmp_path, "ct") == tmp_path / "a.MHA"
    (tmp_path / "b.tiff").touch()
    with pytest.raises(InputError, match="'ct' has 2 images"):
        image_at(tmp_path, "ct")


def test_the_description_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "sockets.json"
    path.write_text(json.dumps(SOCKETS.as_dict()), encoding="utf-8")
    assert read_sockets(path) == SOCKETS


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"skan": "ct"},
        {"scan": 3},
        {"support": ["ct-2"]},
        {"support": [["ct-2"]]},
        {"segmentation": "../output"},
    ],
)
def test_a_wrong_description(tmp_path: Path, given: Any) -> None:
    path = tmp_path / "sockets.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    with pytest.raises(InputError, match=r"correct|inside"):
        read_sockets(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("socket", "interface", "slug", "relative_path", "x")), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=150, database=None, derandomize=True, deadline=None)
@given(content=json_values)
def test_inputs_of_any_kind_end_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / INPUTS).write_text(json.dumps(content), encoding="utf-8")
    said = ""
    try:
        places = read_inputs(folder)
        require_known(places, Sockets(), model=True)
    except (InputError, ReadError) as error:
        said = str(error)
    assert "\n" not in said
    assert said or set(places) in Sockets().sets(model=True)
