"""What the package imports is what it declares: tests run with more than people have."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import fewslice

ROOT = Path(__file__).parents[1]
PACKAGE = Path(fewslice.__file__).parent


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


def test_everything_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    always = declared(project["dependencies"])
    training = always | declared(project["optional-dependencies"]["train"])
    distributions = packages_distributions()
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        allowed = training if place.parts[0] == "pretraining" else always
        for name in imported(path):
            if not {each.lower() for each in distributions.get(name, [name])} & allowed:
                missing.append(f"{place}: {name}")
    assert not missing
