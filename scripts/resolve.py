"""Print what pip resolves fewslice to beside other packages, without installing any.

    python scripts/resolve.py dist/fewslice-*.whl monai nnunetv2

Of torch the release in constraints.txt is taken, so that no other build is fetched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]


def resolved(requirements: Iterable[str], folder: Path) -> list[dict[str, Any]]:
    """Return the metadata of all packages that pip would install into an empty environment."""
    pins, report = folder / "torch.txt", folder / "report.json"
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins.write_text("\n".join(line for line in lines if line.startswith("torch==")))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = str(folder / "venv" / "bin" / "python")
    options = ["--quiet", "--disable-pip-version-check", "--dry-run", "-c", str(pins)]
    command = [python, "-m", "pip", "install", *options, "--report", str(report), *requirements]
    subprocess.run(command, check=True)
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [each["metadata"] for each in found]


def plain(name: str) -> str:
    """Return a package's name as all of its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shared(packages: list[dict[str, Any]], asked: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each package that fewslice needs: its name, its version, what everyone asks of it."""
    wanted: dict[str, list[str]] = {}
    for package in packages:
        for requirement in package.get("requires_dist", []):
            found = re.match(r"([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([^;)]*)", requirement)
            if found and "extra ==" not in requirement and plain(package["name"]) in asked:
                bound = found[2].replace(" ", "") or "any"
                wanted.setdefault(plain(found[1]), []).append(f"{package['name']} {bound}")
    versions = {plain(package["name"]): package["version"] for package in packages}
    for name, bounds in sorted(wanted.items()):
        if any(each.startswith("fewslice ") for each in bounds):
            yield name, versions.get(name, "not installed"), ", ".join(bounds)


def main() -> None:
    with TemporaryDirectory() as folder:
        packages = resolved(sys.argv[1:], Path(folder))
    asked = {plain(each["name"]) for each in packages if each["name"] and _asked(each["name"])}
    versions = {plain(each["name"]): each["version"] for each in packages}
    print("Resolved:", ", ".join(f"{name} {versions[name]}" for name in sorted(asked)))
    print("\n| package | version | asked for by |\n|---|---|---|")
    for row in shared(packages, asked):
        print("|", " | ".join(row), "|")


def _asked(name: str) -> bool:
    return plain(name) in {plain(Path(each).name.split("-")[0]) for each in sys.argv[1:]}


if __name__ == "__main__":
    main()
