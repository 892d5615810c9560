"""What the package imports is what it declares: tests run with more than people have."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import fewslice

ROOT = Path(__file__).parents[1]
PACKAGE = Path(fewslice.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[; ]", each)[0].lower() for each in requirements}


def imported(path: Path) -> set[str]:
    """Return the names of top-level modules that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"fewslice"}


def imported_at_once(path: Path) -> set[str]:
    """Return the names of top-level modules that a file imports when it is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        (each.module or "").split(".")[0] if isinstance(each, ast.ImportFrom) else alias.name
        for each in tree.body
        if isinstance(each, ast.Import | ast.ImportFrom)
        for alias in each.names
    }


# The folders that may import what an extra brings, besides what is always installed.
EXTRAS = {
    "pretraining": "pretrain",
    "batch": "cluster",
    "engines/nninteractive": "nninteractive",
    "engines/prompted": "monai",
    "io/dicomweb": "dicomweb",
    "integrations": "server",
    "integrations/napari": "napari",
    "io/oct": "oct",
    "project": "server",
    "server": "server",
}


def test_everything_imported_is_declared() -> None:
    always = declared(PROJECT["dependencies"])
    distributions = packages_distributions()
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        extra = EXTRAS.get(place.parent.as_posix()) or EXTRAS.get(place.parts[0])
        allowed = always | declared(PROJECT["optional-dependencies"][extra] if extra else [])
        for name in imported(path):
            if not {each.lower() for each in distributions.get(name, [name])} & allowed:
                missing.append(f"{place}: {name}")
    assert not missing


@pytest.mark.slow
def test_dask_waits_until_a_scheduler_is_named() -> None:
    early = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if {"dask", "distributed"} & {name.split(".")[0] for name in imported_at_once(path)}
    ]
    assert early == []


def test_the_package_states_lower_bounds_and_nothing_else() -> None:
    """Pins are in constraints.txt: in the package they would exclude MONAI and nnU-Net."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    others = [each for group in groups for each in group if re.search(r"[<!~;]|==", each)]
    assert others == []


def test_development_installs_all_extras() -> None:
    (own,) = (each for each in PROJECT["optional-dependencies"]["dev"] if "fewslice[" in each)
    named = set(own.removeprefix("fewslice[").removesuffix("]").split(","))
    assert named == PROJECT["optional-dependencies"].keys() - {"dev"}
