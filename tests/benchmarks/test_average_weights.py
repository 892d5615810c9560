from pathlib import Path

import pytest
import torch
from benchmarks.average_weights import average, between

from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings
from fewslice.networks.weights import load_weights, read_metadata, save_weights

SMALL = NetworkSettings(widths=(8, 8, 8, 8), keys=8, values=8, heads=2)


def test_parameters_lie_on_the_line_between_both() -> None:
    one, other = {"a": torch.tensor([0.0, 4.0])}, {"a": torch.tensor([8.0, 0.0])}
    assert torch.equal(between(one, other, 0.25)["a"], torch.tensor([2.0, 3.0]))


def saved(path: Path, settings: NetworkSettings, value: float) -> Path:
    network = FewsliceNet(settings)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)
    save_weights(path, network, settings, {"step": f"{value:g}"})
    return path


def test_a_file_of_weights_between_two_others_tells_where_they_come_from(tmp_path: Path) -> None:
    before = saved(tmp_path / "before.safetensors", SMALL, 1.0)
    after = saved(tmp_path / "after.safetensors", SMALL, 3.0)
    out = tmp_path / "between.safetensors"
    digest = average(before, after, 0.75, out)
    settings, state = load_weights(out, digest)
    assert settings == SMALL
    parameters = dict(FewsliceNet(SMALL).named_parameters())
    assert all(bool((state[name] == 2.5).all()) for name in parameters)
    told = read_metadata(out)
    assert told == {"step": "3", "averaged": "0.75 of it, 0.25 of those before"}


def test_different_networks_are_not_averaged(tmp_path: Path) -> None:
    before = saved(tmp_path / "before.safetensors", SMALL, 1.0)
    wider = NetworkSettings(widths=(8, 8, 8, 16), keys=8, values=8, heads=2)
    after = saved(tmp_path / "after.safetensors", wider, 1.0)
    with pytest.raises(SystemExit, match="different networks"):
        average(before, after, 0.5, tmp_path / "out.safetensors")
