"""The network as ONNX, for programs without PyTorch: one graph for slices and examples of any size.

Inputs, in this order, float32 but for the last; rows and columns are multiples of 8:

    images (slice, channel, 3, h, w)      hints (slice, 1, 18, h, w)      base (slice, 1, h, w)
    place (slice, 3)                      memory_images (example, channel, 3, mh, mw)
    memory_masks (example, 1, 2, mh, mw)  memory_place (example, 3)
    memory_frame (example,), int64

Output: logits (slice, 2, h, w), background first. What each means is told by
`fewslice.networks.inputs`; one structure is asked for at a time, as `auto` does.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from fewslice.errors import InputError
from fewslice.io.atomic import atomic_path
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.inputs import SAME_SCAN, Inputs, Remembered

INPUTS = (
    "images",
    "hints",
    "base",
    "place",
    "memory_images",
    "memory_masks",
    "memory_place",
    "memory_frame",
)
_MULTIPLE = 8


class _OneStructure(nn.Module):
    """The network with plain tensors as arguments."""

    def __init__(self, network: FewsliceNet) -> None:
        super().__init__()
        self.network = network

    def forward(  # noqa: PLR0913, PLR0917 - the inputs of the graph
        self,
        images: Tensor,
        hints: Tensor,
        base: Tensor,
        place: Tensor,
        memory_images: Tensor,
        memory_masks: Tensor,
        memory_place: Tensor,
        memory_frame: Tensor,
    ) -> Tensor:
        memory = Remembered(memory_images, memory_masks, memory_place, memory_frame)
        logits: Tensor = self.network(Inputs(images, hints, base, place, (memory,)))
        return logits


def write_onnx(network: FewsliceNet, path: str | os.PathLike[str]) -> None:
    """Write a network as an ONNX file; takes half a minute.

    Raises InputError if the libraries of fewslice[onnx] are missing, WriteError if the file cannot
    be written.
    """
    if find_spec("onnxscript") is None:
        raise InputError(
            "Writing ONNX needs a library that is not installed (onnxscript); install it with: "
            'python -m pip install "fewslice[onnx]".'
        )
    from torch._dynamo import config

    # To look up sizes that are symbols takes longer than to work them out: a quarter of the time.
    uncached = config.patch(fake_tensor_cache_enabled=False)
    with atomic_path(path) as temporary, _quiet(), uncached:
        captured = torch.export.export(
            _OneStructure(network.cpu().eval()),
            _example(network.settings.hints),
            dynamic_shapes=_shapes(),
            strict=False,  # reading the code as well takes a third longer
        )
        program = torch.onnx.export(
            captured,
            dynamo=True,
            input_names=list(INPUTS),
            output_names=["logits"],
            verbose=False,
        )
        assert program is not None  # noqa: S101 - as dynamo=True promises
        program.save(str(temporary), external_data=False)


def _example(hints: int) -> tuple[Tensor, ...]:
    """Return inputs of some size: no two sides alike, or they would be taken for one."""
    return (
        torch.zeros(2, 2, 3, 48, 56),
        torch.zeros(2, 1, hints, 48, 56),
        torch.zeros(2, 1, 48, 56),
        torch.zeros(2, 3),
        torch.zeros(5, 2, 3, 64, 40),
        torch.zeros(5, 1, 2, 64, 40),
        torch.zeros(5, 3),
        torch.full((5,), SAME_SCAN),
    )


def _shapes() -> tuple[dict[int, object], ...]:
    """Return which sides may differ: all but the number of hints and of structures."""
    from torch.export import Dim

    any_number = Dim.DYNAMIC
    rows, columns, memory_rows, memory_columns = (
        _MULTIPLE * Dim(name, min=2, max=4096)
        for name in ("rows", "columns", "memory_rows", "memory_columns")
    )
    many, memory = {0: any_number}, {3: memory_rows, 4: memory_columns}
    return (
        {0: any_number, 1: any_number, 3: rows, 4: columns},
        {0: any_number, 3: rows, 4: columns},
        {0: any_number, 2: rows, 3: columns},
        many,
        {0: any_number, 1: any_number, **memory},
        {0: any_number, **memory},
        many,
        many,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says of its own workings from people."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
