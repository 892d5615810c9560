from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fewslice.engines import MonaiBundle, Scan
from fewslice.engines.prompted.bundle import read_bundle
from fewslice.engines.prompted.description import Intensity
from fewslice.errors import WeightsError, codes_of
from tests.support.engine_questions import AXIS, DRAWN, annotate
from tests.support.other_engines import Brightness, Nearby, described, save_bundle
from tests.support.phantoms import two_organs

pytestmark = pytest.mark.slow  # MONAI takes seconds to load

UNET = {
    "_target_": "UNet",
    "_meta_": {"what": "a network"},
    "spatial_dims": 3,
    "in_channels": 3,
    "out_channels": 2,
    "channels": [2, 4],
    "strides": [2],
}


def defined(folder: Path, definition: dict[str, Any], state: Any = None) -> Path:
    """A bundle whose network is defined, with a state_dict instead of TorchScript."""
    save_bundle(folder, Brightness(), inference={"network_def": definition})
    (folder / "models" / "model.ts").unlink()
    if state is not None:
        torch.save(state, folder / "models" / "model.pt")
    return folder


def change_metadata(folder: Path, **given: Any) -> None:
    path = folder / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata["network_data_format"]["inputs"]["image"] |= given
    path.write_text(json.dumps(metadata), encoding="utf-8")


def test_torchscript_with_metadata(tmp_path: Path) -> None:
    inference = {
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 16]},
        "preprocessing": {
            "transforms": [
                {"_target_": "Spacingd", "pixdim": [1, 1, 2]},
                {"_target_": "ScaleIntensityd"},
                {"_target_": "AddGuidanced"},
            ]
        },
    }
    bundle = save_bundle(tmp_path / "a", Nearby(), inference=inference)
    network, remarks = read_bundle(bundle, "cpu")
    assert network.description.channels == ("image", "inside", "outside")
    assert network.description.patch == (32, 32, 16)
    assert network.description.spacing == (1, 1, 2)
    assert network.description.intensity == Intensity("percentiles", (0, 100))
    assert codes_of(remarks) == {"preprocessing-left-out"}
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    found = (
        MonaiBundle(bundle).prepare(scan).predict(annotate(phantom, phantom.sparse(AXIS, *DRAWN)))
    )
    assert codes_of(found.remarks) == {"preprocessing-left-out"}
    assert found.probability[1].max() > 0.9


def test_a_definition_and_a_state(tmp_path: Path) -> None:
    from monai.networks.nets.unet import UNet

    torch.manual_seed(0)
    unet = UNet(3, 3, 2, (2, 4), (2,)).eval()
    bundle = defined(tmp_path / "a", UNET, unet.state_dict())
    network, _ = read_bundle(bundle, "cpu")
    patch = torch.rand(1, 3, 48, 48, 48)
    answer = network.logits(patch.numpy())
    with torch.inference_mode():
        expected = unet(patch)
    np.testing.assert_allclose(answer, (expected[:, 1] - expected[:, 0]).numpy(), atol=1e-4)


def test_our_own_description_comes_first(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path / "a", Nearby())
    change_metadata(bundle, channel_def={"0": "T1", "1": "clicks", "2": "more clicks"})
    with pytest.raises(WeightsError, match=r"a channel 'T1', which .*; say which in .*fewslice.j"):
        read_bundle(bundle, "cpu")
    own = json.dumps(described(2, 64))
    (bundle / "configs" / "fewslice.json").write_text(own, encoding="utf-8")
    assert read_bundle(bundle, "cpu")[0].description.patch == (64, 64)


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (None, "defines no network .network_def.*ckpt_export"),
        ({**UNET, "channels": "$[2, 4]"}, "with expressions"),
        ({**UNET, "act": {"_target_": "torch.nn.ReLU"}}, "with expressions"),
        ({**UNET, "_target_": "os.system"}, "names 'os.system' as its network; only those of"),
        ({**UNET, "_target_": "NoSuchNet"}, "names 'NoSuchNet'"),
        ({**UNET, "spatial_dims": 7}, "defines a UNet that cannot be built"),
        ({**UNET, "wide": True}, "defines a UNet that cannot be built"),
        (UNET, "model.pt does not exist"),
    ],
)
def test_definitions_that_are_not_built(tmp_path: Path, definition: Any, said: str) -> None:
    with pytest.raises(WeightsError, match=said) as caught:
        read_bundle(defined(tmp_path / "a", definition), "cpu")
    assert "\n" not in str(caught.value)


def test_a_state_of_another_network(tmp_path: Path) -> None:
    bundle = defined(tmp_path / "a", UNET, {"a": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"does not fit its bundle \(Missing key.*expected the"):
        read_bundle(bundle, "cpu")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"spatial_shape": ["*", "*", "*"]}, "which is no patch of whole voxels; describe"),
        ({"spatial_shape": [8]}, "describes a network with dimensions 1"),
        ({"channel_def": {"0": "image"}}, "does not say the network's channels"),
        ({"num_channels": "three"}, "does not say the network's channels"),
    ],
)
def test_metadata_that_does_not_say_enough(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    bundle = save_bundle(tmp_path / "a", Nearby())
    change_metadata(bundle, **given)
    with pytest.raises(WeightsError, match=said):
        read_bundle(bundle, "cpu")


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is no MONAI bundle: .*metadata.json does not exist"):
        read_bundle(tmp_path, "cpu")
    (tmp_path / "configs").mkdir()
    for text, said in (("{", "cannot be read as JSON"), ("[]", "holds a list; expected an obj")):
        (tmp_path / "configs" / "metadata.json").write_text(text, encoding="utf-8")
        with pytest.raises(WeightsError, match=said):
            read_bundle(tmp_path, "cpu")
