"""What `fewslice export` says of models that hold parts of scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fewslice.cli.main import run
from fewslice.training import store
from fewslice.training.choice import Choice
from fewslice.training.store import load_model
from fewslice.training.support import ModelSupport
from tests.support.kept_scans import kept
from tests.support.random_models import random_model


def export(folder: Path, *, support: bool) -> None:
    """Export a model, and look whether it can be read from what was written."""
    choice = Choice("mean", {"model": 0.5, "support": 0.625, "mean": 0.75}, 2)
    brought = ModelSupport((kept(5, 6, 7),), choice) if support else None
    model = replace(random_model(), support=brought)
    said = choice if support else None
    store.promote(folder / "m", store.save_version(folder / "m", model, {"score": 1.0}, [], said))
    out = str(folder / "out")
    assert run(["export", "grand-challenge", "-o", out, "--model", str(folder / "m")]) == 0
    assert (load_model(folder / "out" / "model").support is not None) == support


@pytest.mark.slow
def test_a_model_with_scans_is_exported_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, support=True)
    assert "holds parts of the scans it was trained on" in capsys.readouterr().err


def test_a_model_without_scans_is_exported_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, support=False)
    assert capsys.readouterr().err == ""
