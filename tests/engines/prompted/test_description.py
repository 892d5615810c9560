from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.engines.prompted.description import Description, Intensity, read_description
from fewslice.errors import WeightsError
from tests.support.other_engines import described


def written(folder: Path, given: Any) -> Path:
    path = folder / "a.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def test_a_description_is_read(tmp_path: Path) -> None:
    given = described(
        2, 96, spacing=[1, 0.5], intensity={"kind": "window", "levels": [-100, 300]}
    ) | {"output": "probabilities", "axes": None}
    assert read_description(written(tmp_path, given)) == Description(
        dimensions=2,
        channels=("image", "inside", "outside"),
        patch=(96, 96),
        spacing=(1, 0.5),
        intensity=Intensity("window", (-100, 300)),
        output="probabilities",
    )


def test_what_is_not_said_is_usual(tmp_path: Path) -> None:
    found = read_description(written(tmp_path, described()))
    assert (found.spacing, found.axes, found.output) == (None, None, "logits")
    assert found.intensity == Intensity("percentiles", (0.5, 99.5))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"format": "other"}, "has the format 'other'; this version .* 'fewslice-prompted-netw"),
        ({"dimensions": 4}, "dimensions 4; expected 2 or 3"),
        ({"channels": ["image", "click"]}, "channels image, click; expected image, inside"),
        ({"channels": ["inside"]}, "channels inside; expected image, inside"),
        ({"patch": [64, 64]}, r"patch \[64, 64\]; expected 3 sides"),
        ({"patch": [64, 64, 0.5]}, "expected 3 sides in voxels"),
        ({"patch": 64}, "describes a network with"),
        ({"spacing": [1, 1]}, r"spacing \[1, 1\]; expected 3 numbers"),
        ({"spacing": [1, 1, 0]}, "expected 3 numbers in mm"),
        ({"axes": "RAR"}, "axes 'RAR'; expected those of a volume"),
        ({"intensity": {"kind": "log"}}, "intensity 'log' with 0 levels; expected window or"),
        ({"intensity": {"kind": "window"}}, "'window' with 0 levels"),
        ({"intensity": {"kind": "window", "levels": [3, 1]}}, "expected two that ascend"),
        ({"intensity": {"kind": "percentiles", "levels": [3, 101]}}, "two from 0 to 100"),
        ({"intensity": [0, 1]}, "expected kind and levels"),
        ({"output": "labels"}, "output 'labels'; expected logits or probabilities"),
        ({"more": 1}, "holds 'more', which is not known; expected axes, channels, dimensions"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    path = written(tmp_path, described() | given)
    with pytest.raises(WeightsError, match=said) as caught:
        read_description(path)
    assert str(path) in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r'does not exist; write there .*"dimensions": 3'):
        read_description(tmp_path / "a.json")
    path = tmp_path / "a.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(WeightsError, match="cannot be read as JSON"):
        read_description(path)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(WeightsError, match="has the format 'list'"):
        read_description(path)
    with pytest.raises(WeightsError, match="lacks 'channels'"):
        read_description(
            written(tmp_path, {k: v for k, v in described().items() if k != "channels"})
        )


def test_intensities_by_hand() -> None:
    channel = np.array([-200, -100, 0, 100, 700], dtype=np.float32)
    assert Intensity("window", (-100, 300)).scaled(channel).tolist() == [0, 0, 0.25, 0.5, 1]
    assert Intensity("percentiles", (25, 75)).scaled(channel).tolist() == [0, 0, 0.5, 1, 1]
    found = Intensity("standardise", ()).scaled(channel)  # mean 100, variance 100,000
    assert found.tolist() == pytest.approx(((channel - 100) / np.sqrt(100_000)).tolist())
    for kind in (Intensity(), Intensity("standardise", ())):
        assert not kind.scaled(np.full(4, 5.0, dtype=np.float32)).any()
