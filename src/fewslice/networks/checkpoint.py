"""Weights in files of others: state_dicts, read without running anything they hold."""

from __future__ import annotations

import pickle
import warnings
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from fewslice.errors import WeightsError

_WRAPPINGS = ("state_dict", "model", "model_state_dict", "network")


def read_state(path: str | PathLike[str], expected: str) -> dict[str, Tensor]:
    """Return the tensors of a state_dict, by name, on the CPU.

    path: of torch.save (also inside a dictionary under a usual name) or of safetensors. expected:
    the end of a sentence, what the file should be. Raises WeightsError; a file that would run code
    on being read is refused.
    """
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise WeightsError(f"{path} {what}; {expected}.")
    state = (
        _safetensors(file, expected) if file.suffix == ".safetensors" else _torch(file, expected)
    )
    for name in _WRAPPINGS:
        if isinstance(state, dict) and isinstance(state.get(name), dict):
            state = state[name]
    if not isinstance(state, dict) or not state:
        raise WeightsError(f"{path} holds no tensors by name; {expected}.")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise WeightsError(
                f"{path} holds {name!r} of type {type(tensor).__name__} among its tensors; "
                f"{expected}."
            )
    return state


def _torch(path: Path, expected: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how the file was written; it is read or refused
            found: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Its own message goes on for pages, and advises to run what the file holds.
        raise WeightsError(
            f"{path} is no file of torch.save, or holds more than numbers, which is never run; "
            f"{expected}."
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path} cannot be read ({first}); {expected}.") from error
    return found


def _safetensors(path: Path, expected: str) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is damaged or no safetensors file ({error}); {expected}."
        ) from error
