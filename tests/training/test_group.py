"""Two processes that train a task's model together, as torchrun would start them."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fewslice.networks.distributed import process_group
from fewslice.training.trainer import TaskState, train_task_model
from tests.support.forked import forking
from tests.support.task_scans import QUICK, phantom_scan

THREE = replace(QUICK, steps=3)


def _train(rank: int, port: int, folder: Path) -> None:
    """Train as one of two processes, and keep what this one has."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    kept: list[TaskState] = []
    words: list[str] = []
    with process_group("cpu") as group:
        trained = train_task_model(
            [phantom_scan()],
            THREE,
            report=lambda _, text: words.append(text),
            keep=kept.append,
            keep_every=0.0,
            group=group,
        )
        told = iter([False, rank == 1])  # one of them is asked to stop: both do
        stopped = train_task_model([phantom_scan()], THREE, stop=lambda: next(told), group=group)
    found = {
        "weights": trained.model.network.state_dict(),
        "steps": [state.step for state in kept],
        "losses": words,
        "stopped": (stopped.finished, stopped.state.step),
    }
    torch.save(found, folder / f"rank{rank}.pt")


@pytest.mark.slow
def test_each_learns_from_batches_of_its_own_and_all_have_the_same_weights(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        forking().Process(target=_train, args=(rank, port, tmp_path), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    alone = train_task_model([phantom_scan()], THREE).model.network.state_dict()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]

    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    together = first["weights"]
    assert all(torch.equal(together[name], second["weights"][name]) for name in together)
    assert not all(torch.equal(together[name], alone[name]) for name in together)
    assert first["losses"][0] != second["losses"][0]
    assert first["steps"] == second["steps"] == [1, 2, 3]
    assert first["stopped"] == second["stopped"] == (False, 1)
