from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fewslice.engines import Scan, TorchScript
from fewslice.errors import WeightsError, codes_of
from tests.support.engine_questions import AXIS, DRAWN, annotate
from tests.support.other_engines import Brightness, Nearby, described, save_torchscript
from tests.support.phantoms import two_organs

PHANTOM = two_organs()
SCAN = Scan.from_spacing(PHANTOM.image[None], PHANTOM.spacing)


@pytest.mark.slow
def test_the_networks_answer_becomes_probabilities(tmp_path: Path) -> None:
    path = save_torchscript(
        tmp_path / "a.pt",
        Brightness(),
        described(intensity={"kind": "window", "levels": [-10, 30]}),
    )
    annotation = annotate(PHANTOM, np.where(PHANTOM.sparse(AXIS, *DRAWN) == 1, 1, 0))
    found = TorchScript(path).prepare(SCAN).predict(annotation)
    scaled = (PHANTOM.image[found.region.slices] + 10) / 40
    np.testing.assert_allclose(found.probability[1], 1 / (1 + np.exp(-scaled)), atol=1e-3)


def test_of_several_channels_one_is_seen(tmp_path: Path) -> None:
    path = save_torchscript(tmp_path / "a.pt", Nearby(3), described(2))
    scan = Scan(np.stack([PHANTOM.image, 0 * PHANTOM.image]), SCAN.geometry)
    assert codes_of(TorchScript(path).prepare(scan).remarks) == {"one-channel"}
    assert not TorchScript(path, channel=1).prepare(scan).image.any()


def test_files_that_are_no_torchscript(tmp_path: Path) -> None:
    path = save_torchscript(tmp_path / "a.pt", Nearby(), described())
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="cannot be read as TorchScript") as caught:
        TorchScript(path).prepare(SCAN)
    assert "\n" not in str(caught.value)
    path.write_bytes(b"none")
    with pytest.raises(WeightsError, match="cannot be read as TorchScript"):
        TorchScript(path).prepare(SCAN)
    path.unlink()
    with pytest.raises(WeightsError, match=r"a\.pt does not exist; expected a TorchScript file"):
        TorchScript(path).prepare(SCAN)
    path.mkdir()
    with pytest.raises(WeightsError, match="is a folder"):
        TorchScript(path).prepare(SCAN)
