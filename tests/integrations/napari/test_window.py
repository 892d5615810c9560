"""One round of the loop in a real window of napari, on a screen that is nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_sample_is_answered_in_a_window(tmp_path: Path) -> None:
    screen = shutil.which("xvfb-run")
    if screen is None:
        if os.environ.get("FEWSLICE_REQUIRE_NAPARI"):
            pytest.fail("xvfb-run is missing, although FEWSLICE_REQUIRE_NAPARI is set")
        pytest.skip("there is no xvfb-run; make napari installs it")
    picture = tmp_path / "napari.png"
    ran = subprocess.run(
        [
            *(screen, "-a", "-s", "-screen 0 1600x1000x24"),
            *(sys.executable, "scripts/napari_screenshot.py", str(picture), "interpolation"),
        ],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "xcb", "PYTEST_CURRENT_TEST": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    expected = "kept: True, in the answer: True, accepted: True, saved: True"
    assert expected in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == 0, ran.stderr
    canvas = np.asarray(Image.open(picture).convert("RGB"))[100:700, 500:900]
    assert np.ptp(canvas.astype(int), axis=2).max() > 50  # structures are in colour
