"""A training that was interrupted: its state in the model folder, to go on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.errors import ReadError
from fewslice.io.atomic import atomic_path

if TYPE_CHECKING:
    from fewslice.training.trainer import TaskState

UNFINISHED = "unfinished.safetensors"
"""Name of the file in a model folder."""


def write_state(folder: Path, mark: str, state: TaskState) -> None:
    """Write a state as a whole. mark: what must be the same for the training to go on."""
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
    told = {
        "mark": mark,
        "step": str(state.step),
        "seconds": str(state.seconds),
        "losses": json.dumps(state.losses),
    }
    with atomic_path(folder / UNFINISHED) as temporary:
        temporary.write_bytes(save(tensors, told))


def read_state(folder: Path | None, mark: str) -> TaskState:
    """Read a state. Raises ReadError if there is none, it is damaged or of another training."""
    from safetensors import SafetensorError, safe_open

    from fewslice.training.trainer import TaskState

    if folder is None:
        raise ReadError("Without a model folder no state is kept to go on from; leave resume out.")
    path = folder / UNFINISHED
    if not path.is_file():
        raise ReadError(
            f"There is no interrupted training to go on with in {folder}; leave --resume out."
        )
    try:
        with safe_open(path, framework="pt") as opened:
            told = opened.metadata() or {}
            names = list(opened.keys())
            tensors = {name: opened.get_tensor(name) for name in names}
        state = TaskState(
            tensors,
            int(told["step"]),
            float(told["seconds"]),
            tuple((int(step), float(loss)) for step, loss in json.loads(told["losses"])),
        )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ReadError(f"{path} is damaged ({error}); leave --resume out.") from error
    if told.get("mark") != mark:
        raise ReadError(
            f"{path} is of a training on other annotation or with other settings; leave --resume "
            "out to begin anew."
        )
    return state
