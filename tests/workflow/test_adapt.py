"""Fine-tuned weights: written as a file that answers as the network that was fine-tuned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fewslice
from fewslice.engines import EngineOptions, Network
from fewslice.engines.network import finetuned_engine
from fewslice.errors import InputError, WriteError
from fewslice.networks.shipped import shipped_weights
from fewslice.networks.weights import read_metadata
from fewslice.workflow.adapt import adapt
from tests.support.known_features import weights_file
from tests.support.phantoms import two_organs
from tests.support.ticking_time import ticks

PHANTOM = two_organs()
SPARSE = PHANTOM.sparse(2, 5, 8, 11, 14)


@pytest.mark.slow
def test_the_file_says_what_was_learned_and_answers_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        finetuned_engine, "monotonic", ticks(1.0)
    )  # 20 folds and steps, however slow
    # Weights that have learned nothing, so that fine-tuning brings something.
    blank = weights_file(tmp_path, random=True)
    output = tmp_path / "mine.safetensors"
    seen: list[float] = []
    found = adapt(
        PHANTOM.image,
        SPARSE,
        output,
        spacing=PHANTOM.spacing,
        options=EngineOptions(blank, 20.0),
        progress=seen.append,
    )
    assert seen == sorted(seen)
    assert found.weights == output
    facts = read_metadata(output)
    assert facts["finetuned steps"] == str(found.steps)
    assert float(facts["finetuned dice"]) == pytest.approx(found.after, abs=1e-4)
    assert found.steps == 0 or found.after > found.before
    engine = Network(blank)
    answers = [
        fewslice.segment(PHANTOM.image, SPARSE, spacing=PHANTOM.spacing, engine=each).probability
        for each in (engine, replace(engine, weights=output))
    ]
    assert np.array_equal(answers[0], answers[1]) == (found.steps == 0)


def test_shipped_weights_are_never_written_over(tmp_path: Path) -> None:
    shipped, _ = shipped_weights()
    link = tmp_path / "mine.safetensors"
    link.symlink_to(shipped)
    before = shipped.read_bytes()
    for path in (shipped, link):
        with pytest.raises(WriteError, match="comes with fewslice and is never changed"):
            adapt(PHANTOM.image, SPARSE, path)
    assert shipped.read_bytes() == before


def test_nothing_drawn_and_nowhere_to_write_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no annotated slice"):
        adapt(PHANTOM.image, np.zeros_like(SPARSE), tmp_path / "mine.safetensors")
    with pytest.raises(WriteError, match="does not exist"):
        adapt(PHANTOM.image, SPARSE, tmp_path / "none" / "mine.safetensors")
    assert not list(tmp_path.iterdir())
