"""The answer of the highest Dice to expect; by hand, without any scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks.multichannel import reached
from benchmarks.next_model_features import Cached, Perceptrons


def scan(chances: list[float], truth: list[int]) -> Cached:
    """Pixels whose only feature is the log-odds of the structure."""
    odds = np.log(np.array(chances) / (1 - np.array(chances)))
    features = odds.reshape(1, 1, -1, 1).astype(np.float16)
    return Cached("scan", features, np.array(truth, dtype=np.int16).reshape(1, 1, -1), 1.0)


def test_what_is_likelier_than_elsewhere_is_the_structure_though_unlikely() -> None:
    weight, bias = torch.tensor([[[0.0, 1.0]]]), torch.zeros(1, 1, 2)
    model = Perceptrons([(weight, bias)])
    # Of .4, .3, .01, .01 (sum .72) the first k promise a Dice of 2 * .4 / 1.72 = .47,
    # 2 * .7 / 2.72 = .51, 2 * .71 / 3.72 = .38 and .31: two pixels, of which one is right.
    assert reached(model, [scan([0.4, 0.3, 0.01, 0.01], [1, 0, 0, 0])]) == pytest.approx(2 / 3)
    assert reached(model, [scan([0.4, 0.3, 0.01, 0.01], [1, 1, 0, 0])]) == pytest.approx(1.0)
    # Where little is expected elsewhere, one likely pixel is all: 2 * .9 / 1.91 = .94.
    assert reached(model, [scan([0.9, 0.005, 0.005], [1, 0, 0])]) == pytest.approx(1.0)
