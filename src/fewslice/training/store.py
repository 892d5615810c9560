"""A folder of models: every version that was trained, which one is promoted, and how that came.

    FOLDER/versions/0001/model.safetensors   weights: numbers only, never pickle
                         model.json          grid, intensities, labels, scores, SHA-256
                         log.csv             step, loss
                         support.npz         parts of scans that answer beside the network, if any
    FOLDER/promoted                          number of the version in use
    FOLDER/history.json                      promotions, refusals and rollbacks in their order
    FOLDER/slices.json                       which slices are held out to judge, which were learned
    FOLDER/unfinished.safetensors            state of a training that was interrupted

Versions are put in place as a whole and never changed; `promoted` alone says which one is used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewslice._version import __version__
from fewslice.errors import InputError, ReadError, WeightsError
from fewslice.io.atomic import atomic_folder, atomic_path, make_parent
from fewslice.training.choice import ANSWERERS, Choice
from fewslice.volumes.colours import Colour
from fewslice.volumes.segments import Segment

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel
    from fewslice.training.support import ModelSupport

WEIGHTS, DESCRIPTION, LOG = "model.safetensors", "model.json", "log.csv"
SUPPORT = "support.npz"
PROMOTED, _HISTORY, _VERSIONS = "promoted", "history.json", "versions"
_FORMAT = "fewslice-task-model-1"


@dataclass(frozen=True)
class Version:
    """One version of a model folder.

    number: from 1. score: Dice on the held-out slices when it was new, None if there were none.
    before: that of the version promoted then, on the same slices. promoted: whether it is in use.
    slices, scans: how many it was trained on. choice: whether the network answers, the scans it
    learned from, or the mean of both.
    """

    number: int
    score: float | None
    before: float | None
    promoted: bool
    slices: int
    scans: int
    choice: Choice = field(default_factory=Choice)


def load_model(path: str | os.PathLike[str], device: str | None = None) -> TaskModel:
    """Read a model of one's own task, an engine for `segment`.

    Parameters
    ----------
    path
        A model folder, of which the promoted version is read, or one version in versions/NNNN.
    device
        Where the model works, such as "cpu" or "cuda:0"; default: a GPU if there is one.

    Returns
    -------
    TaskModel
        Ready for ``segment(image, engine=model)``.

    Raises
    ------
    ReadError
        If there is no model.
    WeightsError
        If its files are damaged or do not belong together.
    """
    folder = version_in_use(Path(path))
    return _model(folder, read_description(folder), device)


@lru_cache(maxsize=1)  # a worker answers for many scans with the same model
def cached_model(path: str) -> TaskModel:
    """Read a model as `load_model` does, or return the one read last if it was this one."""
    return load_model(path)


def model_in_use(path: Path) -> tuple[Path, str]:
    """Return the folder of the version in use, absolute, and the SHA-256 of what answers.

    Raises ReadError if there is none.
    """
    folder = version_in_use(path).absolute()
    described = read_description(folder)
    parts = (described.get("sha256"), _answers(described, folder).get("sha256"))
    return folder, " ".join(str(part) for part in parts if part is not None)


def choice_in_use(path: Path) -> Choice:
    """Return who answers for the version in use. Raises ReadError or WeightsError."""
    folder = version_in_use(path)
    return _choice(read_description(folder), folder)


def _answers(described: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return what a description says of who answers; nothing in those of earlier versions."""
    found = described.get("answers", {})
    if not isinstance(found, dict) or found.get("chosen", "model") not in ANSWERERS:
        raise WeightsError(
            f"{folder / DESCRIPTION} does not say who answers ({found!r}); restore it from a copy "
            "or retrain the model."
        )
    return found


def _choice(described: Mapping[str, Any], folder: Path) -> Choice:
    found = _answers(described, folder)
    dice = {str(name): float(each) for name, each in found.get("dice", {}).items()}
    return Choice(found.get("chosen", "model"), dice, int(found.get("scans", 0)))


def _support(described: Mapping[str, Any], folder: Path) -> ModelSupport | None:
    """Return the scans that answer beside a network. Raises WeightsError if they are damaged."""
    from fewslice.training.support import ModelSupport, from_bytes

    choice = _choice(described, folder)
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


def version_in_use(path: Path) -> Path:
    """Return the folder of the promoted version; the path of a version stands for itself.

    Raises ReadError if no version is promoted.
    """
    if (path / DESCRIPTION).is_file():
        return path
    number = promoted(path)
    if number is None:
        raise ReadError(
            f"{path} holds no promoted model; expected a folder that fewslice train has "
            "written, or one of its versions."
        )
    return version_folder(path, number)


def version_folder(folder: Path, number: int) -> Path:
    """Return where a version lies."""
    return folder / _VERSIONS / f"{number:04d}"


def read_description(folder: Path) -> dict[str, Any]:
    """Return model.json of a version. Raises WeightsError if it is missing or damaged."""
    content = _json(folder / DESCRIPTION)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise WeightsError(
            f"{folder / DESCRIPTION} does not describe a model of this version of fewslice; "
            "retrain the model."
        )
    return content


