"""Network weights in files: safetensors with the network's settings, never pickle.

safetensors holds numbers only, so that reading a file cannot run anything. The header carries the
settings as JSON, and the SHA-256 of the whole file tells whether it is the one expected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fewslice.errors import WeightsError
from fewslice.io.atomic import atomic_path
from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings

_FORMAT = "fewslice-network-1"
_RESERVED = ("format", "settings")


def save_weights(
    path: str | PathLike[str],
    module: nn.Module,
    settings: NetworkSettings,
    metadata: Mapping[str, str],
) -> str:
    """Write the parameters and buffers of `module` and return the file's SHA-256 (hexadecimal).

    settings: those the module was built with. metadata: what else the file should tell of itself,
    names and texts. The file is replaced as a whole. Raises WriteError if it cannot be written.
    """
    from safetensors.torch import save

    header = {**metadata, "format": _FORMAT, "settings": json.dumps(asdict(settings))}
    tensors = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, header)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_weights(
    path: str | PathLike[str], digest: str | None = None
) -> tuple[NetworkSettings, dict[str, Tensor]]:
    """Read weights: the settings of the network and its state, which fit each other.

    digest: the SHA-256 the file must have, in hexadecimal; None accepts any. Raises WeightsError
    if the file is missing, damaged, not the one expected or not of a network of this version.
    """
    data = _bytes(path)
    if digest is not None and hashlib.sha256(data).hexdigest() != digest.strip().lower():
        raise WeightsError(
            f"{path} is not the file of weights expected: its SHA-256 is "
            f"{hashlib.sha256(data).hexdigest()}, expected {digest.strip()}; get it again."
        )
    header, state = _parsed(path, data)
    settings = _settings(path, header)
    _require_fit(path, settings, state)
    return settings, state


def read_metadata(path: str | PathLike[str]) -> dict[str, str]:
    """Return what a file of weights tells of itself, without "format" and "settings".

    Raises WeightsError if the file is missing, damaged or not a file of weights.
    """
    header, _ = _parsed(path, _bytes(path))
    return {name: text for name, text in header.items() if name not in _RESERVED}


def _bytes(path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror or error}); expected a file of network "
            "weights (.safetensors)."
        ) from error


def _parsed(path: str | PathLike[str], data: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is damaged or no safetensors file ({error}); expected network weights as "
            "fewslice pretrain writes them."
        ) from error
    # The library has checked the header; its own reader of metadata would read the file again.
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    if header.get("format") != _FORMAT or "settings" not in header:
        raise WeightsError(
            f"{path} holds tensors, but not of a network of fewslice (format "
            f"{header.get('format')!r}, expected {_FORMAT!r}); choose a file that fewslice "
            "pretrain has written with this version."
        )
    return header, state


def _settings(path: str | PathLike[str], header: Mapping[str, str]) -> NetworkSettings:
    try:
        given: dict[str, Any] = json.loads(header["settings"])
        defaults = {field.name: field.default for field in fields(NetworkSettings)}
        if set(given) != set(defaults):
            raise ValueError(f"keys {', '.join(given)}")
        return NetworkSettings(
            **{name: _like(default, given[name]) for name, default in defaults.items()}
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds settings that this version of fewslice does not know ({error}); "
            "expected those of its own network."
        ) from error


def _like(default: Any, value: Any) -> Any:
    """Return a value from JSON if it is of the type of a default, or raise ValueError."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or len(value) != len(default):
            raise ValueError(f"{value!r} instead of {len(default)} values")
        return tuple(_like(one, other) for one, other in zip(default, value, strict=True))
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{value!r} instead of {type(default).__name__}")
    if isinstance(value, int | float) and not isinstance(value, bool) and not 0 < value < 2**16:
        raise ValueError(f"{value!r} is out of range")
    return value


def _require_fit(
    path: str | PathLike[str], settings: NetworkSettings, state: Mapping[str, Tensor]
) -> None:
    try:
        with torch.device("meta"):  # shapes only, no memory
            expected = FewsliceNet(settings).state_dict()
    except (RuntimeError, ValueError, ZeroDivisionError, AssertionError) as error:
        raise WeightsError(
            f"{path} holds settings of which no network can be built ({error})."
        ) from error
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    other = [
        name
        for name, tensor in state.items()
        if name in expected
        and (tensor.shape, tensor.dtype) != (expected[name].shape, expected[name].dtype)
    ]
    for names, what in ((missing, "lacks"), (unknown, "has the unknown"), (other, "has another")):
        if names:
            raise WeightsError(
                f"{path} does not fit its own settings: it {what} {names[0]!r}"
                f"{f' and {len(names) - 1} more' if len(names) > 1 else ''}; choose a file that "
                "this version of fewslice pretrain has written."
            )
