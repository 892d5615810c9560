"""The page's modules that need no browser, by Node's own test runner; and its bundle."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.annotation_page import ROOT, node

PAGE = ROOT / "src" / "fewslice" / "server" / "page"


@pytest.mark.slow
def test_modules_in_node() -> None:
    tests = sorted(Path(__file__).parent.glob("unit/*.test.mjs"))
    assert len(tests) > 5
    ran = subprocess.run(
        [node(), "--test", *map(str, tests)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-4000:]


def test_the_bundle_is_the_one_whose_hash_is_written_down() -> None:
    named, file = (PAGE / "vendor" / "SHA256SUMS").read_text(encoding="utf-8").split()
    assert hashlib.sha256((PAGE / "vendor" / file).read_bytes()).hexdigest() == named


def test_every_bundled_package_has_its_licence() -> None:
    licences = (PAGE / "vendor" / "LICENSES").read_text(encoding="utf-8")
    for package in ("@niivue/niivue", "gl-matrix", "nifti-reader-js", "fflate"):
        assert f"\n{package} " in f"\n{licences}"
    assert "Redistributions in binary form" in licences


def imported(path: Path, known: set[Path]) -> set[Path]:
    """A module, and all that it imports at once."""
    known.add(path)
    for found in re.findall(r"^import .*?'(.+?)'$", path.read_text(encoding="utf-8"), re.MULTILINE):
        there = (path.parent / found).resolve()
        if there not in known:
            imported(there, known)
    return known


def test_the_page_names_all_modules_that_it_starts_with() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    named = [(PAGE / each) for each in re.findall(r'rel="modulepreload" href="(.+?)"', html)]
    main = PAGE / "js" / "main.js"
    needed = imported(main, set()) - {main}
    assert len(needed) > 40
    assert sorted(named) == sorted(needed)
    assert PAGE / "vendor" / "niivue.js" not in needed  # drawing does not wait for it


def test_no_module_asks_another_server() -> None:
    for path in [*PAGE.rglob("js/**/*.js"), *PAGE.rglob("css/*.css"), PAGE / "index.html"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