def _model(folder: Path, described: Mapping[str, Any], device: str | None) -> TaskModel:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from fewslice.engines.network.inference import best_device
    from fewslice.training.grid import TaskGrid
    from fewslice.training.intensity import Intensity
    from fewslice.training.model import TaskModel
    from fewslice.training.network import TaskNet, TaskShape

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


def _colour(parts: Sequence[float]) -> Colour:
    red, green, blue = (float(part) for part in parts)
    return red, green, blue


def save_version(
    folder: Path,
    model: TaskModel,
    facts: Mapping[str, Any],
    losses: Sequence[tuple[int, float]],
    choice: Choice | None = None,
) -> int:
    """Write a new version as a whole and return its number. Raises WriteError.

    facts: what model.json tells beside the model itself; plain values. choice: who answers, where
    that was compared.
    """
    from safetensors.torch import save

    from fewslice.training.support import to_bytes

    answers = {} if choice is None else asdict(choice)
    kept = None if model.support is None else to_bytes(model.support.scans)
    if kept is not None:
        answers["sha256"] = hashlib.sha256(kept).hexdigest()

    tensors = model.network.state_dict()
    data = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        {"format": _FORMAT},
    )
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
    rows = "".join(f"{step},{loss:.6f}\n" for step, loss in losses)
    number = max(numbers(folder), default=0) + 1
    target = version_folder(folder, number)
    make_parent(target)
    with atomic_folder(target) as place:
        (place / WEIGHTS).write_bytes(data)
        if kept is not None:
            (place / SUPPORT).write_bytes(kept)
        (place / DESCRIPTION).write_text(json_text(described), encoding="utf-8")
        (place / LOG).write_text("step,loss\n" + rows, encoding="utf-8")
    return number


def numbers(folder: Path) -> tuple[int, ...]:
    """Return the numbers of all complete versions, ascending."""
    place = folder / _VERSIONS
    if not place.is_dir():
        return ()
    return tuple(
        sorted(
            int(path.name)
            for path in place.iterdir()
            if path.name.isdigit() and (path / DESCRIPTION).is_file()
        )
    )


def promoted(folder: Path) -> int | None:
    """Return the number of the version in use, or None. Raises ReadError if it is damaged."""
    path = folder / PROMOTED
    if not path.is_file():
        return None
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ReadError(
            f"{path} holds no number of a version; write the one to use into it, such as 1."
        ) from error


def promote(folder: Path, number: int) -> None:
    """Put a version in use."""
    _remember(folder, {"action": "promoted", "version": number})
    _point(folder, number)


def refuse(folder: Path, number: int) -> None:
    """Remember that a version was not better than the one in use."""
    _remember(folder, {"action": "not promoted", "version": number})


def roll_back(folder: Path) -> int:
    """Put the version in use again that was so before the last promotion; return its number.

    Raises InputError if there is none.
    """
    now = promoted(folder)
    stack = _promotions(folder)
    place = max((n for n, number in enumerate(stack) if number == now), default=0)
    if now is None or place == 0:
        raise InputError(
            f"{folder} has no earlier promotion to return to; see fewslice models {folder}."
        )
    before = stack[place - 1]
    _remember(folder, {"action": "rolled back", "version": now, "to": before})
    _point(folder, before)
    return before


def _promotions(folder: Path) -> list[int]:
    """Return the versions in use one after the other, those rolled back left out."""
    stack: list[int] = []
    for event in history(folder):
        if event.get("action") == "promoted":
            stack.append(int(event["version"]))
        elif event.get("action") == "rolled back" and stack:
            stack.pop()
    return stack


def history(folder: Path) -> list[dict[str, Any]]:
    """Return promotions, refusals and rollbacks in their order.

    Raises WeightsError if the file is damaged.
    """
    path = folder / _HISTORY
    events = _json(path) if path.is_file() else []
    if not isinstance(events, list) or not all(map(_is_event, events)):
        raise WeightsError(f"{path} is damaged (no list of events); restore it from a copy.")
    return events


def _is_event(content: object) -> bool:
    return isinstance(content, dict) and isinstance(content.get("version"), int)


def versions(folder: str | os.PathLike[str]) -> tuple[Version, ...]:
    """Return all versions of a model folder. Raises ReadError if it is none."""
    place = Path(folder)
    found = numbers(place)
    if not found:
        raise ReadError(f"{place} holds no models; expected a folder of fewslice train.")
    now = promoted(place)
    result = []
    for number in found:
        described = read_description(version_folder(place, number))
        result.append(
            Version(
                number,
                described.get("score"),
                described.get("before"),
                number == now,
                int(described.get("trained_slices", 0)),
                int(described.get("trained_scans", 0)),
                _choice(described, version_folder(place, number)),
            )
        )
    return tuple(result)


def _remember(folder: Path, event: dict[str, Any]) -> None:
    write_json(folder / _HISTORY, [*history(folder), event])


def _point(folder: Path, number: int) -> None:
    with atomic_path(folder / PROMOTED) as temporary:
        temporary.write_text(f"{number}\n", encoding="ascii")


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, as a whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(content), encoding="utf-8")


def json_text(content: Any) -> str:
    """Return plain values as JSON text."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise WeightsError(f"{path} is damaged ({error}); restore it from a copy.") from error
