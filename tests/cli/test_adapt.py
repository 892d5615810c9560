"""`fewslice adapt` as people run it: weights from one scan, for the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import read_labels
from fewslice.networks.weights import read_metadata
from tests.support.command_line import SHAPE, refused, save, truth
from tests.support.known_features import weights_file

DRAWN = (2, 4, 6, 8, 10)


@pytest.fixture
def scan(tmp_path: Path) -> list[str]:
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    path = save(tmp_path / "scan.nii.gz", (100 * truth() + noise).astype(np.float32))
    sparse = np.zeros(SHAPE, np.uint8)
    sparse[..., DRAWN] = truth()[..., DRAWN]
    return [str(path), "--labels", str(save(tmp_path / "labels.nii.gz", sparse))]


@pytest.mark.slow
def test_weights_that_segment_can_use(
    scan: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = tmp_path / "mine.safetensors", tmp_path / "out.nii.gz"
    assert run(["adapt", *scan, "-o", str(weights), "--seconds", "5"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.endswith(f"Wrote {weights}\n")
    assert int(read_metadata(weights)["finetuned steps"]) >= 0
    answered = ["segment", *scan, "-o", str(out), "--engine", "network", "--weights", str(weights)]
    assert run([*answered, "--quiet"]) == 0
    assert read_labels(out).values == (1,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-o", "{folder}/state.pt"], "expected .safetensors"),
        (["-o", "{folder}/no/s.safetensors"], "does not exist"),
        (["-o", "{w}", "--weights", "{w}"], "never changed"),
        (["-o", "{folder}/s.safetensors", "--seconds", "0"], "0 seconds are no time"),
        (["-o", "{folder}/s.safetensors", "--weights", "{folder}/scan.nii.gz"], "no safetensors"),
        (["-o", "{folder}/s.safetensors", "--annotated", "axial:900"], "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    given: list[str],
    said: str,
    scan: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = weights_file(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    filled = [text.format(w=weights, folder=tmp_path) for text in given]
    assert said in refused(["adapt", *scan, *filled], capsys)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
