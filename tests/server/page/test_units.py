"""The page's modules that need no browser, by Node's own test runner; and its bundle."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.support.annotation_page import ROOT, node

PAGE = ROOT / "src" / "fewslice" / "server" / "page"


def test_modules_in_node() -> None:
    tests = sorted(Path(__file__).parent.glob("unit/*.test.mjs"))
    assert len(tests) > 5
    ran = subprocess.run(
        [node(), "--test", *map(str, tests)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-4000:]


def test_the_bundle_is_the_one_whose_hash_is_written_down() -> None:
    named, file = (PAGE / "vendor" / "SHA256SUMS").read_text().split()
    assert hashlib.sha256((PAGE / "vendor" / file).read_bytes()).hexdigest() == named


def test_every_bundled_package_has_its_licence() -> None:
    licences = (PAGE / "vendor" / "LICENSES").read_text()
    for package in ("@niivue/niivue", "gl-matrix", "nifti-reader-js", "fflate"):
        assert f"\n{package} " in f"\n{licences}"
    assert "Redistributions in binary form" in licences


def test_no_module_asks_another_server() -> None:
    for path in [*PAGE.rglob("js/**/*.js"), *PAGE.rglob("css/*.css"), PAGE / "index.html"]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
