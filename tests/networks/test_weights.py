"""Files of weights come back as they were, and anything else is refused in one sentence."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fewslice.errors import WeightsError
from fewslice.networks import shipped
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings
from fewslice.networks.shipped import shipped_weights
from fewslice.networks.weights import load_weights, read_metadata, save_weights

SMALL = NetworkSettings(widths=(8, 8, 8, 8), keys=8, values=8, heads=2)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "net.safetensors"
    save_weights(path, FewsliceNet(SMALL), SMALL, {"step": "5"})
    return path


def test_weights_come_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = FewsliceNet(SMALL)
    path = tmp_path / "net.safetensors"
    digest = save_weights(path, network, SMALL, {"step": "5"})
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    settings, state = load_weights(path, digest.upper() + "\n")
    assert settings == SMALL
    other = FewsliceNet(settings)
    other.load_state_dict(state)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters()))  # noqa: B905
    assert read_metadata(path) == {"step": "5"}


def test_a_file_that_was_changed_is_noticed(saved: Path) -> None:
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    with pytest.raises(WeightsError, match="not the file of weights expected: its SHA-256 is"):
        load_weights(saved, digest)


@pytest.mark.parametrize("length", [0, 4, 100, 10_000])
def test_a_truncated_file(length: int, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(WeightsError, match="is damaged or no safetensors file"):
        load_weights(saved, None)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No such file"):
        load_weights(tmp_path / "none.safetensors", None)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_metadata(tmp_path)


def test_tensors_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="not of a network of fewslice"):
        load_weights(path, None)


def _rewritten(path: Path, tensors: dict[str, Tensor], settings: str) -> Path:
    save_file(tensors, path, {"format": "fewslice-network-1", "settings": settings})
    return path


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("{", "settings that this version of fewslice does not know"),
        ("[]", "settings that this version of fewslice does not know"),
        ('{"heads": 2}', "does not know (keys heads)"),
        ({"heads": "2"}, "does not know ('2' instead of int)"),
        ({"heads": True}, "does not know (True instead of int)"),
        ({"heads": -1}, "does not know (-1 is out of range)"),
        ({"widths": [8, 8]}, "does not know ([8, 8] instead of 4 values)"),
        ({"widths": [8, 8, 8, 0]}, "does not know (0 is out of range)"),
        ({"widths": [8, 8, 8, 4]}, "no network can be built"),
        ({"keys": 16}, "does not fit its own settings: it has another"),
    ],
)
def test_wrong_settings(settings: Any, sentence: str, saved: Path) -> None:
    if isinstance(settings, dict):
        good = {"widths": [8, 8, 8, 8], "keys": 8, "values": 8, "heads": 2, "hints": SMALL.hints}
        settings = json.dumps(good | settings)
    path = _rewritten(saved, load_file(saved), settings)
    with pytest.raises(WeightsError, match=re.escape(sentence)):
        load_weights(path, None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("query.weight"), "it lacks 'query.weight'"),
        (lambda state: state.clear(), "more; choose a file"),
        (lambda state: state.update(more=torch.zeros(1)), "it has the unknown 'more'"),
        (
            lambda state: state.update({"query.bias": state["query.bias"].half()}),
            "it has another 'query.bias'",
        ),
    ],
)
def test_tensors_that_do_not_fit(
    change: Callable[[dict[str, Tensor]], Any], sentence: str, saved: Path
) -> None:
    state = load_file(saved)
    change(state)
    good = {"widths": [8, 8, 8, 8], "keys": 8, "values": 8, "heads": 2, "hints": SMALL.hints}
    with pytest.raises(WeightsError, match=re.escape(sentence)):
        load_weights(_rewritten(saved, state, json.dumps(good)), None)


def test_shipped_weights_come_with_their_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "shipped.py"))
    with pytest.raises(WeightsError, match="install it again"):
        shipped_weights()
    folder = tmp_path / "weights"
    folder.mkdir()
    path = folder / "fewslice.safetensors"
    digest = save_weights(path, FewsliceNet(SMALL), SMALL, {})
    (folder / "fewslice.sha256").write_text(f"{digest}  fewslice.safetensors\n")
    assert shipped_weights() == (path, digest)
    assert load_weights(*shipped_weights())[0] == SMALL
