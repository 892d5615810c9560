from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fewslice.errors import WeightsError
from fewslice.networks.checkpoint import read_state

STATE = {"a.weight": torch.arange(3.0), "a.bias": torch.ones(1)}


class Harmful:
    """Says what reading it by pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (Path("/nowhere/ran"),))


@pytest.mark.parametrize("wrapping", [None, "state_dict", "model"])
def test_a_state_is_read_by_itself_or_under_a_usual_name(
    tmp_path: Path, wrapping: str | None
) -> None:
    path = tmp_path / "a.pt"
    torch.save(STATE if wrapping is None else {wrapping: STATE, "epoch": 3}, path)
    assert read_state(path, "expected numbers")["a.weight"].tolist() == [0, 1, 2]


def test_safetensors_are_read_as_well(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")
    found = read_state(tmp_path / "a.safetensors", "expected numbers")
    assert sorted(found) == ["a.bias", "a.weight"]


def test_what_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": Harmful()}, path)
    with pytest.raises(WeightsError, match=r"more than numbers, which is never run; expected numb"):
        read_state(path, "expected numbers")
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(WeightsError, match=r"expected numbers\.$"):
        read_state(path, "expected numbers")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"\x1f\x8bnothing", "no file of torch.save"),
        (b"PK\x03\x04 half of an archive", "cannot be read"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=said) as caught:
        read_state(path, "expected numbers")
    assert str(caught.value).endswith("expected numbers.")
    assert "\n" not in str(caught.value)


def test_what_holds_no_tensors_by_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for held, said in (
        ([1, 2], "no tensors by name"),
        ({"a": 1}, "'a' of type int"),
        ({}, "no te"),
    ):
        torch.save(held, path)
        with pytest.raises(WeightsError, match=said):
            read_state(path, "expected numbers")


def test_a_missing_file_a_folder_and_broken_safetensors(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"a\.pt does not exist; expected numbers"):
        read_state(tmp_path / "a.pt", "expected numbers")
    with pytest.raises(WeightsError, match="is a folder"):
        read_state(tmp_path, "expected numbers")
    (tmp_path / "a.safetensors").write_bytes(b"12345678")
    with pytest.raises(WeightsError, match="damaged or no safetensors"):
        read_state(tmp_path / "a.safetensors", "expected numbers")
