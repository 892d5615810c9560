"""The files of one version of a model: its weights, their description, and who answers.

    model.safetensors   weights: numbers only, never pickle
    model.json          grid, intensities, labels, scores, SHA-256
    log.csv             step, loss
    support.npz         parts of scans that answer beside the network, if any

The description holds the SHA-256 of what lies beside it, so files of two models are never mixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewslice._version import __version__
from fewslice.errors import WeightsError
from fewslice.io.atomic import atomic_path
from fewslice.training.choice import ANSWERERS, Choice
from fewslice.volumes.colours import Colour
from fewslice.volumes.segments import Segment

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel
    from fewslice.training.support import ModelSupport

WEIGHTS, DESCRIPTION, LOG = "model.safetensors", "model.json", "log.csv"
SUPPORT = "support.npz"
_FORMAT = "fewslice-task-model-1"


def read_description(folder: Path) -> dict[str, Any]:
    """Return model.json of a version. Raises WeightsError if it is missing or damaged."""
    content = read_json(folder / DESCRIPTION)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise WeightsError(
            f"{folder / DESCRIPTION} does not describe a model of this version of fewslice; "
            "retrain the model."
        )
    return content


def read_digest(folder: Path) -> str:
    """Return the SHA-256 of all that answers: the weights, and the support if there is any."""
    described = read_description(folder)
    parts = (described.get("sha256"), _answers(described, folder).get("sha256"))
    return " ".join(str(part) for part in parts if part is not None)


def read_choice(described: Mapping[str, Any], folder: Path) -> Choice:
    """Return who answers, as a description says it. Raises WeightsError if it is damaged."""
    found = _answers(described, folder)
    dice = {str(name): float(each) for name, each in found.get("dice", {}).items()}
    scans, seen = int(found.get("scans", 0)), bool(found.get("seen", False))
    return Choice(found.get("chosen", "model"), dice, scans, seen)


def _answers(described: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return what a description says of who answers; nothing in those of earlier versions."""
    found = described.get("answers", {})
    if not isinstance(found, dict) or found.get("chosen", "model") not in ANSWERERS:
        raise WeightsError(
            f"{folder / DESCRIPTION} does not say who answers ({found!r}); restore it from a copy "
            "or retrain the model."
        )
    return found


def read_model(folder: Path, device: str | None = None) -> TaskModel:
    """Read the model of a version. Raises WeightsError if its files are damaged or do not fit."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from fewslice.engines.network.inference import best_device
    from fewslice.training.grid import TaskGrid
    from fewslice.training.intensity import Intensity
    from fewslice.training.model import TaskModel
    from fewslice.training.network import TaskNet, TaskShape

    described = read_description(folder)
    data = _bytes(folder / WEIGHTS, described.get("sha256"))
    support = _support(described, folder)
    try:
        shape = dict(described["shape"])
        network = TaskNet(TaskShape(**{**shape, "widths": tuple(shape["widths"])}))
        network.load_state_dict(load(data))
        grid = dict(described["grid"])
        intensity = tuple(
            Intensity(each["fixed"], tuple((float(x), float(y)) for x, y in each["points"]))
            for each in described["intensity"]
        )
        values = tuple(int(value) for value in described["values"])
        stand_in = None if "stand_in" not in described else int(described["stand_in"])
        segments = tuple(
            Segment(int(each["value"]), str(each["name"]), _colour(each["colour"]), each["tags"])
            for each in described.get("segments", ())
        )
        across, down, right = (float(mm) for mm in grid["extent"])
        row, column = (float(mm) for mm in grid["pixel"])
        made = TaskGrid(
            int(grid["plane"]), float(grid["step"]), (row, column), (across, down, right)
        )
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"{folder} does not hold a complete model ({type(error).__name__}: {error}); retrain "
            "it or roll back."
        ) from error
    where = torch.device(device or best_device())
    network = network.to(where).eval()
    return TaskModel(network, made, intensity, values, stand_in, segments, support)


def _support(described: Mapping[str, Any], folder: Path) -> ModelSupport | None:
    """Return the scans that answer beside a network. Raises WeightsError if they are damaged."""
    from fewslice.training.support import ModelSupport, from_bytes

    choice = read_choice(described, folder)
    if choice.chosen == "model":
        return None
    data = _bytes(folder / SUPPORT, _answers(described, folder).get("sha256"))
    return ModelSupport(from_bytes(data), choice)


def _bytes(path: Path, digest: object) -> bytes:
    """Return a file beside a description. Raises WeightsError if it is not the one it names."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}).") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise WeightsError(
            f"{path} is not the file that {DESCRIPTION} beside it was written with (its SHA-256 is "
            "another one); copy the folder again or roll back to another version."
        )
    return data


def _colour(parts: Sequence[float]) -> Colour:
    red, green, blue = (float(part) for part in parts)
    return red, green, blue


def write_model(
    place: Path, model: TaskModel, facts: Mapping[str, Any], choice: Choice | None = None
) -> None:
    """Write weights, description and support of a model into a folder.

    facts: what model.json tells beside the model itself; plain values. choice: who answers, where
    that was compared.
    """
    from safetensors.torch import save

    from fewslice.training.support import to_bytes

    answers = {} if choice is None else asdict(choice)
    if model.support is not None:
        kept = to_bytes(model.support.scans)
        answers["sha256"] = hashlib.sha256(kept).hexdigest()
        (place / SUPPORT).write_bytes(kept)
    tensors = model.network.state_dict()
    data = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        {"format": _FORMAT},
    )
    (place / WEIGHTS).write_bytes(data)
    described = {
        "format": _FORMAT,
        "fewslice": __version__,
        "sha256": hashlib.sha256(data).hexdigest(),
        "shape": asdict(model.network.shape),
        "grid": asdict(model.grid),
        "intensity": [asdict(each) for each in model.intensity],
        "values": list(model.values),
        **({} if model.stand_in is None else {"stand_in": model.stand_in}),
        "segments": [asdict(each) for each in model.segments],
        **({"answers": answers} if answers else {}),
        **facts,
    }
    (place / DESCRIPTION).write_text(json_text(described), encoding="utf-8")


def write_log(place: Path, losses: Sequence[tuple[int, float]]) -> None:
    """Write the loss of each step beside a model."""
    rows = "".join(f"{step},{loss:.6f}\n" for step, loss in losses)
    (place / LOG).write_text("step,loss\n" + rows, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read plain values. Raises WeightsError if the file is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise WeightsError(f"{path} is damaged ({error}); restore it from a copy.") from error


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, as a whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(content), encoding="utf-8")


def json_text(content: Any) -> str:
    """Return plain values as JSON text."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
