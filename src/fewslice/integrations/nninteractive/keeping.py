"""Scenes as files, so that they are there again after a pause or a restart of the server.

One folder a lease: ``scene.json``, and the arrays it names, packed as they travel (`wire`). An
array is written once; the scan with its SHA-256, so that a damaged file is never answered from.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import SliceIndex
from fewslice.errors import InputError
from fewslice.integrations.nninteractive.object_annotation import ObjectAnnotation, State
from fewslice.integrations.nninteractive.scene import Scene
from fewslice.integrations.nninteractive.wire import pack, unpack

_SCENE, _SCAN = "scene.json", "scan"
_LASTS = 14 * 86_400.0  # seconds after which nobody comes back for a scene

_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Kept:
    """What a lease consists of. owner: who claimed it. scene: None before an image was sent."""

    owner: str
    scene: Scene | None


@dataclass(eq=False)
class _Files:
    """The arrays of one lease that are on disk already, by the name of their file."""

    scan: _Array | None = None
    digest: str = ""
    arrays: dict[str, _Array] = field(default_factory=dict)
    count: int = 0

    def name_of(self, array: _Array) -> str | None:
        return next((name for name, each in self.arrays.items() if each is array), None)


class SceneStore:
    """Scenes of leases in a folder, which this server alone writes to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, _Files] = {}
        self._forget_old()

    def save(self, token: str, kept: Kept) -> None:
        """Write what is new of a lease's scene."""
        folder = self._folder / token
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = self._written.setdefault(token, _Files())
        content: dict[str, Any] = {"owner": kept.owner}
        if kept.scene is not None:
            content |= self._of_scene(folder, files, kept.scene)
        temporary = folder / f"{_SCENE}.part"
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(folder / _SCENE)
        for name in [name for name in files.arrays if name not in content.get("arrays", ())]:
            del files.arrays[name]
            (folder / name).unlink(missing_ok=True)

    def load(self, token: str) -> Kept | None:
        """Return a lease as it was saved; None if there is none. Raises InputError if damaged."""
        folder = self._folder / token
        if not (folder / _SCENE).is_file():
            return None
        try:
            content = json.loads((folder / _SCENE).read_text(encoding="utf-8"))
            files = _Files()
            scene = _scene_of(folder, files, content) if "scan" in content else None
            kept = Kept(str(content["owner"]), scene)
        except (OSError, ValueError, KeyError, TypeError, IndexError, InputError) as error:
            raise InputError(
                "What was kept of this session is damaged; connect again and send the image."
            ) from error
        self._written[token] = files
        return kept

    def owner(self, token: str) -> str | None:
        """Return who claimed a lease; None if there is none, or it is damaged."""
        try:
            content = json.loads((self._folder / token / _SCENE).read_text(encoding="utf-8"))
            return str(content["owner"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def drop(self, token: str) -> None:
        """Forget a lease for good."""
        self._written.pop(token, None)
        shutil.rmtree(self._folder / token, ignore_errors=True)

    def leave(self, token: str) -> None:
        """Forget what is known of a lease here; its files stay."""
        self._written.pop(token, None)

    def _of_scene(self, folder: Path, files: _Files, scene: Scene) -> dict[str, Any]:
        if files.scan is not scene.image.array:
            packed = pack(scene.image.array)
            (folder / _SCAN).write_bytes(packed)
            files.scan, files.digest = scene.image.array, hashlib.sha256(packed).hexdigest()
        used: list[str] = []

        def written(array: _Array) -> str:
            name = files.name_of(array)
            if name is None:
                files.count += 1
                name = f"{files.count}.array"
                (folder / name).write_bytes(pack(array))
                files.arrays[name] = array
            used.append(name)
            return name

        states = [
            {
                "slices": [
                    [*place, written(labels)] for place, labels in each.annotation.slices.items()
                ],
                "guessed": sorted(each.annotation.guessed),
                "started": sorted(each.annotation.started),
                "target": written(each.target),
            }
            for each in scene.states
        ]
        content = {
            "scan": files.digest,
            "spacing": scene.spacing,
            "states": states,
            "finished": written(scene.finished),
        }
        return content | {"arrays": sorted(set(used)), "count": files.count}

    def _forget_old(self) -> None:
        if not self._folder.is_dir():
            return
        now = time.time()
        for path in self._folder.glob(f"*/{_SCENE}"):
            if now - path.stat().st_mtime > _LASTS:
                shutil.rmtree(path.parent, ignore_errors=True)


def _scene_of(folder: Path, files: _Files, content: dict[str, Any]) -> Scene:
    packed = (folder / _SCAN).read_bytes()
    if hashlib.sha256(packed).hexdigest() != content["scan"]:
        raise InputError("The scan is not the one that was sent.")
    files.arrays = {
        str(name): unpack((folder / str(name)).read_bytes()) for name in content["arrays"]
    }
    files.digest, files.count = content["scan"], int(content["count"])
    states = [_state(each, files.arrays) for each in content["states"]]
    array = unpack(packed)
    scene = Scene(array if array.ndim == 4 else array[None], content["spacing"])
    scene.restore(states, files.arrays[content["finished"]])
    files.scan = scene.image.array
    return scene


def _state(kept: dict[str, Any], arrays: dict[str, _Array]) -> State:
    slices = {(int(axis), int(index)): arrays[name] for axis, index, name in kept["slices"]}
    annotation = ObjectAnnotation(slices, _places(kept["guessed"]), _places(kept["started"]))
    return State(annotation, np.asarray(arrays[kept["target"]], dtype=bool))


def _places(kept: list[list[int]]) -> frozenset[SliceIndex]:
    return frozenset((int(axis), int(index)) for axis, index in kept)
