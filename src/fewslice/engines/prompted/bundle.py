"""A MONAI bundle as a network: what its metadata, configuration and files say.

Bundles hold configurations that can run any code. Here only the network's definition is used, and
only if it names a class of MONAI's networks with plain values; expressions are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fewslice.engines.prompted.description import Description, described, read_description
from fewslice.engines.prompted.network import PromptedNetwork
from fewslice.engines.prompted.preprocessing import preprocessing_of
from fewslice.engines.prompted.torchscript import load_torchscript
from fewslice.errors import InputError, WeightsError
from fewslice.networks.checkpoint import read_state

METADATA, INFERENCE, OWN = "metadata.json", "inference.json", "fewslice.json"
_OUTSIDE = ("outside", "background", "negative")
_INSIDE = ("inside", "foreground", "positive", "prompt", "guidance", "mask", "label")
_MONAI = "monai.networks.nets"


def read_bundle(folder: Path, device: str) -> tuple[PromptedNetwork, tuple[str, ...]]:
    """Return a bundle's network, and remarks on what of its preprocessing is not done here.

    folder: with `configs/metadata.json`, and `models/model.ts` or `models/model.pt` beside a
    `network_def` in `configs/inference.json`. `configs/fewslice.json`, if there is one, describes
    the network instead of the metadata. Raises WeightsError or, without MONAI, InputError.
    """
    configs = folder / "configs"
    metadata = _json(configs / METADATA, f"{folder} is no MONAI bundle")
    inference = _json(configs / INFERENCE, None) if (configs / INFERENCE).exists() else {}
    remarks: tuple[str, ...] = ()
    if (configs / OWN).exists():
        description = read_description(configs / OWN)
    else:
        description, remarks = description_of(configs, metadata, inference)
    script = folder / "models" / "model.ts"
    if script.exists():
        module = load_torchscript(script, device)
    else:
        module = _defined(configs / INFERENCE, inference)
        _fill(module, folder / "models" / "model.pt")
        module = module.to(device).eval()
    return PromptedNetwork(module, description, str(folder), device), remarks


def description_of(
    configs: Path, metadata: Mapping[str, Any], inference: Mapping[str, Any]
) -> tuple[Description, tuple[str, ...]]:
    """Return what metadata and preprocessing say of a network, and remarks on what is left out.

    Raises WeightsError where that is not enough, with what to write instead.
    """
    path = configs / METADATA
    try:
        image = metadata["network_data_format"]["inputs"]["image"]
        names = [str(image["channel_def"][str(at)]) for at in range(int(image["num_channels"]))]
        shape = image["spatial_shape"]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} does not say the network's channels and shape (network_data_format.inputs."
            f"image, {error}); describe it in {configs / OWN}."
        ) from error
    inferer = inference.get("inferer")
    patch = inferer.get("roi_size", shape) if isinstance(inferer, Mapping) else shape
    if not isinstance(patch, Sequence) or not all(isinstance(side, int) for side in patch):
        raise WeightsError(
            f"{path} gives the shape {patch!r}, which is no patch of whole voxels; describe the "
            f"network in {configs / OWN}."
        )
    found: dict[str, Any] = {
        "dimensions": len(patch),
        "patch": list(patch),
        "channels": [_channel(name, configs) for name in names],
    }
    done, remarks = preprocessing_of(inference)
    return described(path, found | done), remarks


def _channel(name: str, configs: Path) -> str:
    """Return which channel of ours a bundle's channel is, by its name."""
    words = name.lower()
    if any(word in words for word in _OUTSIDE):
        return "outside"
    if any(word in words for word in _INSIDE):
        return "inside"
    if "image" in words:
        return "image"
    raise WeightsError(
        f"The bundle calls a channel {name!r}, which could be the scan or what is drawn; say which "
        f"in {configs / OWN}."
    )


def _defined(path: Path, inference: Mapping[str, Any]) -> Any:
    """Return the network that a configuration defines, without weights."""
    definition = inference.get("network_def")
    if not isinstance(definition, Mapping) or "_target_" not in definition:
        raise WeightsError(
            f"{path} defines no network (network_def), and there is no models/model.ts; write the "
            "bundle's TorchScript with python -m monai.bundle ckpt_export."
        )
    values = {key: value for key, value in definition.items() if not key.startswith("_")}
    if _has_expression(values):
        raise WeightsError(
            f"{path} defines its network with expressions ($ or @), which are code and not run "
            "here; write the bundle's TorchScript with python -m monai.bundle ckpt_export."
        )
    try:
        from monai.networks import nets
    except ImportError as error:
        raise InputError(
            "The engine monai-bundle needs MONAI, which is not installed; run pip install "
            '"fewslice[monai]".'
        ) from error
    target = str(definition["_target_"])
    module, _, name = target.rpartition(".")
    network = getattr(nets, name, None) if module.startswith(_MONAI) or not module else None
    if not isinstance(network, type):
        raise WeightsError(
            f"{path} names {target!r} as its network; only those of {_MONAI} are built here. Write "
            "the bundle's TorchScript with python -m monai.bundle ckpt_export."
        )
    try:
        return network(**values)
    except (TypeError, ValueError, LookupError, RuntimeError, AssertionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path} defines a {name} that cannot be built ({first}).") from error


def _has_expression(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_expression(each) for each in value.values()) or "_target_" in value
    if isinstance(value, list):
        return any(_has_expression(each) for each in value)
    return isinstance(value, str) and value.startswith(("$", "@", "%"))


def _fill(module: Any, path: Path) -> None:
    expected = "expected the state_dict of the network that configs/inference.json defines"
    state = read_state(path, expected)
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = str(error).split("\n\t")[1:2]
        raise WeightsError(
            f"{path} does not fit its bundle ({first[0].strip() if first else error}); {expected}."
        ) from error


def _json(path: Path, otherwise: str | None) -> dict[str, Any]:
    """Return what a JSON file holds. Raises WeightsError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(
            f"{otherwise}: {path} does not exist; expected a folder with configs/{METADATA} and "
            "models/model.ts or models/model.pt."
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} holds a {type(found).__name__}; expected an object.")
    return found
