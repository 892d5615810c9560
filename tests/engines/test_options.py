from __future__ import annotations

from pathlib import Path

import pytest

from fewslice.engines import (
    EngineOptions,
    Network,
    NNInteractive,
    UniverSeg,
    engine_name,
    find_engine,
    options_of,
)
from fewslice.engines.identity import digest_of, engine_identity
from fewslice.errors import InputError, WeightsError


def test_a_name_may_go_on_with_a_file_or_a_server() -> None:
    assert find_engine("universeg=a/b.pt") == UniverSeg(Path("a/b.pt"))
    assert find_engine("network=w.safetensors") == Network(Path("w.safetensors"))
    assert find_engine("nninteractive=http://a:1?x=2") == NNInteractive("http://a:1?x=2")
    assert engine_name(find_engine("nninteractive=http://a:1")) == "nninteractive"


def test_options_reach_engines_of_others_and_come_back() -> None:
    for name, options in (
        ("monai-bundle", EngineOptions(Path("bundle"))),
        ("torchscript", EngineOptions(Path("a.pt"))),
        ("nninteractive", EngineOptions(server="http://a")),
    ):
        assert options_of(find_engine(name, options)) == options


def test_options_that_an_engine_has_no_use_for() -> None:
    with pytest.raises(InputError, match="interpolation has no use for a file of weights"):
        find_engine("interpolation=a.pt")
    with pytest.raises(InputError, match=r"the address of a server; .* choose nninteractive\."):
        find_engine("universeg", EngineOptions(server="http://a"))
    with pytest.raises(InputError, match=r"'b\.pt' after its name and a.pt as --weights"):
        find_engine("universeg=b.pt", EngineOptions(Path("a.pt")))


def test_an_engine_is_told_by_what_its_files_hold(tmp_path: Path) -> None:
    assert engine_identity(find_engine("interpolation")) == repr(find_engine("interpolation"))
    path = tmp_path / "a.pt"
    engine = find_engine(f"torchscript={path}")
    with pytest.raises(WeightsError, match=r"a\.pt does not exist"):
        engine_identity(engine)
    seen = set()
    for file, text in (("a.pt", "1"), ("a.pt", "2"), ("a.json", "1"), ("a.json", "2"), ("b", "1")):
        (tmp_path / file).write_text(text, encoding="ascii")
        seen.add(engine_identity(engine))
    assert len(seen) == 4  # a file of another name makes no difference


def test_a_folder_is_told_by_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    seen = {digest_of(tmp_path)}
    for name in ("a", "configs/a", "configs/b"):
        (tmp_path / name).write_text("1", encoding="ascii")
        seen.add(digest_of(tmp_path))
    assert len(seen) == 4
