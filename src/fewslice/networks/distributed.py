"""Several processes that train one network, each on episodes of its own (torchrun).

Gradients are added up and divided here, after the last episode of a step, rather than by
DistributedDataParallel: episodes differ in which parts of the network they use, which its
bookkeeping of unused parameters does not survive together with accumulated gradients. It is one
exchange per step either way.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from fewslice.errors import FewsliceError, InputError

T = TypeVar("T")

_PATIENCE = timedelta(hours=6)  # the first process may be building the bank


@dataclass(frozen=True)
class Group:
    """The processes at work together. rank: of this one, from 0. world: how many they are."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes and shows what there is to write and show."""
        return self.rank == 0


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """Yield the group this process belongs to; torchrun says so by its environment variables.

    device: "auto", "cpu", "cuda" or "mps". Without torchrun it is a group of one. Raises
    InputError if the device is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Group(0, 1, chosen)
        return
    # Its functions take the group there is at import as a default. Imported later, as optimisers
    # do, it keeps the group and its threads beyond destroy_process_group, and a thread that still
    # runs when Python ends aborts the process.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Group(dist.get_rank(), world, chosen)
    finally:
        dist.destroy_process_group()


def average_gradients(parameters: Iterable[nn.Parameter], group: Group) -> None:
    """Put the mean of all processes' gradients in place of each one's; a missing one counts 0."""
    gradients = [_gradient(parameter) for parameter in parameters]
    if group.world == 1 or not gradients:
        return
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= group.world
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def share_state(module: nn.Module, group: Group) -> None:
    """Give every process the parameters and buffers of the first."""
    if group.world > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)


def maximum(values: Sequence[float], group: Group) -> list[float]:
    """Return the largest of each value over all processes, so that they decide alike."""
    if group.world == 1:
        return list(values)
    # float32, because not every device has float64
    shared = torch.tensor(list(values), dtype=torch.float32, device=group.device)
    dist.all_reduce(shared, op=dist.ReduceOp.MAX)
    return [float(value) for value in shared]


def gather(value: T, group: Group) -> list[T]:
    """Return the value of each process, in the order of ranks, in every process."""
    if group.world == 1:
        return [value]
    everyone: list[T | None] = [None] * group.world
    dist.all_gather_object(everyone, value)
    return everyone  # type: ignore[return-value]


def lead(work: Callable[[], None], group: Group) -> None:
    """Let the first process do something while the others wait.

    If it raises a FewsliceError, every process does, so that none waits for ever.
    """
    failure: FewsliceError | None = None
    if group.leads:
        try:
            work()
        except FewsliceError as error:
            failure = error
    sentence = gather(None if failure is None else str(failure), group)[0]
    if failure is not None:
        raise failure
    if sentence is not None:
        raise FewsliceError(sentence)


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _device(name: str, local_rank: int) -> torch.device:
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, available in there.items() if available)
    if not there[name]:
        raise InputError(
            f'The device {name!r} was asked for, but this computer has none; use "auto".'
        )
    if name != "cuda":
        return torch.device(name)
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device
