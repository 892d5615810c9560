"""The build context of the container: everything that ``docker build`` needs, and a test job."""

from __future__ import annotations

import json
import os
import re
import shutil
from importlib.metadata import requires, version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import numpy as np

from fewslice.errors import InputError
from fewslice.integrations.grand_challenge.algorithm import DESCRIPTION_OF_SOCKETS
from fewslice.integrations.grand_challenge.sockets import INPUTS, Sockets
from fewslice.io.atomic import atomic_folder, make_parent

Way = Literal["exec", "invoke"]
"""How the platform runs a container: once a job, or kept and asked again and again."""

_PACKAGE = "fewslice"
_LABELS = {
    "exec": 'LABEL org.grand-challenge.api-method="exec"',
    "invoke": 'LABEL org.grand-challenge.api-method="invoke"\nEXPOSE 4743',
}
_MODEL_NOTE = "No model of your own: the network inside the package answers from drawn slices.\n"


def export_context(
    folder: str | os.PathLike[str],
    sockets: Sockets | None = None,
    *,
    way: Way = "exec",
    model: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a folder from which the container of an algorithm is built.

    Parameters
    ----------
    folder
        Where to write; must not exist, or be empty.
    sockets
        Which socket of the algorithm means what.
    way
        "exec" (one container a job) or "invoke" (one that stays, which interactive use needs).
    model
        A folder that `fewslice.train` wrote: its promoted version answers scans with nothing drawn.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds something already.
    ReadError, WeightsError
        If there is no such model.
    WriteError
        If it cannot be written.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} exists already; choose a new folder.")
    make_parent(target)
    with atomic_folder(target) as staged:
        _fill(staged, sockets or Sockets(), way, model)
    return target


def _fill(folder: Path, sockets: Sockets, way: Way, model: str | os.PathLike[str] | None) -> None:
    _copy_package(folder / _PACKAGE)
    with as_file(files(__package__) / "context") as context:
        for each in sorted(context.iterdir()):
            if each.suffix in {".sh", ".md"}:
                shutil.copy(each, folder / each.name)
        template = (context / "Dockerfile.template").read_text(encoding="utf-8")
    dockerfile = template.replace("@label@", _LABELS[way]).replace("@way@", way)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(), encoding="utf-8")
    _write_json(folder / DESCRIPTION_OF_SOCKETS, sockets.as_dict())
    _copy_model(folder / "model", model)
    _test_job(folder / "test" / "input", sockets)


def _copy_package(target: Path) -> None:
    with as_file(files(_PACKAGE)) as package:
        shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _requirements() -> str:
    """Return the packages that fewslice asks for, in the versions that are installed here."""
    lines = []
    for asked in requires(_PACKAGE) or []:
        if "extra ==" not in asked:
            match = re.match(r"[A-Za-z0-9._-]+", asked)
            assert match is not None  # noqa: S101 - a requirement begins with a name
            # A local version such as 2.13.0+cpu is known to one index only.
            lines.append(f"{match[0]}=={version(match[0]).partition('+')[0]}\n")
    return "".join(sorted(lines, key=str.lower))


def _copy_model(target: Path, model: str | os.PathLike[str] | None) -> None:
    target.mkdir()
    if model is None:
        (target / "README.md").write_text(_MODEL_NOTE, encoding="utf-8")
        return
    from fewslice.training.store import load_model, version_in_use

    load_model(model)  # whole and readable, or not at all
    shutil.copytree(version_in_use(Path(model)), target, dirs_exist_ok=True)


def _test_job(folder: Path, sockets: Sockets) -> None:
    """Lay out the bundled scan with three drawn slices, as the platform lays out a job."""
    from fewslice.example import labels_path, scan_path
    from fewslice.io import read_image, read_labels, write_image, write_labels

    places = {slug: f"images/{slug}" for slug in (sockets.scan, sockets.labels)}
    for place in places.values():
        (folder / place).mkdir(parents=True)
    scan, labels = read_image(scan_path()), read_labels(labels_path())
    holding = np.flatnonzero(labels.array.any(axis=(1, 2)))
    drawn = holding[np.linspace(2, len(holding) - 3, 3).astype(int)]
    sparse = np.zeros_like(labels.array)
    sparse[drawn] = labels.array[drawn]
    write_image(folder / places[sockets.scan] / "scan.mha", scan)
    write_labels(folder / places[sockets.labels] / "drawn.mha", labels.with_array(sparse))
    _write_json(
        folder / INPUTS,
        [
            {"socket": {"slug": slug, "relative_path": place}, "value": None}
            for slug, place in places.items()
        ],
    )


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
