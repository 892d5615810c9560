"""Processes that begin with the libraries of training already loaded."""

from __future__ import annotations

from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import ForkServerContext, SpawnContext

_LOADED = ["fewslice.training.trainer", "monai", "torch._dynamo"]


def forking() -> ForkServerContext | SpawnContext:
    """Return what starts processes, each a copy of one that has loaded what takes seconds.

    That one holds nothing else: no state of this process. On Windows each loads all by itself.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context
