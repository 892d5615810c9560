"""Checkpoints: everything a training run needs to go on as if it had not stopped."""

from __future__ import annotations

import pickle
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from fewslice._version import __version__
from fewslice.errors import InputError, ReadError
from fewslice.io.atomic import atomic_path

_FORMAT = "fewslice-checkpoint-1"

FREE = (
    "start_from",
    "data",
    "output",
    "optimisation.steps",
    "optimisation.max_minutes",
    "optimisation.device",
    "optimisation.threads",
)
"""Settings that may differ when a run goes on: they do not change what is learned from an
episode, only for how long and where."""


@dataclass
class State:
    """How far training is.

    step: updates done. episodes: drawn so far, by all processes. seconds: of wall-clock time.
    validated: step of the last validation, -1 before the first. best: highest validation Dice,
    -1 before the first. skipped: updates left out because the gradient was not finite.
    """

    step: int = 0
    episodes: int = 0
    seconds: float = 0.0
    validated: int = -1
    best: float = -1.0
    skipped: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run, as states of its parts.

    config: as `Config.as_dict` gives it. versions: as `versions()` gives them.
    """

    network: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]
    state: State
    config: dict[str, Any]
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    from importlib.metadata import version

    return {
        "fewslice": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "monai": version("monai"),
    }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing an old one as a whole. Raises WriteError if it cannot be."""
    content = {
        "format": _FORMAT,
        "network": checkpoint.network,
        "average": checkpoint.average,
        "optimiser": checkpoint.optimiser,
        "state": asdict(checkpoint.state),
        "config": checkpoint.config,
        "versions": checkpoint.versions,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint to the CPU. Nothing in the file is run (weights_only).

    Raises ReadError if the file is missing, damaged or no checkpoint of this version.
    """
    try:
        with path.open("rb") as stream:
            if not is_zipfile(stream):  # older formats of torch.save are never written
                raise ValueError("no archive")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror or error}); expected a checkpoint, such as "
            "last.ckpt."
        ) from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ReadError(
            f"{path} is damaged or no checkpoint; expected one that fewslice pretrain has written."
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ReadError(
            f"{path} is no checkpoint of this version of fewslice; expected one that fewslice "
            "train has written."
        )
    del content["format"]
    try:
        return Checkpoint(**{**content, "state": State(**content["state"])})
    except (TypeError, KeyError) as error:
        raise ReadError(
            f"{path} lacks parts of a checkpoint ({error}); it was written by another version."
        ) from error


def require_same_settings(path: Path, checkpoint: Checkpoint, config: dict[str, Any]) -> None:
    """Raise InputError if a run cannot go on with `config` because what it learns would change."""
    before, now = _flat(checkpoint.config), _flat(config)
    for key in sorted(set(before) | set(now)):
        if key.startswith(tuple(f"{free}." for free in FREE)) or key in FREE:
            continue
        if before.get(key) != now.get(key):
            raise InputError(
                f"{path} was trained with {key} = {before.get(key)!r}, but the configuration says "
                f"{now.get(key)!r}; to go on, set it back, or begin a new run with start_from."
            )


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
