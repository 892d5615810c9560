"""One process and two: a device to work on, and the same weights whoever computes them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from fewslice.errors import FewsliceError, InputError
from fewslice.networks import distributed
from fewslice.networks.distributed import Group, average_gradients, process_group
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings
from fewslice.networks.weights import load_weights
from fewslice.pretraining.loop import trainer
from fewslice.pretraining.loop.checkpoint import load_checkpoint
from fewslice.pretraining.loop.loop import FINAL, LAST
from tests.support.forked import forking
from tests.support.tiny_network import MATERIALS, config

ALONE = Group(0, 1, torch.device("cpu"))


def test_a_process_alone() -> None:
    with process_group("cpu") as group:
        assert group == ALONE
        assert group.leads
        assert distributed.maximum([0.1, 3.0], group) == [0.1, 3.0]
        assert distributed.gather("a", group) == ["a"]


def test_a_device_that_is_not_there() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(InputError, match="this computer has none"), process_group(missing):
        pass


def test_missing_gradients_count_zero() -> None:
    parameter = nn.Parameter(torch.ones(2))
    average_gradients([parameter], ALONE)
    assert parameter.grad is not None
    assert parameter.grad.tolist() == [0, 0]


def test_an_error_of_the_first_process_is_raised() -> None:
    def fail() -> None:
        raise InputError("No.")

    with pytest.raises(InputError, match=r"^No\.$"):
        distributed.lead(fail, ALONE)


def _train(rank: int, ports: list[int], folder: Path) -> None:
    """Train as one of two processes, as torchrun would start it, and keep what this one has."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(ports[0]),
    }
    torch.set_num_threads(1)
    own = {"folder": str(folder / "two")}
    settings = config(folder, optimisation={"steps": 3, "episodes_per_step": 1}, output=own)
    vars(trainer)["FewsliceNet"] = _Kept
    trainer.train(settings, materials=MATERIALS)
    (folder / f"threads{rank}.txt").write_text(" ".join(_threads()))
    torch.save(_Kept.built[0].state_dict(), folder / f"rank{rank}.pt")
    os.environ["MASTER_PORT"] = str(ports[1])
    with process_group("cpu") as group, pytest.raises(FewsliceError, match=r"^First\.$"):
        distributed.lead(_fail, group)


def _threads() -> list[str]:
    """Return the names of this process's threads, those of libraries, too; none but on Linux."""
    return [each.read_text().strip() for each in Path("/proc/self/task").glob("*/comm")]


def _fail() -> None:
    raise FewsliceError("First.")


class _Kept(FewsliceNet):
    """A network that this process keeps, to look at after training."""

    built: ClassVar[list[FewsliceNet]] = []

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self.built.append(self)


@pytest.mark.slow
def test_two_processes_agree_and_equal_one_with_as_many_episodes(tmp_path: Path) -> None:
    with socket.socket() as one, socket.socket() as other:
        for free in (one, other):
            free.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1], other.getsockname()[1]]
    processes = [
        forking().Process(target=_train, args=(rank, ports, tmp_path), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    own = {"folder": str(tmp_path / "one")}
    trainer.train(config(tmp_path, optimisation={"steps": 3}, output=own), materials=MATERIALS)
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    # One that still ran when Python ends would abort the process.
    assert not [rank for rank in (0, 1) if "gloo" in (tmp_path / f"threads{rank}.txt").read_text()]

    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.manual_seed(0)
    untrained = FewsliceNet(config(tmp_path).network).state_dict()
    assert not all(torch.equal(first[name], untrained[name]) for name in first)
    last = load_checkpoint(tmp_path / "two" / LAST)
    assert last.state.episodes == 6
    together = load_weights(tmp_path / "two" / FINAL)[1]
    alone = load_weights(tmp_path / "one" / FINAL)[1]
    for name, value in together.items():
        torch.testing.assert_close(value, alone[name], rtol=1e-3, atol=1e-4)
    one_rows, two_rows = (
        (tmp_path / run / "validation.csv").read_text().splitlines() for run in ("one", "two")
    )
    assert len(one_rows) == len(two_rows)
